"""Means of amounts, most of which may be nothing and a few large: an interval that knows of the large ones not seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.observe.bounded_mean import sized_mean
from decisionloop.observe.estimate import Estimate, Floats, cannot_say
from decisionloop.observe.possible_money import UsualAmounts, spanning_outcomes
from decisionloop.observe.shown_outcomes import shown_weight

UNKNOWN_SIZES = "nothing tells how large an amount is"


def amount_range(use_case: UseCase, log: pd.DataFrame, usual: UsualAmounts = ()) -> tuple[float, float] | None:
    """A small and a large amount of any class, as the outcomes of ``log`` and ``usual`` say; None where nothing does.

    They are of an unusual size, and no bounds (`possible_money.AmountSizes`); below nothing only where amounts were.
    """
    outcome, amount = (_numbers(log[name]) for name in ("outcome_class", "outcome_amount"))
    ends = [end for _, end in spanning_outcomes(use_case, outcome, amount, usual)]
    if not ends:
        return None
    return min(ends) if (amount < 0).any() else max(0.0, min(ends)), max(ends)


def amount_mean(use_case: UseCase, log: pd.DataFrame, usual: UsualAmounts = ()) -> Estimate:
    """Mean of the outcome's amount over the decisions of ``log`` (n) that have one, those of an entity together.

    Of the replay of an experiment each counts for as many decisions as it stands for (`shown_weight`).

    The interval reaches for one more large, and one more small, amount than was seen (`rare_event`), and below nothing
    only where amounts are.
    """
    amount, found = _numbers(log["outcome_amount"]), amount_range(use_case, log, usual)
    is_known = ~np.isnan(amount)
    known, weight = amount[is_known], shown_weight(use_case, log, is_known)
    if found is None:
        return cannot_say(UNKNOWN_SIZES if known.size else "no outcome is known", known.size, 0.95)
    entities = log["entity_id"].to_numpy(dtype=object)[is_known]
    told = sized_mean(known, *found, None if weight is None else weight[is_known], entities)
    if told.low is None or found[0] < 0:
        return told
    return replace(told, low=max(0.0, told.low))


def _numbers(values: pd.Series) -> Floats:
    return values.to_numpy(dtype=float, na_value=float("nan"))
