"""Aliases in MLflow follow the ledger, which alone says who decides; one that was moved by hand is set back.

What they followed last stands in the ledger as well: so an alias that a killed run has left behind is told from one
that somebody has moved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from decisionloop.ledger.flags import current_flag, set_flag
from decisionloop.ledger.releases import challengers, current_stages, standing
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.registry import Alias
from decisionloop.workspace import Workspace
from tasks.learn.mlflow_versions import log_rules

FOLLOWED = "mlflow_aliases"
"""The flag that says which releases the aliases named when they last followed."""
Named = Mapping[Alias, str]
"""Alias -> the release that it names."""


@dataclass(frozen=True)
class MovedByHand:
    """An alias that somebody has moved in MLflow; ``version`` is what it named, None where it was removed."""

    alias: Alias
    version: str | None
    release_id: str | None


def wanted(workspace: Workspace) -> Named:
    """What each alias has to name; the challenger is the release that came into shadow, or on trial, last."""
    ledger, name = workspace.ledger, workspace.use_case.name
    now = standing(ledger, name)
    if now is None:
        return {}
    named: dict[Alias, str] = {"champion": now.champion.release_id, "baseline": now.baseline.release_id}
    newest = max(challengers(ledger, name), key=lambda one: one.event.seq, default=None)
    return named if newest is None else named | {"challenger": newest.release_id}


def followed(workspace: Workspace) -> Named | None:
    """What the aliases named when they last followed; None where they never have."""
    flag = current_flag(workspace.ledger, workspace.use_case.name, FOLLOWED)
    return None if flag is None else json.loads(flag.value)


def are_behind(workspace: Workspace) -> bool:
    """Whether releases have moved since the aliases followed; asked of the ledger, for MLflow takes seconds to load."""
    last = followed(workspace)
    return last is not None and last != wanted(workspace)


def follow(workspace: Workspace) -> tuple[MovedByHand, ...]:
    """Let every alias name what the ledger says; returns those that somebody had moved meanwhile."""
    name, registry = workspace.use_case.name, workspace.registry
    log_rules(workspace)
    last, named = followed(workspace), wanted(workspace)
    versions = _versions(workspace)
    present, moved = registry.aliases(name), []
    for alias in get_args(Alias):
        found, right = present.get(alias), versions.get(named.get(alias, ""))
        if found == right:
            continue
        if last is not None and found != versions.get(last.get(alias, "")):
            release_id = next((one for one, version in versions.items() if version == found), None)
            moved.append(MovedByHand(alias, found, release_id))
        if right is None:
            registry.clear_alias(name, alias)
        else:
            registry.set_alias(name, alias, right)
    set_flag(workspace.ledger, name, FOLLOWED, canonical_json(named), "as the ledger says", "decisionloop")
    return tuple(moved)


def _versions(workspace: Workspace) -> Mapping[str, str]:
    """The version of every release that MLflow knows."""
    found = workspace.registry.versions(workspace.use_case.name)
    return {
        one.release_id: found[one.release_id]
        for one in current_stages(workspace.ledger, workspace.use_case.name)
        if one.release_id in found
    }
