"""``decisionloop deploy-flows``: the work pool, every deployment of prefect.yaml and every automation, on a server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import typer

from decisionloop.cli.automations import crash_silent_runs
from decisionloop.errors import ConfigurationError

POOL = "decisionloop"


def deploy_flows() -> None:
    """Make the work pool where there is none, and apply every deployment and automation; may be done again at any time.

    A pool that is there stays as people have set it: paused, or with a limit. An automation that somebody has switched
    off stays off. Raises ConfigurationError where there is
    no prefect.yaml, no server is named, or it refuses.
    """
    if not Path("prefect.yaml").is_file():
        raise ConfigurationError(f"no prefect.yaml in {Path.cwd()}. Run this in the project's folder.")
    if not os.environ.get("PREFECT_API_URL"):
        raise ConfigurationError("no Prefect server to deploy to. Set PREFECT_API_URL, or use `decisionloop serve`.")
    make_pool()
    command = ["prefect", "--no-prompt", "deploy", "--all"]
    told = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    if told.returncode:
        raise ConfigurationError(f"`{' '.join(command)}` failed:\n{told.stdout}{told.stderr}")
    crash_silent_runs()
    typer.echo(f"every deployment of prefect.yaml is at {os.environ['PREFECT_API_URL']}.")


def make_pool() -> None:
    """Make the work pool where there is none. Raises ConfigurationError where the server does not let us."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    try:
        with get_client(sync_client=True) as client:
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    except ObjectAlreadyExists:
        return
    except (httpx.HTTPError, RuntimeError) as error:
        raise ConfigurationError(
            f"the Prefect server at {os.environ['PREFECT_API_URL']} did not make the work pool {POOL}: {error}. "
            "Check that it is up, and PREFECT_API_AUTH_STRING."
        ) from error
