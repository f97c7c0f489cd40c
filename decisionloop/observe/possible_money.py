"""What the money of a decision could have been: the best and the worst that each action's outcome makes possible."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.observe.estimate import Codes, Floats


@dataclass(frozen=True, eq=False)
class PossibleMoney:
    """``worst`` and ``best`` (n, A): money of each action under its least and its most welcome outcome.

    ``is_bound``: nothing beyond them can happen, as where the outcome is a yes or a no. Where it is an amount they
    are of an unusual size, and no bound. NaN where nothing can be said, as where a feature that the money needs is
    missing.
    """

    worst: Floats
    best: Floats
    is_bound: bool

    def subset(self, keep: npt.NDArray[np.bool_] | Codes) -> PossibleMoney:
        """The rows at ``keep`` (mask or positions), in that order."""
        return PossibleMoney(self.worst[keep], self.best[keep], self.is_bound)

    def beyond(self, action: Codes, expected: Floats) -> tuple[Floats, Floats]:
        """How much worse, and better, than ``expected`` (n,) the money of ``action`` (n,) can be; both (n,), >= 0."""
        rows = np.arange(len(action))
        worse, better = expected - self.worst[rows, action], self.best[rows, action] - expected
        return np.maximum(np.nan_to_num(worse), 0.0), np.maximum(np.nan_to_num(better), 0.0)


def possible_money(use_case: UseCase, frame: pd.DataFrame, outcome: pd.Series, amount: pd.Series) -> PossibleMoney:
    """From the contract: every action's money at outcome 0 and 1, and at a small and a large amount.

    ``outcome`` and ``amount`` (m,) are what was seen, of these rows or of as many earlier ones as there are: they say
    how large amounts usually are (`usual_amounts`), and nothing else is learnt from them.
    """
    n, actions = len(frame), len(use_case.actions)
    worst, best = np.full((n, actions), np.nan), np.full((n, actions), np.nan)
    for class_, quantity in _outcomes(use_case, _numbers(outcome), _numbers(amount)):
        for action in range(actions):
            money = realised_values(
                use_case, frame, np.full(n, action), np.full(n, class_), np.full(n, quantity, dtype=np.float64)
            )
            worst[:, action] = np.fmin(worst[:, action], money)
            best[:, action] = np.fmax(best[:, action], money)
    return PossibleMoney(worst, best, use_case.outcome.amount is None)


def usual_amounts(amount: Floats) -> tuple[float, ...]:
    """A small and a large amount: the mean less, and plus, the root mean square of what lies on that side of it.

    () where none was seen.
    """
    seen = amount[~np.isnan(amount)]
    if not seen.size:
        return ()
    mean = float(seen.mean())
    sides = (seen[seen < mean] - mean, seen[seen > mean] - mean)
    below, above = (float(np.sqrt((side**2).mean())) if side.size else 0.0 for side in sides)
    return (mean - below, mean + above)


def _outcomes(use_case: UseCase, outcome: Floats, amount: Floats) -> list[tuple[float, float]]:
    """Outcomes (class, amount) between which money is spread out; the amounts of a class that was never seen are
    those of the other."""
    classes = (np.nan,) if use_case.outcome.class_ is None else (0.0, 1.0)
    if use_case.outcome.amount is None:
        return list(product(classes, (np.nan,)))
    amounts = {class_: usual_amounts(amount[outcome == class_]) or usual_amounts(amount) for class_ in classes}
    return [(class_, quantity) for class_ in classes for quantity in amounts[class_]]


def _numbers(values: pd.Series) -> Floats:
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
