"""Which gain a year of the data would show, and where its sums are heavy how long a gain of a stated size takes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.learn.visible_gain import HEAVY, SeenSums, share_of_few
from decisionloop.sources.coming import YEAR
from decisionloop.sources.figures import two_figures
from decisionloop.sources.seen_of_tried import SeenOfTried

FEWEST = 30
"""Of fewer outcomes nothing is told."""
_GAINS = (0.1, 0.25)
"""Of what is at stake in one decision, the gains of which it is said how long they take."""
_YEAR_WEEKS = YEAR / pd.Timedelta(days=7)


def sums_of(use_case: UseCase, everyone: pd.DataFrame, seen: SeenOfTried) -> SeenSums | None:
    """The money of the outcomes that were seen; None of so few, or of money that is the same whatever comes."""
    known = seen.money[np.isfinite(seen.money)]
    if len(known) < FEWEST or known.std() == 0:
        return None
    return SeenSums.of(known, _largest(use_case, everyone, seen))


def interval_of(use_case: UseCase) -> float:
    """The confidence of a two-sided interval that errs on one side as often as the gate may in a year."""
    return 1 - 2 * use_case.gate.yearly_error


def smallest_gain(use_case: UseCase, sums: SeenSums | None, a_week: float) -> str:
    """What a year would show 8 times in 10, were half of those who are acted on decided by a challenger."""
    if sums is None:
        return "cannot be told: too few outcomes have been seen, or every one of them brings the same"
    a_year = a_week * _YEAR_WEEKS
    if a_year < 4:
        return "cannot be told: hardly an outcome a year is seen"
    gain = sums.gain_shown(a_year, interval_of(use_case))
    return f"about {two_figures(gain)} {use_case.economics.currency} a decision{beside_stake(gain, sums)}"


def heavy_sums(use_case: UseCase, seen: SeenOfTried, sums: SeenSums | None, a_week: float) -> str:
    """Where few outcomes carry most of the sum, how long gains of stated sizes take to be told; "" where not."""
    amounts = seen.amounts if use_case.outcome.amount is not None else seen.money
    known = amounts[np.isfinite(amounts)]
    if sums is None or len(known) < FEWEST or a_week <= 0:
        return ""
    few = share_of_few(known)
    if few < HEAVY:
        return ""
    told = ", and one of ".join(_time_of(use_case, part, sums, a_week) for part in _GAINS)
    return (
        f"one outcome in a hundred carries {few:.0%} of the whole, so that chance is large: a gain of {told}. Where "
        "that is too long, decide by what is less rare (whether anybody answers, a sum that is cut off), or decide more"
    )


def _time_of(use_case: UseCase, part: float, sums: SeenSums, a_week: float) -> str:
    gain = part * sums.stake
    needed = sums.outcomes_for(gain, interval_of(use_case))
    size = f"{part:.0%} of what is at stake ({two_figures(gain)} {use_case.economics.currency})"
    return f"{size} is shown after about {needed:,.0f} outcomes ({_long(needed / a_week)} of decisions)"


def _long(weeks: float) -> str:
    if weeks < 2:
        return "a week or two"
    return f"{weeks:,.0f} weeks" if weeks < _YEAR_WEEKS else f"{two_figures(weeks / _YEAR_WEEKS)} years"


def beside_stake(gain: float, sums: SeenSums) -> str:
    """How large a gain is beside what is at stake in one decision; "" where nothing is."""
    return f", {100 * gain / sums.stake:,.0f}% of what is at stake in one" if sums.stake > 0 else ""


def _largest(use_case: UseCase, everyone: pd.DataFrame, seen: SeenOfTried) -> float:
    """The money of the largest amount that the contract reckons with; 0 where it names none."""
    amount = use_case.outcome.amount
    if amount is None or amount.largest is None:
        return 0.0
    frame = everyone.iloc[seen.row].reset_index(drop=True)
    ones = None if use_case.outcome.class_ is None else np.ones(len(frame))
    money = realised_values(use_case, frame, seen.action, ones, np.full(len(frame), amount.largest))
    money = money[np.isfinite(money)]
    return float(money[np.abs(money).argmax()]) if len(money) else 0.0
