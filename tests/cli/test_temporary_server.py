"""The Prefect server of one command: it answers at its own address, and nothing survives the command."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from decisionloop.cli.temporary_server import TemporaryServer
from decisionloop.errors import ConfigurationError

START_SECONDS, END_SECONDS = 600, 60
COMMAND = f"""
import time
from decisionloop.cli.temporary_server import temporary_server

server = temporary_server()
assert temporary_server() is server
server.wait({START_SECONDS})
print(server.url, flush=True)
time.sleep({START_SECONDS})
"""


def test_it_answers_where_it_says_and_does_not_outlive_a_killed_command(tmp_path):
    # A server elsewhere is not its business: it is started because nobody is to ask that one.
    quiet = {"PREFECT_HOME": str(tmp_path), "PREFECT_API_URL": "http://127.0.0.1:9/api", "DO_NOT_TRACK": "true"}
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND], env={**os.environ, **quiet}, stdout=subprocess.PIPE, text=True
    )
    url = command.stdout.readline().strip()
    assert httpx.get(f"{url}/health", timeout=30).json() is True
    command.send_signal(signal.SIGKILL)
    command.wait()
    with pytest.raises(httpx.TransportError):
        _ask_as_long_as_it_answers(f"{url}/health")
    command.stdout.close()


def _ask_as_long_as_it_answers(url: str) -> None:
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        httpx.get(url, timeout=30)
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("server", "seconds", "happened"),
    [("exit 3", 30, "ended with 3"), ("exec sleep 60", 0.2, "did not answer within 0.2 s")],
)
def test_a_server_that_does_not_start_is_said_and_leaves_nothing(tmp_path, monkeypatch, server, seconds, happened):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\n{server}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr("decisionloop.cli.temporary_server.STOP_SECONDS", 0.5)
    started = TemporaryServer()
    with pytest.raises(ConfigurationError, match=f"{happened}.*EPHEMERAL_STARTUP_TIMEOUT_SECONDS"):
        started.wait(seconds)
    assert not started.certificates.exists()
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_its_clients_load_one_certificate(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    started = TemporaryServer()
    context = ssl.create_default_context(cafile=str(started.certificates))
    assert context.cert_store_stats()["x509_ca"] == 1
    assert Path(started.certificates).is_file()
    started.stop()
