"""Who decided over all batches, how much, and whether anything was decided since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import takewhile

from decisionloop.report.record.lines import BatchLine
from decisionloop.report.record.story import NOBODY, OTHERS, RULES


@dataclass(frozen=True)
class Deciding:
    """The batches of a story, counted. A batch that was halted made no decisions.

    ``withdrawn``: how many more were logged, of people who were answered one at a time meanwhile. ``halted_since``:
    batches in a row, up to the last one, that were halted. ``by_model_on``: the first day on which a model decided, on
    trial or as champion. ``young``: decisions whose outcomes are not complete yet.
    """

    decisions: int = 0
    withdrawn: int = 0
    batches: int = 0
    halted: int = 0
    halted_since: int = 0
    first_on: date | None = None
    last_on: date | None = None
    by_model_on: date | None = None
    months: frozenset[str] = frozenset()
    young: int = 0

    @classmethod
    def of(cls, batches: Sequence[BatchLine]) -> Deciding:
        """Count the batches, which are in the order of time."""
        decided = [one for one in batches if one.is_decided and one.decisions]
        by_model = [one.as_of for one in decided if one.champion not in (RULES, NOBODY, OTHERS) or one.on_trial]
        since = takewhile(lambda one: one.state == "halted", reversed(batches))
        return cls(
            decisions=sum(one.decisions for one in decided),
            withdrawn=sum(one.withdrawn for one in decided),
            batches=len(decided),
            halted=sum(one.state == "halted" for one in batches),
            halted_since=sum(1 for _ in since),
            first_on=min((one.as_of for one in decided), default=None),
            last_on=max((one.as_of for one in decided), default=None),
            by_model_on=min(by_model, default=None),
            months=frozenset(f"{one.as_of:%Y-%m}" for one in decided),
            young=sum(one.decisions for one in decided if not one.is_measured),
        )
