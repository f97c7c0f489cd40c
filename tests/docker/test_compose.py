"""compose.yaml is of the compose specification, and every service of it is as closed as an operations team wants it."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from decisionloop.cli.deploy_flows import POOL
from decisionloop.cli.reference import variable
from decisionloop.settings import Settings
from tests.architecture.code import ROOT
from tests.docker.images import COMPOSE, command_of, compose, environment_of, healthcheck_of, image_of, services

SECRET = re.compile(r"password|secret|token|auth_string", re.I)
JOBS = {"upgrade", "deploy", "custody"}


def faults(read: dict[str, Any]) -> Iterator[str]:
    """What an operations team would not let pass, as `service: what`."""
    for name, service in read["services"].items():
        yield from (f"{name}: {fault}" for fault in (*_open_doors(service), *_unbounded(name, service)))
        yield from (f"{name}: {fault}" for fault in _wrong_secrets(service, read["secrets"]))
        for other, condition in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in JOBS else "service_healthy"
            if condition.get("condition") != wanted:
                yield f"{name}: does not wait until {other} is {wanted}"
    for name, secret in read["secrets"].items():
        if secret != {"file": f"./secrets/{name}"}:
            yield f"secret {name}: not from its file"
    if not read["networks"]["database"].get("internal"):
        yield "network database: has a way out"


def _open_doors(service: dict[str, Any]) -> Iterator[str]:
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
        yield "keeps capabilities"
    if service.get("security_opt") != ["no-new-privileges:true"] or service.get("privileged"):
        yield "may gain privileges"
    if not service.get("read_only"):
        yield "may write its root"
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(service.get("user", ""))):
        yield "may be root"
    for port in service.get("ports", ()):
        if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", str(port)):
            yield f"port {port} is open to others"
    if {"default", "host"} & {*service.get("networks", ["default"]), service.get("network_mode", "")}:
        yield "is in a network that it was not given"
    for volume in service.get("volumes", ()):
        if volume.startswith((".", "/")) and not volume.endswith(":ro"):
            yield f"may write {volume} of its host"


def _unbounded(name: str, service: dict[str, Any]) -> Iterator[str]:
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    yield from (f"has no limit of {one}" for one in ("cpus", "memory", "pids") if not limits.get(one))
    yield from (f"{one} has no size" for one in service.get("tmpfs", ()) if ":size=" not in one)
    if service.get("restart") != ("on-failure:3" if name in JOBS else "unless-stopped"):
        yield "is not restarted as it should be"
    if name not in JOBS and not healthcheck_of(service):
        yield "cannot say whether it is healthy"
    if service.get("logging") != {"driver": "local"}:
        yield "logs without an end"  # the default driver never rotates
    if not service.get("init"):
        yield "keeps what its children leave"


def _wrong_secrets(service: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    named = set()
    for key, value in environment_of(service).items():
        if re.search(r"://[^/@\s]*:[^/@\s]*@", str(value)) or (SECRET.search(key) and not key.endswith("_FILE")):
            yield f"{key} holds a secret"
        if str(value).startswith("/run/secrets/"):
            named.add(str(value).removeprefix("/run/secrets/"))
    given = set(service.get("secrets", ()))
    yield from (f"is not given the secret {one}" for one in sorted(named - given))
    yield from (f"is given {one}, which nobody makes" for one in sorted(given - set(known)))


def test_it_is_of_the_compose_specification():
    checker = Path(sys.executable).with_name("check-jsonschema")
    told = subprocess.run([checker, "--builtin-schema", "vendor.compose-spec", COMPOSE], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


def test_what_is_not_of_the_specification_would_be_noticed(tmp_path):
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(yaml.safe_dump({**compose(), "services": {"a": {"image": "b", "capdrop": ["ALL"]}}}))
    checker = Path(sys.executable).with_name("check-jsonschema")
    told = subprocess.run([checker, "--builtin-schema", "vendor.compose-spec", wrong], capture_output=True, text=True)
    assert told.returncode == 1
    assert "capdrop" in told.stdout


def test_every_service_is_closed_bounded_and_waits():
    # The deploying job speaks with no database, so it is not given the password of its settings.
    known = {"deploy: is not given the secret ledger_password"}
    assert set(faults(compose())) - known == set()


BREAKING: dict[str, Callable[[dict[str, Any]], object]] = {
    "worker: keeps capabilities": lambda read: read["services"]["worker"].pop("cap_drop"),
    "mlflow: may gain privileges": lambda read: read["services"]["mlflow"].update(privileged=True),
    "prefect: may write its root": lambda read: read["services"]["prefect"].update(read_only=False),
    "postgres: may be root": lambda read: read["services"]["postgres"].pop("user"),
    "prefect: port 4200:4200 is open to others": lambda read: read["services"]["prefect"].update(ports=["4200:4200"]),
    "worker: is in a network that it was not given": lambda read: read["services"]["worker"].pop("networks"),
    "worker: may write ../usecases:/app/usecases of its host": lambda read: read["services"]["worker"][
        "volumes"
    ].append("../usecases:/app/usecases"),
    "worker: has no limit of memory": lambda read: read["services"]["worker"]["deploy"]["resources"]["limits"].pop(
        "memory"
    ),
    "worker: /tmp has no size": lambda read: read["services"]["worker"].update(tmpfs=["/tmp"]),
    "upgrade: is not restarted as it should be": lambda read: read["services"]["upgrade"].update(restart="always"),
    "postgres: cannot say whether it is healthy": lambda read: read["services"]["postgres"].pop("healthcheck"),
    "deploy: logs without an end": lambda read: read["services"]["deploy"].pop("logging"),
    "worker: keeps what its children leave": lambda read: read["services"]["worker"].pop("init"),
    "mlflow: MLFLOW_BACKEND_STORE_URI holds a secret": lambda read: read["services"]["mlflow"]["environment"].update(
        MLFLOW_BACKEND_STORE_URI="postgresql+psycopg://mlflow:geheim@postgres/mlflow"
    ),
    "prefect: PREFECT_SERVER_API_AUTH_STRING holds a secret": lambda read: read["services"]["prefect"][
        "environment"
    ].update(PREFECT_SERVER_API_AUTH_STRING="admin:geheim"),
    "worker: is not given the secret ledger_password": lambda read: read["services"]["worker"]["secrets"].remove(
        "ledger_password"
    ),
    "worker: is given a_token, which nobody makes": lambda read: read["services"]["worker"]["secrets"].append(
        "a_token"
    ),
    "worker: does not wait until upgrade is service_completed_successfully": lambda read: read["services"]["worker"][
        "depends_on"
    ].update(upgrade={"condition": "service_started"}),
    "secret mlflow_password: not from its file": lambda read: read["secrets"].update(
        mlflow_password={"environment": "MLFLOW_PASSWORD"}
    ),
    "network database: has a way out": lambda read: read["networks"]["database"].pop("internal"),
}


@pytest.mark.parametrize("fault", BREAKING)
def test_a_service_that_is_not_would_be_noticed(fault):
    broken = copy.deepcopy(compose())
    BREAKING[fault](broken)
    assert set(faults(broken)) - set(faults(compose())) == {fault}


@pytest.mark.parametrize("name", services())
def test_a_setting_that_it_names_is_one(name):
    named = {one for one in environment_of(services()[name]) if one.startswith("DECISIONLOOP_")}
    assert named <= {variable(one) for one in Settings.model_fields}


@pytest.mark.parametrize("name", services())
def test_a_setting_of_a_library_that_it_names_is_one(name):
    import mlflow.environment_variables as of_mlflow
    from prefect.settings.legacy import _get_settings_fields  # the lock pins its version
    from prefect.settings.models.root import Settings as PrefectSettings

    of_prefect = set(_get_settings_fields(PrefectSettings))
    names = {one.removesuffix("_FILE") for one in environment_of(services()[name])}
    assert {one for one in names if one.startswith("PREFECT_")} <= of_prefect
    options = {"MLFLOW_BACKEND_STORE_URI"}  # of `mlflow server`
    assert not {one for one in names - options if one.startswith("MLFLOW_") and not hasattr(of_mlflow, one)}


def test_the_worker_serves_the_pool_that_is_deployed_to():
    words = command_of(services()["worker"])
    assert words[words.index("--pool") + 1] == POOL


def test_every_secret_is_made_and_used():
    from tests.docker.scripts import make_secrets

    named = set(compose()["secrets"])
    assert named == {*make_secrets.PASSWORDS, make_secrets.AUTH_STRING, "metrics_key"}  # the ledger makes that one
    given = {one for service in services().values() for one in service.get("secrets", ())}
    read = set(re.findall(r"/run/secrets/(\w+)", (ROOT / "docker" / "init.sql").read_text()))
    assert named == given
    assert read < set(services()["postgres"]["secrets"])


def test_every_image_is_built_from_one_dockerfile_and_tagged_alike():
    built = [service for service in services().values() if "build" in service]
    assert {service["build"]["target"] for service in built} == {"loop", "prefect", "mlflow"}
    for service in built:
        assert (COMPOSE.parent / service["build"]["context"]).resolve() == ROOT
        assert service["image"] == f"decisionloop-{service['build']['target']}:local"
        assert service["user"] == image_of(service).user


def test_the_volumes_of_a_service_lie_where_its_image_has_a_place_for_its_user():
    homes = {name: {one.partition(":")[2] for one in services()[name].get("volumes", ())} for name in services()}
    assert homes["worker"] == {environment_of(services()["worker"])["DECISIONLOOP_HOME"]}
    words = command_of(services()["mlflow"])
    assert homes["mlflow"] == {words[words.index("--artifacts-destination") + 1]}
