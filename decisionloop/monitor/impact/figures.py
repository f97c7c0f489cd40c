"""Adverse impact of what was really done, as figures of a cohort."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.monitor.impact.adverse_impact import AdverseImpact, adverse_impact
from decisionloop.observe.cohort import Figure
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.executed_actions import executed


def favourable_flags(use_case: UseCase, action: pd.Series) -> np.ndarray:
    """True (n,) where the action taken is an advantage to the person."""
    return action.isin([a.name for a in use_case.actions if a.is_favourable]).to_numpy()


def impacts(use_case: UseCase, frame: pd.DataFrame, is_favourable: np.ndarray) -> tuple[AdverseImpact, ...]:
    """Adverse impact of every protected attribute, for n decisions of the canonical ``frame``."""
    return tuple(
        adverse_impact(
            attribute.name,
            frame[attribute.name].to_numpy(dtype=object),
            is_favourable,
            attribute.reference,
            attribute.minimum_group_size,
        )
        for attribute in use_case.protected
    )


def impact_figures(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame) -> Iterator[Figure]:
    """Selection rate of every group of every protected attribute, and its ratio to the best group."""
    for impact in impacts(use_case, frame, favourable_flags(use_case, executed(log))):
        for group in impact.groups:
            where = f"{impact.attribute}={group.group}"
            yield Figure("selection_rate", _plain(group.rate, None, None, group.n, impact.confidence), where)
            ratio = group.to_best
            estimate = _plain(ratio.value, ratio.low, ratio.high, group.n, impact.confidence)
            yield Figure("impact_ratio", estimate, where, threshold=use_case.gate.minimum_impact_ratio)


def _plain(value: float | None, low: float | None, high: float | None, n: int, confidence: float) -> Estimate:
    reason = None if value is not None else "too few decisions in the group"
    return Estimate(value, low, high, n, float(n), confidence, reason)
