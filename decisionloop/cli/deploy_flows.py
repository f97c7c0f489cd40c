"""``decisionloop deploy-flows``: the work pools, every deployment and every automation, on a server."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import typer
import yaml

from decisionloop.cli.automations import crash_silent_runs, tell_of_late_runs
from decisionloop.cli.deployment_file import as_yaml, composed, scheduled_use_cases
from decisionloop.contract.loading import FILE_NAME
from decisionloop.errors import ConfigurationError
from decisionloop.settings import load_settings

POOL = "decisionloop"


def write_flows(path: Path) -> None:
    """Write prefect.yaml, with what each contract adds to it, and apply nothing.

    Raises ConfigurationError where there is no prefect.yaml, and ContractError for a faulty contract.
    """
    path.write_text(_composed(), encoding="utf-8")
    typer.echo(f"{path} has every deployment. Apply it here: prefect --no-prompt deploy --all --prefect-file {path}")


def deploy_flows() -> None:
    """Make each work pool that is not there, and apply every deployment and automation; may be done again.

    The deployments are those of prefect.yaml, and those that the contracts of all use cases add. A pool that is there
    stays as people have set it: paused, or with a limit. An automation that somebody has switched off stays off.
    Raises ConfigurationError where there is no prefect.yaml, no server is named, or it refuses; ContractError for a
    faulty contract.
    """
    told = _composed()
    if not os.environ.get("PREFECT_API_URL"):
        raise ConfigurationError("no Prefect server to deploy to. Set PREFECT_API_URL, or use `decisionloop serve`.")
    own = own_pools()
    for pool, limit in {POOL: None, **own}.items():
        make_pool(pool, limit)
    _apply(told)
    offer_use_cases([one.name for one in scheduled_use_cases(load_settings().usecases_dir)])
    send_to_own_pools(own)
    crash_silent_runs()
    for missing in tell_of_late_runs(own_channels()):
        typer.echo(f"{missing} is no block of this server: it tells nobody. Make it, and deploy again.", err=True)
    typer.echo(f"every deployment of prefect.yaml and of the contracts is at {os.environ['PREFECT_API_URL']}.")


def _composed() -> str:
    """prefect.yaml of this folder with what the contracts add, as text."""
    written = Path("prefect.yaml")
    if not written.is_file():
        raise ConfigurationError(f"no prefect.yaml in {Path.cwd()}. Run this in the project's folder.")
    use_cases = scheduled_use_cases(load_settings().usecases_dir)
    return as_yaml(composed(yaml.safe_load(written.read_text(encoding="utf-8")), use_cases))


def _apply(file: str) -> None:
    command = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "prefect.yaml")
        path.write_text(file, encoding="utf-8")
        told = subprocess.run([sys.executable, "-m", *command, str(path)], capture_output=True, text=True)
    if told.returncode:
        raise ConfigurationError(f"`{' '.join(command)}` failed:\n{told.stdout}{told.stderr}")


def offer_use_cases(names: Sequence[str]) -> None:
    """Let the form of every deployment offer these use cases, and the server take no other."""
    if not names:
        return
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import DeploymentUpdate

    with get_client(sync_client=True) as client:
        for one in client.read_deployments():
            schema = one.parameter_openapi_schema
            is_ours = str(one.entrypoint).startswith("flows/")
            if is_ours and schema is not None and "use_case" in schema.get("properties", {}):
                asked = schema["properties"]["use_case"] | {"enum": list(names)}
                offered = {**schema, "properties": {**schema["properties"], "use_case": asked}}
                client.update_deployment(one.id, DeploymentUpdate(parameter_openapi_schema=offered))


def own_pools() -> dict[str, int]:
    """The pools of use cases whose contract asks for one, each with the runs that it takes at a time.

    Raises ContractError for a faulty contract.
    """
    from decisionloop.contract import load_use_case

    folders = sorted(path.parent for path in load_settings().usecases_dir.glob(f"*/{FILE_NAME}"))
    asked = {folder.name: load_use_case(folder).use_case.schedule.concurrent_runs for folder in folders}
    return {pool_of(name): limit for name, limit in asked.items() if limit is not None}


def own_channels() -> tuple[str, ...]:
    """The channels through which contracts tell people, each once. Raises ContractError for a faulty contract."""
    from decisionloop.contract import load_use_case

    folders = sorted(path.parent for path in load_settings().usecases_dir.glob(f"*/{FILE_NAME}"))
    told = (one for folder in folders for one in load_use_case(folder).use_case.monitors.notifications)
    return tuple(dict.fromkeys(one.block for one in told))


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
