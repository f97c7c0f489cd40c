"""prefect.yaml with the deployments and schedules of every use case that there is, made from the contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from decisionloop.contract.loading import FILE_NAME

LOOP = "flows/loop.py:loop"


@dataclass(frozen=True)
class Scheduled:
    """What the deployments of a use case take from its contract."""

    name: str
    title: str
    cron: str
    timezone: str


def scheduled_use_cases(usecases_dir: Path) -> tuple[Scheduled, ...]:
    """Every use case in a folder, by name. Raises ContractError for a faulty contract."""
    from decisionloop.contract import load_use_case

    found = [load_use_case(path.parent).use_case for path in sorted(usecases_dir.glob(f"*/{FILE_NAME}"))]
    return tuple(Scheduled(one.name, one.title, one.schedule.cron, one.schedule.timezone) for one in found)


def composed(written: Mapping[str, Any], use_cases: Sequence[Scheduled]) -> dict[str, Any]:
    """The file as it is ``written``, for these use cases and no others; as it is where there are none.

    Each has a deployment of the loop by its contract's schedule, and a schedule of whatever runs once a use case.
    What is added is switched off, as everything is until a person switches it on.
    """
    file: dict[str, Any] = {key: deepcopy(value) for key, value in written.items() if key != "definitions"}
    if not use_cases:
        return file
    known = {one.name: one for one in use_cases}
    loops = {one["parameters"]["use_case"]: one for one in file["deployments"] if one["entrypoint"] == LOOP}
    shared = [one for one in file["deployments"] if one["entrypoint"] != LOOP]
    template = next(iter(loops.values()))
    turns = [_of_contract(loops.get(name) or _new_loop(template, one), one) for name, one in known.items()]
    return file | {"deployments": [*turns, *(_for_each(one, tuple(known)) for one in shared)]}


def as_yaml(file: Mapping[str, Any]) -> str:
    """The file as text, without the shorthands that it was written with."""

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return yaml.dump(dict(file), Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)


def _new_loop(template: Mapping[str, Any], use_case: Scheduled) -> dict[str, Any]:
    own = {
        "name": use_case.name,
        "description": f"One turn of the loop, predict → act → observe → learn: {use_case.title.rstrip('.')}.",
        "parameters": {"use_case": use_case.name},
        "tags": [use_case.name, "loop"],
        "schedules": [{"active": False, "slug": "contract"}],
    }
    return {**deepcopy(dict(template)), **own}


def _of_contract(loop: Mapping[str, Any], use_case: Scheduled) -> dict[str, Any]:
    """A deployment of the loop whose schedule is the contract's."""
    due = {"cron": use_case.cron, "timezone": use_case.timezone}
    return {**loop, "schedules": [{**one, **due} for one in loop["schedules"]]}


def _for_each(deployment: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A deployment that is of all, with a schedule for each of them where it has any."""
    made = dict(deployment)
    default = made.get("parameters", {}).get("use_case")
    written = {one.get("parameters", {}).get("use_case", default): one for one in made.get("schedules", [])}
    if default is not None and default not in names:
        made["parameters"] = {**made["parameters"], "use_case": names[0]}
    if written:
        first = next(iter(written.values()))
        made["schedules"] = [written.get(name) or _new_schedule(first, name) for name in names]
    return made


def _new_schedule(template: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {**template, "active": False, "slug": name, "parameters": {"use_case": name}}
