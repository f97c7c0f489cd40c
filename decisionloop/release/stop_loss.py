"""Stop-loss: what has surely earned less than something simpler decides no more.

A model gives its place to the better of the rules and the default action for everybody, rules give theirs to the
default action, where its money is known without an outcome. That is no lock. What the rules would do is explored
within the budget and the holdout stays on them, so the default action in their place is held against them by the same
monitors, and gives way when it has surely earned less. The open incident asks for a retraining, and whatever is trained
decides again where the gate says that it would have earned more than what decides now. A stopped model itself comes
back by a person alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from decisionloop.release.grounds import GUARD, Grounds

REPLACED = ("rules", "holdout")
"""What a model's losses are against that take its place away whatever else is known: it replaced them."""
DEFAULT = "default"
"""Against the default action for everybody; of rules without what was explored."""


@dataclass(frozen=True)
class Loss:
    """A release has surely earned less than ``against`` (`REPLACED`, `DEFAULT`): an alarm of a value monitor.

    ``bound`` is the most that a decision may have earned beside it, in money; ``words`` say it to people.
    ``decided_at_seq``: up to which event of the releases the newest decisions were scored that it is about; None: not
    known.
    """

    release_id: str
    alarm_id: str
    against: str
    bound: float
    words: str
    as_of: datetime
    decided_at_seq: int | None = None


@dataclass(frozen=True)
class Deciding:
    """Who decides, as of when and with which event it came to; ``life_began``: the event with which it began to be
    measured, which for rules is not the last time that a model gave them its place."""

    release_id: str
    since: datetime
    life_began: int = 0


def losses_of(losses: Iterable[Loss], decides: Deciding, as_of: datetime) -> list[Loss]:
    """Its own losses that count at ``as_of``.

    Not those of decisions of an earlier life, nor, where it is not known when decisions were scored, those that were
    known before it came to decide: whoever lets a stopped release decide again knows of them.
    """
    return [
        one
        for one in losses
        if one.release_id == decides.release_id
        and one.as_of <= as_of
        and (decides.since < one.as_of if one.decided_at_seq is None else one.decided_at_seq >= decides.life_began)
    ]


def stopping(losses: Iterable[Loss], as_of: datetime) -> Grounds | None:
    """The grounds on which whoever has these ``losses`` is stopped at ``as_of``; None where there is none."""
    worst = min(losses, key=lambda one: (one.bound, one.alarm_id), default=None)
    if worst is None:
        return None
    return Grounds(
        GUARD,
        f"Stop-loss: {worst.words}",
        as_of,
        {"alarm_id": worst.alarm_id, "against": worst.against, "bound": worst.bound},
    )
