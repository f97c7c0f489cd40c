"""What a recorded experiment says of each action for everybody, from its rows (`replay_truth.rows_of_replay`)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.observe.estimate import normal_quantile
from decisionloop.report.read.replay_truth import is_of_experiment, to_all
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.experiment import Arm, Experiment

_LEVEL = 0.95


def experiment_of(use_case: UseCase, rows: pd.DataFrame | None) -> Experiment | None:
    """Every action's money a decision, and its difference from the rules', with normal intervals.

    ``rows``: n decisions, estimates whose means are those of the policies (doubly robust). Each value lies in its own
    with 95 % confidence; all differences in theirs together (Bonferroni), for who looks for the best looks at all. None
    where the replay knows every outcome, where there is none, and where fewer than two decisions have one.
    """
    if rows is None or not is_of_experiment(rows):
        return None
    told = rows.dropna(subset=[to_all(one.name) for one in use_case.actions])
    if len(told) < 2:
        return None
    rules = told["rules"].to_numpy(dtype=np.float64)
    money = [told[to_all(one.name)].to_numpy(dtype=np.float64) for one in use_case.actions]
    together = 1 - (1 - _LEVEL) / max(1, len(money) - 1)
    arms = (
        Arm(action.wording, _mean(of, _LEVEL), _mean(of - rules, together))
        for action, of in zip(use_case.actions, money, strict=True)
    )
    ranked = sorted(money, key=lambda of: -float(of.mean()))
    apart = _mean(ranked[0] - ranked[1], together) if len(ranked) > 1 else None
    return Experiment(tuple(arms), len(told), apart)


def _mean(money: np.ndarray, level: float) -> Estimate:
    """Mean of independent rows (n,) with its normal interval; exact where all are 0."""
    value = float(money.mean())
    half = normal_quantile(level) * float(money.std(ddof=1)) / np.sqrt(len(money))
    return Estimate.of(value, value - half, value + half)
