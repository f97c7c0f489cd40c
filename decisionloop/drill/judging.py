"""Whether a drill was as it should be: it fell back at all, within its limit, and no slower than it used to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from decisionloop.contract.monitoring import AlarmSeverity
from decisionloop.ledger.drills import Drill

LAST_DRILLS, FEWEST_DRILLS = 10, 3
SLOWER = 2.0
"""How many times the median of the last drills on the same engine one may take."""
LEAST_SECONDS = 5.0
"""What a drill may take longer than that median at any rate: a loaded machine is no news."""


@dataclass(frozen=True)
class DrillFinding:
    """What people are told of a drill."""

    severity: AlarmSeverity
    words: str


def judged(drill: Drill, before: Sequence[Drill], limit_seconds: float) -> DrillFinding | None:
    """What is wrong with a drill, by those ``before`` it, oldest first; None where nothing is.

    One that could not fall back is critical. One that took longer than the limit, or more than twice the median of the
    last ten that worked on its engine (of three at least, and by five seconds), is a warning.
    """
    if drill.failure:
        return DrillFinding("critical", f"The drill of kill switch and rollback failed: {drill.failure}")
    like = [one for one in before if not one.failure and one.engine == drill.engine][-LAST_DRILLS:]
    told = [
        *_slow("to the rules", drill.kill_switch_seconds, [one.kill_switch_seconds for one in like], limit_seconds),
        *_slow("to the release before", drill.rollback_seconds, [one.rollback_seconds for one in like], limit_seconds),
    ]
    return DrillFinding("warning", f"In a drill falling back took long: {'; '.join(told)}.") if told else None


def _slow(where: str, took: float | None, before: Sequence[float | None], limit_seconds: float) -> list[str]:
    if took is None:
        return []
    if took > limit_seconds:
        return [f"{where} {took:.1f} s, more than drill_limit_seconds ({limit_seconds:g} s)"]
    known = [one for one in before if one is not None]
    usual = median(known) if len(known) >= FEWEST_DRILLS else None
    if usual is not None and took > max(SLOWER * usual, usual + LEAST_SECONDS):
        return [f"{where} {took:.1f} s, and {usual:.1f} s in the median of the last {len(known)} drills"]
    return []
