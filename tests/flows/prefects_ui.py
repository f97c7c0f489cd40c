"""Prefect's own interface in front of the tests' server, a real worker behind it, and a person who clicks."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

from decisionloop.cli.deploy_flows import POOL
from tests.architecture.code import ROOT
from tests.small_use_case import settings_of

ENDS_SECONDS = 120
SUBMITS = 5
PICTURES = ("retrain_form", "approve_answer", "rollback_answer")
"""What the documentation shows."""


@contextmanager
def interface(folder: Path) -> Iterator[str]:
    """The address of the interface that a server serves, its files unpacked into ``folder``.

    The server of these tests has none, as the others need none; this is its application, in a thread.
    """
    import uvicorn
    from prefect.server.api.server import create_ui_app
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_SERVER_UI_V2_ENABLED,
        PREFECT_UI_API_URL,
        PREFECT_UI_ENABLED,
        PREFECT_UI_STATIC_DIRECTORY,
        temporary_settings,
    )

    settings = {
        PREFECT_UI_ENABLED: True,
        PREFECT_SERVER_UI_V2_ENABLED: False,
        PREFECT_UI_STATIC_DIRECTORY: str(folder),
        PREFECT_UI_API_URL: PREFECT_API_URL.value(),
    }
    with temporary_settings(settings), socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_ui_app(ephemeral=False), log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=20)


@contextmanager
def worker(installation: Path, log: Path) -> Iterator[None]:
    """A worker of the pool that works for an installation, as `make serve` starts it."""
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME

    settings = {
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        "PREFECT_HOME": str(PREFECT_HOME.value()),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "DO_NOT_TRACK": "true",
        "DECISIONLOOP_HOME": str(installation / "home"),
        "DECISIONLOOP_USECASES_DIR": str(installation / "usecases"),
    }
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **settings}, stdout=said, stderr=said, start_new_session=True
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


class Hands:
    """Who carries out the runs that a person starts, for an installation: a worker, or this process in its place.

    A process of one run takes ten seconds of a core to load what this process has loaded already.
    """

    def __init__(self, client: Any, installation: Path, has_worker: bool) -> None:
        self.client, self.installation, self.has_worker = client, installation, has_worker

    def carry_out(self, run_id: UUID) -> Any:
        """The run, when it has ended or waits for a person."""
        deadline = time.monotonic() + ENDS_SECONDS
        while time.monotonic() < deadline:
            run = self.client.read_flow_run(run_id)
            if run.state.is_final() or run.state.is_paused():
                return run
            if self.has_worker:
                time.sleep(0.2)
            else:
                self._run(run)
        raise AssertionError(f"{run_id} is still {self.client.read_flow_run(run_id).state}")

    def _run(self, run: Any) -> None:
        """As a worker's process does it: pending, then whatever the deployment's entrypoint names."""
        from prefect.exceptions import Pause
        from prefect.flow_engine import run_flow
        from prefect.states import Pending

        name = self.client.read_flow(run.flow_id).name
        flow = getattr(importlib.import_module(f"flows.{name}"), name)
        self.client.set_flow_run_state(run.id, Pending())
        with settings_of(self.installation), suppress(Pause):
            run_flow(flow, flow_run=self.client.read_flow_run(run.id), return_type="state")


class Person:
    """Somebody in front of the interface, who fills in forms as they come; pictures of them go to ``album``."""

    def __init__(self, page: Any, address: str, hands: Hands, album: Path) -> None:
        self.page, self.address, self.hands, self.album = page, address, hands, album

    def start(self, deployment: str, prefilled: Mapping[str, object], words: Mapping[str, str], *on: str) -> Any:
        """Open a deployment's form with what a link has filled in, write words, turn switches on, submit; the run."""
        client = self.hands.client
        found = client.read_deployment_by_name(f"{deployment}/{deployment}")
        link = urllib.parse.quote(json.dumps(prefilled))
        self.page.goto(f"{self.address}/deployments/deployment/{found.id}/run?parameters={link}")
        for name, text in words.items():
            self._field(self.page, name).locator("textarea").fill(text)
        for name in on:
            self._field(self.page, name).locator("[role=switch]").click()
        self._keep(f"{deployment}_form")
        created = self._submitted(self.page, "**/create_flow_run")
        return self.hands.carry_out(UUID(created.json()["id"]))

    def resume(self, run: Any, chosen: Mapping[str, str], words: Mapping[str, str]) -> tuple[Any, str]:
        """Open a run that waits, press Resume, fill in its form and submit; the run, and what stood in the form."""
        form = self._filled(run, chosen, words)
        corners = form.get_by_text("Resume Flow Run"), form.get_by_role("button", name="Submit")
        self._keep(f"{self.hands.client.read_flow(run.flow_id).name}_answer", *(one.bounding_box() for one in corners))
        told = form.inner_text()
        self._submitted(form, "**/resume")
        return self.hands.carry_out(run.id), told

    def is_refused(self, run: Any, words: Mapping[str, str], because: str) -> bool:
        """Whether the form itself does not take these words, and says so."""
        form = self._filled(run, {}, words)
        form.get_by_role("button", name="Submit").click()
        form.get_by_text(because).wait_for()
        return bool(self.hands.client.read_flow_run(run.id).state.is_paused())

    def _submitted(self, form: Any, path: str) -> Any:
        """What the server answers to a form that is submitted, again where its SQLite was busy, as a person would."""
        for _ in range(SUBMITS):
            with self.page.expect_response(path) as answered:
                form.get_by_role("button", name="Submit").click()
            if answered.value.status != HTTPStatus.SERVICE_UNAVAILABLE:
                break
        assert answered.value.ok, (answered.value.status, answered.value.text())
        return answered.value

    def _filled(self, run: Any, chosen: Mapping[str, str], words: Mapping[str, str]) -> Any:
        self.page.goto(f"{self.address}/runs/flow-run/{run.id}")
        self.page.get_by_role("button", name="Resume").first.click()
        form = self.page.get_by_role("dialog")
        self._field(form, "By").wait_for()
        for name, value in chosen.items():
            self._choose(self._field(form, name), value)
        for name, text in words.items():
            self._field(form, name).locator("textarea").fill(text)
        return form

    def _choose(self, field: Any, value: str) -> None:
        button = field.locator("button.p-select-button__control")
        button.focus()
        button.press("ArrowDown")
        self.page.locator(".p-select-option__text").get_by_text(value, exact=True).click()

    @staticmethod
    def _field(where: Any, name: str) -> Any:
        page = getattr(where, "page", where)
        label = page.locator(".schema-form-property__label").filter(has_text=_exactly(name))
        return where.locator(".schema-form-property").filter(has=label)

    def _keep(self, name: str, *corners: Mapping[str, float]) -> None:
        """Take a picture of the page, or of what lies between two things on it."""
        clip = _between(*corners) if corners else None
        if name in PICTURES:
            self.page.screenshot(path=self.album / f"prefect_{name}.png", clip=clip)


def _between(first: Mapping[str, float], last: Mapping[str, float], margin: float = 20) -> dict[str, float]:
    """What lies between the upper left corner of one box and the lower right one of another."""
    x, y = first["x"] - margin, first["y"] - margin
    width, height = last["x"] + last["width"] + margin - x, last["y"] + last["height"] + margin - y
    return {"x": x, "y": y, "width": width, "height": height}


def _exactly(name: str) -> re.Pattern[str]:
    """The label of a field, which says whether it is optional."""
    return re.compile(rf"^{re.escape(name)}( \(Optional\))?$")
