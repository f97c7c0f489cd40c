"""``decisionloop serve``: a local Prefect server, a worker a pool, every deployment and automation, and the service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import typer

from decisionloop.cli.deploy_flows import POOL, deploy_flows, own_pools
from decisionloop.errors import ConfigurationError
from decisionloop.settings import load_settings

START_SECONDS = 300.0
SERVICE_PORT = 4280


def serve_locally(host: str = "127.0.0.1", port: int = 4200, start_seconds: float = START_SECONDS) -> None:
    """Run until interrupted; the server may take ``start_seconds`` to start.

    Raises ConfigurationError when a part does not start.
    """
    if not Path("prefect.yaml").is_file():
        raise ConfigurationError(f"no prefect.yaml in {Path.cwd()}. Run this in the project's folder.")
    home = (load_settings().home / "prefect").resolve()
    api = f"http://{host}:{port}/api"
    os.environ.update(
        PREFECT_HOME=str(home),
        PREFECT_API_URL=api,
        PREFECT_UI_STATIC_DIRECTORY=str(home / "interface"),  # else it is unpacked into the environment
        PREFECT_WORKER_QUERY_SECONDS="2",
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops this stops the server and the worker
    with _running("prefect", "server", "start", "--host", host, "--port", str(port)) as server:
        typer.echo(f"Prefect's server is starting at http://{host}:{port} …")
        _wait_until_healthy(f"{api}/health", server, start_seconds)
        deploy_flows()
        with ExitStack() as stack:
            beside = stack.enter_context(_service())
            pools = (POOL, *own_pools())
            workers = [stack.enter_context(_running("prefect", "worker", "start", "--pool", pool)) for pool in pools]
            typer.echo(f"http://{host}:{port} shows every deployment; run one there. Ctrl-C stops all of it.")
            _wait_for_any(server, *workers, *beside)


@contextmanager
def _service() -> Iterator[tuple[subprocess.Popen[bytes], ...]]:
    """`decisionloop service` where somebody may send webhooks; nothing elsewhere."""
    from decisionloop.service.configuration import load_service_file

    if not load_service_file(load_settings().resolved_service_file()).senders:
        yield ()
        return
    with _running("decisionloop.cli", "service", "--port", str(SERVICE_PORT)) as process:
        typer.echo(f"http://127.0.0.1:{SERVICE_PORT}/v1/webhooks/… takes webhooks.")
        yield (process,)


@contextmanager
def _running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", *command], start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes], seconds: float) -> None:
    import httpx

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise ConfigurationError("the Prefect server stopped at once. `decisionloop doctor` says what is wrong.")
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.TransportError:
            pass  # not up yet
        time.sleep(0.5)
    raise ConfigurationError(
        f"no Prefect server at {url} after {seconds:.0f} s. Give it longer by --timeout, or another --port "
        "if that one is taken."
    )


def _wait_for_any(*processes: subprocess.Popen[bytes]) -> None:
    try:
        while all(process.poll() is None for process in processes):
            time.sleep(1)
    except KeyboardInterrupt:
        return
    raise ConfigurationError("the server, the worker or the service stopped by itself; its last lines stand above.")
