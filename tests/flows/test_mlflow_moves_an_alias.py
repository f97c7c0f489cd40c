"""MLflow's own server says that somebody moved an alias: the release flow runs, and treats it as a request."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.releases import champion
from decisionloop.ledger.webhooks import delivery_counts
from decisionloop.settings import load_settings
from tests.architecture.code import ROOT
from tests.flows.conftest import Life
from tests.flows.prefects_ui import Hands
from tests.service.processes import ServiceProcess
from tests.small_use_case import settings_of

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.exhaustive]  # three servers take half a minute to start

SECRET, STARTS_SECONDS, ARRIVES_SECONDS = "a secret of the registry's", 120, 60
PAGE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
(FILE,) = (one for one in re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S) if "mlflow_aliases" in one)


@contextmanager
def mlflow_server(store: str, log: Path) -> Iterator[str]:
    """MLflow's server in front of a store, which may send to this machine; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    allowed = {
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
    }  # fmt: skip
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--workers", "1"]
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, **allowed}, stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
        try:
            _await_health(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)


def _await_health(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTS_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise AssertionError(f"MLflow did not start:\n{log.read_text()}")


def started_by_webhook(client):
    """The runs that webhooks have started, waited for."""
    deadline = time.monotonic() + ARRIVES_SECONDS
    while time.monotonic() < deadline:
        if found := [run for run in client.read_flow_runs() if "webhook" in run.tags]:
            return found
        time.sleep(0.2)
    raise AssertionError("no run was started")


def test_an_alias_that_a_person_moves_in_mlflow_starts_the_flow_and_decides_nothing(deployed, life: Life, tmp_path):
    from mlflow import MlflowClient
    from prefect.settings import PREFECT_API_URL

    with settings_of(life.folder):
        store = load_settings().resolved_mlflow_uri()
    registry, before = life.workspace.registry, life.workspace.registry.aliases("small")
    decides = champion(life.ledger, "small")
    file = tmp_path / "service.toml"
    file.write_text(FILE)
    environment = {
        "DECISIONLOOP_HOME": str(life.folder / "home"), "DECISIONLOOP_USECASES_DIR": str(life.folder / "usecases"),
        "DECISIONLOOP_SERVICE_FILE": str(file), "MLFLOW_WEBHOOK_SECRET": SECRET,
    }  # fmt: skip
    with mlflow_server(store, tmp_path / "mlflow.log") as url:
        service = ServiceProcess(tmp_path / "service.log", environment, PREFECT_API_URL.value())
        client = MlflowClient(tracking_uri=url, registry_uri=url)
        hook = f"{service.url}/v1/webhooks/mlflow_aliases"
        client.create_webhook("decisionloop", hook, ["model_version_alias.created"], secret=SECRET)
        client.set_registered_model_alias("small", "champion", before["baseline"])
        assert registry.aliases("small")["champion"] == before["baseline"] != before["champion"]
        (run,) = started_by_webhook(deployed)
        assert run.parameters == {"use_case": "small"}
        assert run.idempotency_key.startswith("webhook/mlflow_aliases/")
        ended = Hands(deployed, life.folder, has_worker=False).carry_out(run.id)
        assert ended.state.is_completed()
        # It was a request: nobody decides otherwise, the alias is back, and people know.
        assert registry.aliases("small") == before
        assert champion(life.ledger, "small") == decides
        (told,) = [one.message for one in alerts(life.ledger, "small") if one.kind == "alias"]
        assert "Somebody moved an alias of small in MLflow" in told
        # The registry's own write back is no event: the flow is not started by what it has done.
        assert len(started_by_webhook(deployed)) == 1
        assert [(one.state, one.deliveries) for one in delivery_counts(life.ledger)] == [("started", 1)]
        service.stop()
