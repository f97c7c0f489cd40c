"""docker/kubernetes runs what compose.yaml runs: the same images, commands, environment, secrets, limits and checks."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from tests.architecture.code import ROOT
from tests.docker.images import compose, healthcheck_of, services

FOLDER = ROOT / "docker" / "kubernetes"
KINDS = {"Deployment", "Job", "CronJob", "Service", "PersistentVolumeClaim", "NetworkPolicy", "Kustomization"}
OF_POD = {
    "automountServiceAccountToken", "containers", "enableServiceLinks", "restartPolicy", "securityContext",
    "terminationGracePeriodSeconds", "volumes",
}  # fmt: skip
OF_CONTAINER = {
    "args", "env", "image", "lifecycle", "livenessProbe", "name", "ports", "readinessProbe", "resources",
    "securityContext", "startupProbe", "volumeMounts",
}  # fmt: skip
"""The keys that stand there: an engine ignores one that is misspelt, and no engine runs here."""
POD_IS_CLOSED = {
    "runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
CONTAINER_IS_CLOSED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
BY_A_SCHEDULE = ["--every", "300"]
"""What the watchdog's schedule does there."""


@cache
def _read() -> list[dict[str, Any]]:
    files = sorted(FOLDER.glob("*.yaml"))
    return [one for file in files for one in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def objects() -> list[dict[str, Any]]:
    """Every object of the folder, to be changed by whoever asks."""
    return copy.deepcopy(_read())


def _pods(read: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pod of every workload by its name."""
    found = {}
    for one in read:
        spec = one.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            found[one["metadata"]["name"]] = spec["template"]["spec"]
    return found


def pod(read: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The pod of one workload."""
    return _pods(read)[name]


def container(read: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The only container of one workload."""
    (one,) = pod(read, name)["containers"]
    found: dict[str, Any] = one
    return found


def faults(read: list[dict[str, Any]]) -> Iterator[str]:
    """What is not as compose.yaml has it, or open, as `workload: what`."""
    for name, found in _pods(read).items():
        yield from (f"{name}: {fault}" for fault in (*_other(name, read), *_open(found, container(read, name))))
    ports = {one["metadata"]["name"]: one["spec"].get("ports") for one in read if one["kind"] == "Service"}
    for name in ("prefect", "mlflow", "service"):
        (listening,) = container(read, name)["ports"]
        if [one["port"] for one in ports[name]] != [listening["containerPort"]]:
            yield f"{name}: is not found at its port"


def _other(name: str, read: list[dict[str, Any]]) -> Iterator[str]:
    service, found, one = services()[name], pod(read, name), container(read, name)
    if one["image"] != service["image"]:
        yield "is another image"
    command = [word for word in service.get("command", []) if name != "watchdog" or word not in BY_A_SCHEDULE]
    if one.get("args", []) != command:
        yield "does another thing"
    if {given["name"]: given["value"] for given in one["env"]} != service["environment"]:
        yield "has another environment"
    limits = service["deploy"]["resources"]["limits"]
    if one["resources"]["limits"] != {"cpu": limits["cpus"], "memory": _bytes(limits["memory"])}:
        yield "has other limits"
    volumes = {volume["name"]: volume for volume in found["volumes"]}
    if [item["key"] for item in volumes["secrets"]["secret"]["items"]] != service["secrets"]:
        yield "has other secrets"
    if [f"/tmp:size={_compact(volumes['tmp']['emptyDir']['sizeLimit'])}"] != service["tmpfs"]:
        yield "has another /tmp"
    places = {mount["name"]: mount["mountPath"] for mount in one["volumeMounts"]}
    if {"secrets": "/run/secrets", "tmp": "/tmp"} | _kept(service) != places or set(places) != set(volumes):
        yield "keeps its files elsewhere"
    if found.get("terminationGracePeriodSeconds", 30) < int(service.get("stop_grace_period", "10s").rstrip("s")):
        yield "is killed sooner"
    if name != "watchdog" and not _asks(one.get("livenessProbe", {}), healthcheck_of(service)):
        yield "is asked otherwise whether it lives"


def _open(found: dict[str, Any], one: dict[str, Any]) -> Iterator[str]:
    if found["securityContext"] != POD_IS_CLOSED or one["securityContext"] != CONTAINER_IS_CLOSED:
        yield "may do more than it must"
    if found.get("automountServiceAccountToken") is not False:
        yield "is given a token of the cluster"
    if found.get("enableServiceLinks") is not False:
        yield "is given variables that Prefect and MLflow take for settings"
    yield from (f"{key} is no key of it" for key in (*(set(found) - OF_POD), *(set(one) - OF_CONTAINER)))


def _bytes(size: str) -> str:
    return size.replace("g", "Gi").replace("m", "Mi")


def _compact(size: str) -> str:
    return size.replace("Mi", "m")


def _kept(service: dict[str, Any]) -> dict[str, str]:
    """Where the volumes of a service lie, by their names."""
    return dict(one.split(":") for one in service.get("volumes", ()))


def _asks(probe: dict[str, Any], healthcheck: tuple[str, ...]) -> bool:
    """Whether a probe asks what a health check asks: by its command, or by the address in it."""
    if not healthcheck:
        return not probe
    if "exec" in probe:
        return bool(tuple(probe["exec"]["command"]) == healthcheck)
    (path,) = re.findall(r"http://127\.0\.0\.1:\d+([^']+)'", healthcheck[-1])
    return bool(probe.get("httpGet") == {"path": path, "port": "http"})


def test_everything_of_ours_that_compose_runs_is_there():
    ours = {name for name, service in services().items() if service["image"].startswith("decisionloop-")}
    assert set(_pods(objects())) == ours
    assert {one["kind"] for one in objects()} == KINDS


def test_it_does_what_compose_does_and_is_as_closed():
    assert list(faults(objects())) == []


def test_the_names_that_the_environment_speaks_of_are_there():
    named = {one["metadata"]["name"] for one in objects() if one["kind"] == "Service"}
    text = str([services()[name]["environment"] for name in _pods(objects())])
    assert set(re.findall(r"(?:@|//)(postgres|prefect|mlflow)\b", text)) <= named


def test_what_is_applied_at_once_are_files_of_the_folder_and_not_the_jobs():
    (made,) = [one for one in objects() if one["kind"] == "Kustomization"]
    files = {file.name for file in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(made["resources"]) == files - {"upgrade.yaml", "deploy.yaml", "custody.yaml"}
    images = {service["image"] for service in services().values() if "build" in service}
    assert {f"{one['name']}:{one['newTag']}" for one in made["images"]} == images


def test_every_secret_that_is_mounted_is_made():
    mounted = {item["key"] for one in _pods(objects()).values() for item in one["volumes"][1]["secret"]["items"]}
    assert mounted <= set(compose()["secrets"])


def test_the_service_is_sent_requests_when_it_can_decide_and_until_it_ends():
    one = container(objects(), "service")
    assert one["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert one["lifecycle"]["preStop"]["sleep"]["seconds"] > 0


BREAKING: dict[str, Callable[[list[dict[str, Any]]], object]] = {
    "worker: is another image": lambda read: container(read, "worker").update(image="decisionloop-mlflow:local"),
    "service: does another thing": lambda read: container(read, "service")["args"].pop(),
    "worker: has another environment": lambda read: container(read, "worker")["env"].pop(),
    "mlflow: has other limits": lambda read: container(read, "mlflow")["resources"]["limits"].update(memory="9Gi"),
    "upgrade: has other secrets": lambda read: pod(read, "upgrade")["volumes"][1]["secret"]["items"].clear(),
    "service: is killed sooner": lambda read: pod(read, "service").update(terminationGracePeriodSeconds=5),
    "worker: is asked otherwise whether it lives": lambda read: container(read, "worker").pop("livenessProbe"),
    "prefect: may do more than it must": lambda read: pod(read, "prefect").update(securityContext={}),
    "deploy: is given a token of the cluster": lambda read: pod(read, "deploy").pop("automountServiceAccountToken"),
    "worker: hostNetwork is no key of it": lambda read: pod(read, "worker").update(hostNetwork=True),
    "worker: keeps its files elsewhere": lambda read: container(read, "worker")["volumeMounts"].pop(),
    "mlflow: is not found at its port": lambda read: container(read, "mlflow")["ports"][0].update(containerPort=5001),
}


@pytest.mark.parametrize("fault", BREAKING)
def test_what_is_not_would_be_noticed(fault):
    broken = objects()
    BREAKING[fault](broken)
    assert list(faults(broken)) == [fault]
