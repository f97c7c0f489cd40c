"""What docker/Dockerfile says of each image, and docker/compose.yaml of each service: read, not run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.code import ROOT

DOCKERFILE = ROOT / "docker" / "Dockerfile"
COMPOSE = ROOT / "docker" / "compose.yaml"
COMMENT = re.compile(r"^\s*#.*\n", re.M)
WITH_DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")


@dataclass(frozen=True)
class Image:
    """A stage of the Dockerfile, with what it has from the stage that it is made from."""

    base: str = ""
    user: str = ""
    workdir: str = "/"
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    healthcheck: tuple[str, ...] = ()
    copied: tuple[tuple[str, str], ...] = ()
    """What is copied from the project, and where to."""
    ran: tuple[str, ...] = ()


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction of a Dockerfile with its arguments, on one line."""
    for line in COMMENT.sub("", text).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


@cache
def images() -> dict[str, Image]:
    """Every stage of the Dockerfile by its name."""
    stages: dict[str, Image] = {}
    name = ""
    for instruction, rest in instructions(DOCKERFILE.read_text(encoding="utf-8")):
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            stages[name] = replace(stages.get(base, Image(base)), ran=())
        elif name:
            stages[name] = _after(stages[name], instruction, rest)
    return stages


def _after(image: Image, instruction: str, rest: str) -> Image:
    match instruction:
        case "ENV":
            return replace(image, environment=image.environment | _pairs(rest))
        case "LABEL":
            return replace(image, labels=image.labels | _pairs(rest))
        case "USER":
            return replace(image, user=rest)
        case "WORKDIR":
            return replace(image, workdir=rest)
        case "ENTRYPOINT":
            return replace(image, entrypoint=tuple(json.loads(rest)))
        case "CMD":
            return replace(image, command=tuple(json.loads(rest)))
        case "HEALTHCHECK":
            return replace(image, healthcheck=tuple(json.loads(rest.partition("CMD ")[2])))
        case "RUN":
            return replace(image, ran=(*image.ran, rest))
        case "COPY" if "--from" not in rest:
            *sources, target = rest.split()
            place = target if target.startswith("/") else f"{image.workdir}/{target.removeprefix('./')}"
            return replace(image, copied=(*image.copied, *((one, place) for one in sources)))
    return image


def _pairs(text: str) -> dict[str, str]:
    pairs = (one.partition("=") for one in shlex.split(text))
    return {name: value for name, _, value in pairs}


@cache
def compose(path: Path = COMPOSE) -> dict[str, Any]:
    """The compose file with its anchors resolved and each variable at its default."""
    text = WITH_DEFAULT.sub(r"\1", path.read_text(encoding="utf-8"))
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def services() -> dict[str, dict[str, Any]]:
    """Every service of the compose file."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def image_of(service: dict[str, Any]) -> Image:
    """The image of a service: one of ours, or one that knows nothing of us."""
    return images()[service["build"]["target"]] if "build" in service else Image(service["image"])


def started_by_up() -> tuple[str, ...]:
    """The services that `docker compose up` starts: those of a profile wait to be named."""
    return tuple(name for name, service in services().items() if not service.get("profiles"))


def command_of(service: dict[str, Any]) -> tuple[str, ...]:
    """What the container runs: entry point and command."""
    image = image_of(service)
    return (*image.entrypoint, *service.get("command", image.command))


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    """What the container's processes find in their environment."""
    return {**image_of(service).environment, **service.get("environment", {})}


def healthcheck_of(service: dict[str, Any]) -> tuple[str, ...]:
    """The command that says whether the container is healthy; none for a job."""
    own = service.get("healthcheck", {})
    if own.get("disable"):
        return ()
    return tuple(own["test"][1:]) if "test" in own else image_of(service).healthcheck
