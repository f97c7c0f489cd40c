"""The contract in force beside the present one: what has changed, and what that means for what is there."""

from __future__ import annotations

import json
from dataclasses import dataclass

from decisionloop.contract.meaning import changes_of_meaning
from decisionloop.learn.changed_contract import Consequence, consequences
from decisionloop.ledger.decisions import decisions_by_action
from decisionloop.ledger.releases import Release, challengers, champion, present_rules
from decisionloop.ledger.use_cases import UseCaseVersion, contract
from decisionloop.release.grounds import Evidence
from decisionloop.workspace import Workspace
from tasks.release.fitness import fitness_of

MOST_NAMED = 6
"""Changes that a line names; the rest is counted."""


@dataclass(frozen=True)
class ChangedContract:
    """From which version to which; ``paths``: what means something else. ``is_other_code``: rules or features are."""

    before: int
    now: int
    paths: tuple[str, ...]
    is_other_code: bool

    def as_text(self) -> str:
        """It in words that follow "under"."""
        version = f"version {self.now} of the contract"
        named = ", ".join(self.paths[:MOST_NAMED])
        more = f" and {len(self.paths) - MOST_NAMED} more" if len(self.paths) > MOST_NAMED else ""
        told = [f"changed: {named}{more}"] if self.paths else []
        told += ["other code"] if self.is_other_code else []
        return f"{version} ({'; '.join(told) or 'other words alone'})"

    def as_evidence(self) -> Evidence:
        """It as a move of a release keeps it."""
        return {
            "contract_version": self.now,
            "version_before": self.before,
            "changed": ", ".join(self.paths),
            "is_other_code": self.is_other_code,
        }


@dataclass(frozen=True)
class ReleaseUnder:
    """A model beside or in the champion's place: whether it goes on under the present contract.

    ``retrain``: why not, a sentence each. ``notes``: what else has changed for it.
    """

    release_id: str
    stage: str
    retrain: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class WhatChanges:
    """Everything that the present contract means for what is there."""

    change: ChangedContract
    releases: tuple[ReleaseUnder, ...]
    consequences: tuple[Consequence, ...]

    @property
    def is_anybody_stopped(self) -> bool:
        """Whether a model that stands now will decide, or stand beside who does, no more."""
        return any(one.retrain for one in self.releases)


def changed_since_in_force(workspace: Workspace) -> ChangedContract | None:
    """What separates the present contract and code from those in force; None where they are, or none was yet."""
    rules, now = present_rules(workspace.ledger, workspace.use_case.name), workspace.use_case
    if rules is None:
        return None
    before = _contract_of(workspace, rules.release)
    is_other_code = json.loads(rules.release.card_json).get("code_digest") != workspace.code.digest
    if before.contract_digest == now.digest and not is_other_code:
        return None
    paths = changes_of_meaning(before.contract_yaml, workspace.folder.text)
    return ChangedContract(before.contract_version, now.version, paths, is_other_code)


def what_changes(workspace: Workspace) -> WhatChanges | None:
    """What the present contract will mean once a batch is opened under it; None where nothing has changed."""
    change = changed_since_in_force(workspace)
    rules = present_rules(workspace.ledger, workspace.use_case.name)
    if change is None or rules is None:
        return None
    name = workspace.use_case.name
    decides = champion(workspace.ledger, name)
    stages = [one for one in (decides, *challengers(workspace.ledger, name)) if one and one.release.scorer_digest]
    fits = [(one, fitness_of(workspace, one.release)) for one in stages]
    releases = tuple(ReleaseUnder(one.release_id, one.stage, fit.retrain, fit.notes) for one, fit in fits)
    before = _contract_of(workspace, rules.release).contract_yaml
    counts = decisions_by_action(workspace.ledger, name)
    return WhatChanges(change, releases, consequences(before, workspace.folder.text, change.paths, counts))


def _contract_of(workspace: Workspace, release: Release) -> UseCaseVersion:
    found = contract(workspace.ledger, release.contract_digest)
    assert found is not None  # held by a foreign key
    return found
