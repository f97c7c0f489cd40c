"""What became of decisions beside how long their answers took: a slow answer may cost what a good one earns.

Nobody draws who waits longer: slow answers may be those of busy hours or of other people. What is told here is told
beside each other, and proves no cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.observe.bounded_mean import rate_estimate
from decisionloop.observe.cohort import logged_decisions
from decisionloop.observe.estimate import Estimate, cannot_say, entity_codes
from decisionloop.observe.exact_rate import Bounds, difference_bounds
from decisionloop.observe.executed_actions import executed
from decisionloop.observe.value import realised_value

PARTS_OF_BUDGET = (0.25, 0.5, 1.0, 2.0)
"""Where one band ends and the next begins, in budgets for one decision online (the contract's `latency.online_ms`)."""


@dataclass(frozen=True)
class BandFigures:
    """Decisions whose answer took longer than ``above_ms`` and at most ``to_ms`` (None: no limit), outcomes due.

    Of ``decisions`` ``revealing`` took an action that shows the outcome, and of ``known`` of them it has come;
    ``conversion`` is the rate of yes of these. ``money``: per decision, unknown where nobody asked.
    """

    above_ms: float
    to_ms: float | None
    decisions: int
    revealing: int
    known: int
    conversion: Estimate
    money: Estimate


def band_figures(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame | None) -> tuple[BandFigures, ...]:
    """The figures of every band; ``log`` (n decisions that are due) as a cohort has it, with ``waited_ms``.

    ``frame``: their frozen features, in that order; None: nothing is said of money.
    """
    edges = np.array(PARTS_OF_BUDGET) * use_case.latency.online_ms
    band = np.searchsorted(edges, log["waited_ms"].to_numpy(dtype=np.float64), "left")
    return tuple(_band(use_case, log, frame, band == place, place, edges) for place in range(len(edges) + 1))


def either_side(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame | None) -> tuple[BandFigures, BandFigures]:
    """The same of all that was answered within the budget, and of all that was not."""
    edges = np.array([use_case.latency.online_ms])
    is_late = log["waited_ms"].to_numpy(dtype=np.float64) > edges[0]
    return _band(use_case, log, frame, ~is_late, 0, edges), _band(use_case, log, frame, is_late, 1, edges)


def change_of_conversion(within: BandFigures, late: BandFigures) -> Estimate:
    """The rate of the late ones less that of the others, with the interval of two independent exact rates."""
    rates = within.conversion, late.conversion
    told = [
        Bounds(one.value, one.low, one.high)
        for one in rates
        if one.value is not None and one.low is not None and one.high is not None
    ]
    n = within.known + late.known
    if len(told) < 2:
        return cannot_say("one of the two has no outcome", n, 0.95)
    by = difference_bounds(told[1], told[0])
    return Estimate(by.value, by.low, by.high, n, float(n), 0.95)


def _band(
    use_case: UseCase,
    log: pd.DataFrame,
    frame: pd.DataFrame | None,
    is_in: np.ndarray,
    place: int,
    edges: np.ndarray,
) -> BandFigures:
    revealing = [one.name for one in use_case.actions if one.reveals_outcome]
    shows = is_in & executed(log).isin(revealing).to_numpy()
    outcome = log["outcome_class"].to_numpy(dtype=np.float64, na_value=np.nan)
    known = shows & ~np.isnan(outcome)
    entities = log["entity_id"].to_numpy(dtype=object)[known]
    codes = entity_codes(entities, len(entities)) if pd.Series(entities).duplicated().any() else None
    return BandFigures(
        above_ms=float(edges[place - 1]) if place else 0.0,
        to_ms=float(edges[place]) if place < len(edges) else None,
        decisions=int(is_in.sum()),
        revealing=int(shows.sum()),
        known=int(known.sum()),
        conversion=rate_estimate(outcome[known], entities=codes)
        if use_case.outcome.class_ and known.any()
        else cannot_say("no outcome is known", 0, 0.95),
        money=_money(use_case, log, frame, is_in),
    )


def _money(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame | None, is_in: np.ndarray) -> Estimate:
    if frame is None or not is_in.any():
        return cannot_say("nobody asked" if frame is None else "no decision", int(is_in.sum()), 0.95)
    return realised_value(logged_decisions(use_case, log, frame, None).subset(is_in)).per_decision
