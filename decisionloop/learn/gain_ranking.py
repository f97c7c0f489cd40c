"""What it is worth to treat people in the order of their predicted gain: the Qini of a model that sees the action.

Where the action is a model input the AUC of the outcome rewards knowing who buys, whatever is done; what earns money is
to know whom an action changes. So people are ranked by predicted gain, and the money of treating the first of them is
compared with treating as many at random, averaged over how many are treated: the area between the two curves of
Radcliffe, "Using control groups to target on predicted lift" (2007), in money per decision. It is the difference of two
policies, treating with probability 1 - rank and with one half, and so has their estimator and interval.
"""

from __future__ import annotations

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import difference


def ranking_value(
    use_case: UseCase, logged: LoggedDecisions, values: np.ndarray, allowed: np.ndarray, confidence: float
) -> Estimate:
    """Money a decision that the order by predicted gain is worth above a random one.

    Args:
        values: money that the model expects of each action (n, A); treating is the best allowed action but the default.
        allowed: which actions are (n, A).
    """
    row, default = np.arange(len(values)), use_case.default_action
    worth = np.where(allowed & ~np.isnan(values), values, -np.inf)
    gain_of = worth - worth[:, [default]] if len(worth) else worth
    gain_of[:, default] = -np.inf
    best = gain_of.argmax(axis=1)
    gain = gain_of[row, best]
    is_choice = np.isfinite(gain)
    ordered, even = (np.zeros(len(values)) for _ in range(2))
    ordered[is_choice], even[is_choice] = _share_below(gain[is_choice]), 0.5
    policies = [_treating(values.shape, row, best, default, chance) for chance in (ordered, even)]
    return difference(logged, policies[0], policies[1], "dr", confidence).money


def _share_below(gain: np.ndarray) -> np.ndarray:
    """The share of the others (n,) that gain less, ties counting half; its mean is one half."""
    levels, level = np.unique(gain, return_inverse=True)
    count = np.bincount(level, minlength=len(levels))
    return ((np.cumsum(count) - count / 2) / max(1, len(gain)))[level]


def _treating(
    shape: tuple[int, ...], row: np.ndarray, best: np.ndarray, default: int, chance: np.ndarray
) -> np.ndarray:
    """The policy (n, A) that takes ``best`` with ``chance`` (n,), else the default action."""
    policy = np.zeros(shape)
    policy[:, default] = 1 - chance
    policy[row, best] += chance
    return policy
