"""What one cohort says of policy against holdout, entity by entity: rows that add up over the cohorts of a release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisionloop.act.hashing import Ids, stable_hash
from decisionloop.observe.bounded_money import late_half_width, told_rows
from decisionloop.observe.cohort import is_decided_by_policy
from decisionloop.observe.entity_lift import EntityMoney
from decisionloop.observe.estimate import Floats, normal_quantile
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.value import realised_parts

_CONTEXT = ("entity money",)
_CONFIDENCE = 0.95


def entity_codes(ids: Ids) -> NDArray[np.uint64]:
    """What stands for entity ids (n,) where their money is kept: hashes, whose key is no secret."""
    return stable_hash(ids, _CONTEXT)


def entity_money(log: pd.DataFrame, logged: LoggedDecisions) -> EntityMoney | None:
    """The decisions of ``log`` (n, aligned with ``logged``) that were the policy's or held out, with what each brought.

    Money is that of `realised_value`, so that the mean of a side is the cohort's figure. What late outcomes are taken
    to bring is not known for sure: ``error`` holds it. Entities are hashes. None where nobody was held out, or a side
    took an action of which no outcome has arrived.
    """
    free, held = is_decided_by_policy(log), (log["role"] == "holdout").to_numpy()
    money, errors = np.zeros(len(log)), []
    worse, better = np.zeros(len(log)), np.zeros(len(log))
    for side in (free, held):
        rows = logged.subset(side)
        if not len(rows) or rows.is_silent:
            return None
        base, importance, expected = realised_parts(rows)
        told = told_rows(rows, base, importance, expected)
        money[side] = told.total
        if told.possible is not None:
            worse[side], better[side] = (told.weight * size for size in told.possible)
        errors.append(late_half_width(rows, importance, expected, _CONFIDENCE) / normal_quantile(_CONFIDENCE))
    is_in = free | held
    return EntityMoney(
        entity=entity_codes(log["entity_id"][is_in]),
        money=money[is_in],
        is_held=held[is_in],
        possible=None if logged.possible is None else (worse[is_in], better[is_in]),
        error=float(np.hypot(errors[0], errors[1])),
        is_explored=(log["role"] == "exploration").to_numpy()[is_in],
    )


def with_earlier_money(cohorts: Sequence[EntityMoney], earlier: Iterable[EntityMoney]) -> tuple[EntityMoney, ...]:
    """``cohorts`` with what each entity brought a decision, on average, in ``earlier`` ones that the rules decided.

    Holdout and policy must have been treated alike then, or the control would take off a part of the lift: so these
    are cohorts from before any model decided, without what was explored, which happens to the policy's side alone.
    """
    parts = [_not_explored(one) for one in earlier]
    if not parts:
        return tuple(cohorts)
    mean = pd.concat(parts).groupby(level=0).mean()
    if not cohorts:
        return ()
    asked = np.concatenate([np.asarray(one.entity) for one in cohorts])
    told = np.asarray(mean.reindex(asked), dtype=np.float64)
    ends = np.cumsum([len(one.money) for one in cohorts])[:-1]
    return tuple(one.with_before(money) for one, money in zip(cohorts, np.split(told, ends), strict=True))


def _not_explored(cohort: EntityMoney) -> pd.Series[float]:
    keep = np.ones(len(cohort.money), dtype=bool) if cohort.is_explored is None else ~cohort.is_explored
    money: Floats = cohort.money[keep]
    return pd.Series(money, np.asarray(cohort.entity)[keep])
