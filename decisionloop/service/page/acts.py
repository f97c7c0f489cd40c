"""What people do from the page: each by the one function that the command line calls as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decisionloop.errors import UsageError
from decisionloop.service.configuration import Scope
from decisionloop.service.page.forms import required

if TYPE_CHECKING:
    from decisionloop.ledger.flags import Position
    from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class Asked:
    """An act as a form asks for it: of which use case, by whom and why, and the form's other fields."""

    use_case: str
    by: str
    reason: str
    form: Mapping[str, str]
    usecases: Path


@dataclass(frozen=True)
class Act:
    """Something that can be done, and the scope that it asks for. ``do`` raises UsageError where it cannot be."""

    scope: Scope
    do: Callable[[Ledger, Asked], object]


def _acknowledge(ledger: Ledger, asked: Asked) -> object:
    from decisionloop.ledger.incidents import acknowledge

    incident = required(asked.form, "incident", "which incident")
    if incident.partition("/")[0] != asked.use_case:
        raise UsageError(f"{incident} is no incident of {asked.use_case}.")
    return acknowledge(ledger, incident, asked.by, asked.reason)


def _turning(position: Position) -> Callable[[Ledger, Asked], object]:
    def turned(ledger: Ledger, asked: Asked) -> object:
        from decisionloop.ledger.approvers import approvers_named
        from decisionloop.ledger.kill_switch import Turn, turn

        to = Turn(asked.use_case, position, asked.reason, asked.by)
        return turn(ledger, to, lambda: approvers_named(ledger, asked.usecases, asked.use_case))

    return turned


def _release(ledger: Ledger, asked: Asked) -> object:
    from decisionloop.ledger.approvers import approvers_named
    from decisionloop.ledger.held_actions import release_held

    batch = required(asked.form, "batch", "of which batch")
    approvers = approvers_named(ledger, asked.usecases, asked.use_case)
    return release_held(ledger, asked.use_case, [batch], asked.reason, asked.by, approvers)


def _cancel(ledger: Ledger, asked: Asked) -> object:
    from decisionloop.ledger.held_actions import cancel_held

    batch = required(asked.form, "batch", "of which batch")
    return cancel_held(ledger, asked.use_case, [batch], asked.reason, asked.by)


ACTS: Mapping[str, Act] = {
    "acknowledge": Act("flag", _acknowledge),
    "kill-switch-on": Act("flag", _turning("on")),
    "kill-switch-default": Act("flag", _turning("default")),
    "kill-switch-off": Act("flag", _turning("off")),
    "release-held": Act("release", _release),
    "cancel-held": Act("release", _cancel),
}
"""Every act by the last part of its address."""
