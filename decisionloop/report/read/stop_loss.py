"""From the stages of releases and the money of cohorts to what stops saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.ledger.batches import batches, cohort_name, latest_details
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.measurements import first_known, measurements_of
from decisionloop.ledger.releases import ReleaseEvent, events_of_releases
from decisionloop.observe.known_actions import KNOWN_ACTION_LIFT, RULES_OVER_DEFAULT
from decisionloop.release.stages import is_default_action
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.stop_loss import Losing, StopLine, StopLosses

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger

_IN_PLACE = ("champion", "baseline")
_HOLDOUT = "value_holdout_difference"
Money = tuple[float, float, float, int]
"""Value, low and high in all, and of how many decisions."""


@dataclass(frozen=True)
class _Cohort:
    """A measured cohort: when, by whom, and the money that was earned over the default action."""

    name: str
    as_of: datetime
    decided_by: str
    over_default: Money | None


def stop_losses_of(ledger: Ledger, use_case: UseCase) -> StopLosses:
    """Every stop of a use case in money; intervals of cohorts are added end to end, the most that they can be."""
    default = use_case.default_action
    action = use_case.actions[default].wording
    why_none = _why_none(use_case)
    cohorts, known = _cohorts(ledger, use_case), first_known(ledger, use_case.name, KNOWN_ACTION_LIFT)
    stops, since = [], None
    for began, ended in _spans(events_of_releases(ledger, use_case.name)):
        # What a stop comes after is what was decided by its day; the next one begins where this one ends.
        before = [one for one in cohorts if (since is None or one.as_of > since) and one.as_of <= began.as_of]
        own = [one for one in cohorts if one.decided_by == began.release_id]
        saved = _sum(_saved(ledger, use_case, own))
        until = None if ended is None else ended.as_of
        stops.append(
            StopLine(began.as_of.date(), until and until.date(), _losing(before, known), _estimate(saved), _many(saved))
        )
        since = until or datetime.max.replace(tzinfo=began.as_of.tzinfo)
    rest = [one for one in cohorts if since is None or one.as_of > since]
    return StopLosses(action, tuple(stops), _losing(rest, known), why_none)


def _why_none(use_case: UseCase) -> str:
    if not use_case.is_value_known[use_case.default_action]:
        return "what it brings is not known without its outcome"
    if use_case.guardrails.when_rules_lose == "alert":
        return "the contract leaves it to people (`guardrails.when_rules_lose`)"
    if not use_case.policy.holdout_share and not use_case.is_explored:
        return "nobody would show any more what the rules earn: there is no holdout, and nothing is explored"
    return ""


def _spans(events: Sequence[ReleaseEvent]) -> list[tuple[ReleaseEvent, ReleaseEvent | None]]:
    """When the default action took the rules' place, and when it left it."""
    own = [one for one in events if is_default_action(one.release_id)]
    began = [one for one in own if one.stage in _IN_PLACE and one.stage_before not in _IN_PLACE]
    left = {one.release_id: one for one in own if one.stage == "retired"}
    return [(one, left.get(one.release_id)) for one in began]


def _cohorts(ledger: Ledger, use_case: UseCase) -> list[_Cohort]:
    """The cohorts that were measured and are not held back, in their order."""
    found, held = batches(ledger, use_case.name), held_cohorts(ledger, use_case.name)
    told = latest_details(ledger, [one.batch_id for one in found], "decided")
    money = _by_cohort(ledger, use_case, KNOWN_ACTION_LIFT, _slice(use_case))
    return [
        _Cohort(name, one.as_of, str(detail.get("decided_by") or ""), money.get(name))
        for one, detail in zip(found, told, strict=True)
        if (name := cohort_name(one.as_of)) not in held
    ]


def _saved(ledger: Ledger, use_case: UseCase, own: Sequence[_Cohort]) -> list[Money]:
    """What each cohort of a stop earned more than the rules would have; by the holdout, where nothing else tells."""
    rules = _by_cohort(ledger, use_case, RULES_OVER_DEFAULT, _slice(use_case))
    holdout = _by_cohort(ledger, use_case, _HOLDOUT, "all")
    told = []
    for one in own:
        if one.name in rules:
            value, low, high, n = rules[one.name]
            told.append((-value, -high, -low, n))
        elif one.name in holdout:
            told.append(holdout[one.name])
    return told


def _slice(use_case: UseCase) -> str:
    return f"action={use_case.action_names[use_case.default_action]}"


def _by_cohort(ledger: Ledger, use_case: UseCase, monitor: str, part: str) -> dict[str, Money]:
    rows = measurements_of(ledger, use_case.name, monitor)
    rows = rows[(rows["slice"] == part) & rows["is_mature"]].dropna(subset=["value", "low", "high"])
    totals = rows[["value", "low", "high"]].to_numpy(dtype=np.float64) * rows["n"].to_numpy(dtype=np.float64)[:, None]
    return {
        str(cohort): (float(value), float(low), float(high), int(n))
        for cohort, (value, low, high), n in zip(rows["cohort"], totals, rows["n"], strict=True)
    }


def _losing(cohorts: Sequence[_Cohort], known: Mapping[str, datetime]) -> Losing | None:
    """The stretch since the most was earned over the default action in all; None where that is now."""
    told = [one for one in cohorts if one.over_default is not None]
    earned = np.concatenate([[0.0], np.cumsum([one.over_default[0] for one in told if one.over_default])])
    best = len(earned) - 1 - int(np.argmax(earned[::-1]))
    stretch = told[best:]
    if not stretch:
        return None
    in_all = _sum(one.over_default for one in stretch if one.over_default is not None)
    known_at = known.get(stretch[0].name)
    unknowable = sum(
        -one.over_default[0] for one in stretch if one.over_default and (known_at is None or one.as_of < known_at)
    )
    value, low, high, _ = in_all or (0.0, 0.0, 0.0, 0)
    lost = Estimate.of(-value, -high, -low)
    first: date = stretch[0].as_of.date()
    return Losing(first, None if known_at is None else known_at.date(), lost, unknowable, -value - unknowable)


def _sum(parts: Iterable[Money]) -> Money | None:
    told = list(parts)
    if not told:
        return None
    value, low, high, n = (sum(column) for column in zip(*told, strict=True))
    return float(value), float(low), float(high), int(n)


def _estimate(money: Money | None) -> Estimate:
    return Estimate() if money is None else Estimate.of(*money[:3])


def _many(money: Money | None) -> int:
    return 0 if money is None else money[3]
