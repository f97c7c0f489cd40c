"""Aliases in MLflow follow the ledger, which alone says who decides.

What they followed last stands in the ledger as well: so an alias that a killed run has left behind is told from one
that somebody has moved, which is answered as the request that it is, and set back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import get_args

from decisionloop.ledger.flags import MLFLOW_ALIASES, current_flag, set_flag
from decisionloop.ledger.releases import challengers, current_stages, standing
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.registry import Alias
from decisionloop.workspace import Workspace
from tasks.learn.mlflow_versions import log_rules
from tasks.release.mlflow_words import describe_versions
from tasks.release.moved_by_hand import MovedByHand, answer

Named = Mapping[Alias, str]
"""Alias -> the release that it names."""


def wanted(workspace: Workspace) -> Named:
    """What each alias has to name; the challenger is the release that came into shadow last."""
    ledger, name = workspace.ledger, workspace.use_case.name
    now = standing(ledger, name)
    if now is None:
        return {}
    named: dict[Alias, str] = {"champion": now.champion.release_id, "baseline": now.baseline.release_id}
    newest = max(challengers(ledger, name), key=lambda one: one.event.seq, default=None)
    return named if newest is None else named | {"challenger": newest.release_id}


def are_behind(workspace: Workspace) -> bool:
    """Whether releases have moved since the aliases followed; asked of the ledger, for MLflow takes seconds to load."""
    flag = current_flag(workspace.ledger, workspace.use_case.name, MLFLOW_ALIASES)
    if flag is None:
        return is_anything_logged(workspace)
    return bool(json.loads(flag.value) != wanted(workspace))


def is_anything_logged(workspace: Workspace) -> bool:
    """Whether a model was ever logged: before that MLflow knows nothing of the use case."""
    stages = current_stages(workspace.ledger, workspace.use_case.name)
    return any(one.release.mlflow_version is not None for one in stages)


def follow(workspace: Workspace) -> tuple[MovedByHand, ...]:
    """Let every alias name what the ledger says; returns those that somebody had moved.

    What was moved is answered before it is set back: a run that is killed in between is repeated, and says it once.
    """
    name, ledger = workspace.use_case.name, workspace.ledger
    log_rules(workspace)
    # The aliases first: one that another run lets follow meanwhile must not look as if somebody had moved it.
    present, versions = workspace.registry.aliases(name), workspace.registry.versions(name)
    flag = current_flag(ledger, name, MLFLOW_ALIASES)
    moved: tuple[MovedByHand, ...] = ()
    if flag is not None:
        moved = _moved(present, versions, (wanted(workspace), json.loads(flag.value)))
        answer(workspace, moved, f"{MLFLOW_ALIASES} {flag.seq}")
    named = wanted(workspace)
    _set(workspace, {alias: versions.get(release_id) for alias, release_id in named.items()})
    describe_versions(workspace)
    reason = f"set back at {utc_now().isoformat()}" if moved else "as the ledger says"
    set_flag(ledger, name, MLFLOW_ALIASES, canonical_json(named), reason, "decisionloop")
    return moved


def _moved(present: Mapping[str, str], versions: Mapping[str, str], right: Sequence[Named]) -> tuple[MovedByHand, ...]:
    """The aliases that name neither what the ledger says now nor what they named when they last followed."""
    moved = []
    releases = {version: release_id for release_id, version in versions.items()}
    for alias in get_args(Alias):
        found = present.get(alias)
        if found not in [versions.get(named.get(alias, "")) for named in right]:
            moved.append(MovedByHand(alias, found, releases.get(found or "")))
    return tuple(moved)


def _set(workspace: Workspace, versions: Mapping[Alias, str | None]) -> None:
    name, registry = workspace.use_case.name, workspace.registry
    present = registry.aliases(name)
    for alias in get_args(Alias):
        version = versions.get(alias)
        if version is None:
            registry.clear_alias(name, alias)
        elif present.get(alias) != version:
            registry.set_alias(name, alias, version)
