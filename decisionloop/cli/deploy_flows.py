"""``decisionloop deploy-flows``: the work pools, every deployment of prefect.yaml and every automation, on a server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import typer

from decisionloop.cli.automations import crash_silent_runs
from decisionloop.contract.loading import FILE_NAME
from decisionloop.errors import ConfigurationError
from decisionloop.settings import load_settings

POOL = "decisionloop"


def deploy_flows() -> None:
    """Make each work pool that is not there, and apply every deployment and automation; may be done again.

    A pool that is there stays as people have set it: paused, or with a limit. An automation that somebody has switched
    off stays off. Raises ConfigurationError where there is
    no prefect.yaml, no server is named, or it refuses.
    """
    if not Path("prefect.yaml").is_file():
        raise ConfigurationError(f"no prefect.yaml in {Path.cwd()}. Run this in the project's folder.")
    if not os.environ.get("PREFECT_API_URL"):
        raise ConfigurationError("no Prefect server to deploy to. Set PREFECT_API_URL, or use `decisionloop serve`.")
    own = own_pools()
    for pool, limit in {POOL: None, **own}.items():
        make_pool(pool, limit)
    command = ["prefect", "--no-prompt", "deploy", "--all"]
    told = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    if told.returncode:
        raise ConfigurationError(f"`{' '.join(command)}` failed:\n{told.stdout}{told.stderr}")
    send_to_own_pools(own)
    crash_silent_runs()
    typer.echo(f"every deployment of prefect.yaml is at {os.environ['PREFECT_API_URL']}.")


def own_pools() -> dict[str, int]:
    """The pools of use cases whose contract asks for one, each with the runs that it takes at a time.

    Raises ContractError for a faulty contract.
    """
    from decisionloop.contract import load_use_case

    folders = sorted(path.parent for path in load_settings().usecases_dir.glob(f"*/{FILE_NAME}"))
    asked = {folder.name: load_use_case(folder).use_case.schedule.concurrent_runs for folder in folders}
    return {pool_of(name): limit for name, limit in asked.items() if limit is not None}


def pool_of(use_case: str) -> str:
    """What the pool of a use case is called, where it has one."""
    return f"{POOL}-{use_case}"


def make_pool(name: str, limit: int | None) -> None:
    """Make a work pool where there is none. Raises ConfigurationError where the server does not let us."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    try:
        with get_client(sync_client=True) as client:
            client.create_work_pool(WorkPoolCreate(name=name, type="process", concurrency_limit=limit))
    except ObjectAlreadyExists:
        return
    except (httpx.HTTPError, RuntimeError) as error:
        raise ConfigurationError(
            f"the Prefect server at {os.environ['PREFECT_API_URL']} did not make the work pool {name}: {error}. "
            "Check that it is up, and PREFECT_API_AUTH_STRING."
        ) from error


def send_to_own_pools(own: Collection[str]) -> None:
    """Let every deployment that is of one use case go to the pool of that, where it has one."""
    if not own:
        return
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import DeploymentUpdate

    with get_client(sync_client=True) as client:
        for one in client.read_deployments():
            pool = pool_of(str(one.parameters.get("use_case", "")))
            if pool in own:
                client.update_deployment(one.id, DeploymentUpdate(work_pool_name=pool))
