"""Our service with a model that decides, one in shadow, exact reasons, strict validation, an API key and a ledger."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import yaml

from benchmarks.large_batch.run import Setup
from benchmarks.online_servers.asked import as_ours, write_requests
from benchmarks.online_servers.server import Server, free_port, serving
from benchmarks.processes import call_apart

PATH = "/v1/large_batch/decisions"
KEY = "the key of a benchmark, which opens nothing else"


def install_online(setup: dict[str, object]) -> str:
    """Write the use case, register its releases, and keep the key; a ledger on SQLite where ``setup`` names none."""
    from benchmarks.large_batch.make import install_releases, write_use_case
    from decisionloop.ledger.api_keys import keep_key
    from decisionloop.settings import load_settings

    where = Setup(**setup)  # type: ignore[arg-type]
    contract = write_use_case(Path(where.usecases), 1_000) / "usecase.yaml"
    told = yaml.safe_load(contract.read_text(encoding="utf-8")) | {"online": {}}
    contract.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    where.enter()
    install_releases()
    from decisionloop.ledger.storage.engine import open_ledger

    with open_ledger(load_settings().resolved_ledger_url()) as ledger:
        keep_key(ledger, "benchmark", hashlib.sha256(KEY.encode()).hexdigest(), ["decide"], "benchmark")
    return where.home


@contextmanager
def ours(folder: Path, ledger_url: str = "", workers: int = 1) -> Iterator[Server]:
    """The service, installed in a new ``folder`` (what was trained lies beside it) with its ledger at a URL."""
    setup = Setup(str(folder / "home"), str(folder.parent / "usecases"), ledger_url)
    Path(setup.home).mkdir(parents=True)
    call_apart(install_online, asdict(setup))
    environment = {
        "DECISIONLOOP_HOME": setup.home,
        "DECISIONLOOP_USECASES_DIR": setup.usecases,
        "DECISIONLOOP_LEDGER_URL": ledger_url,
    }
    port, requests = free_port(), write_requests(folder / "ours.txt", PATH, as_ours, KEY)
    command = [sys.executable, "-m", "decisionloop.cli", "service", "--port", str(port), "--workers", str(workers)]
    with serving(command, port, "/ready", requests, environment) as server:
        yield server
