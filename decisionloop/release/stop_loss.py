"""Stop-loss: a model that has surely earned less than what it replaced decides no more.

The rules decide in its place, and go on exploring within their budget, so that the stop is no lock: outcomes still come
of what the rules would not do, the open incident asks for a retraining, and whatever is trained decides again where the
gate says that it would have earned more than the rules. The stopped model itself comes back by a person alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from decisionloop.release.grounds import GUARD, Grounds

REPLACED = ("rules", "holdout")
"""What a model's losses are against that may take its place away. Beside one action for everybody the rules may lose
still more, so a loss against that is told and takes nothing away."""


@dataclass(frozen=True)
class Loss:
    """A release that has surely earned less than ``against`` (rules, holdout): an alarm of a value monitor, as of when.

    ``bound`` is the most that a decision may have earned beside it, in money; ``words`` say it to people.
    """

    release_id: str
    alarm_id: str
    against: str
    bound: float
    words: str
    as_of: datetime


def stopping(losses: Iterable[Loss], champion: str, since: datetime, as_of: datetime) -> Grounds | None:
    """The grounds on which ``champion``, which decides ``since``, is stopped at ``as_of``; None where it goes on.

    Losses that were known before it came to decide, of another release, or after ``as_of`` say nothing: whoever lets a
    stopped model decide again knows of them.
    """
    own = [one for one in losses if one.release_id == champion and since < one.as_of <= as_of]
    if not own:
        return None
    worst = min(own, key=lambda one: (one.bound, one.alarm_id))
    return Grounds(
        GUARD,
        f"Stop-loss: {worst.words}",
        as_of,
        {"alarm_id": worst.alarm_id, "against": worst.against, "bound": worst.bound},
    )
