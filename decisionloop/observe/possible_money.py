"""What the money of a decision could have been: the best and the worst that each action's outcome makes possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.act.economics import money_range
from decisionloop.contract import UseCase
from decisionloop.observe.estimate import Codes, Estimate, Floats

UNSEEN = 3
"""What has not come in n rows comes in at most about 3 of the next n (the rule of three, at 95 %): Hanley and
Lippman-Hand, "If nothing goes wrong, is everything all right?" (JAMA 1983)."""


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

    @property
    def ends(self) -> tuple[Floats, Floats]:
        """``worst`` and ``best``."""
        return self.worst, self.best

    def subset(self, keep: npt.NDArray[np.bool_] | Codes) -> PossibleMoney:
        """The rows at ``keep`` (mask or positions), in that order."""
        return PossibleMoney(self.worst[keep], self.best[keep], self.is_bound)

    def of_any_action(self) -> PossibleMoney:
        """The same where whatever is chosen may end in any action."""
        worst, best = np.fmin.reduce(self.worst, axis=1), np.fmax.reduce(self.best, axis=1)
        many = self.worst.shape[1]
        return PossibleMoney(np.tile(worst[:, None], many), np.tile(best[:, None], many), self.is_bound)

    def beyond(self, action: Codes, expected: Floats) -> tuple[Floats, Floats]:
        """How much worse, and better, than ``expected`` (n,) the money of ``action`` (n,) can be; both (n,), >= 0."""
        rows = np.arange(len(action))
        worse, better = expected - self.worst[rows, action], self.best[rows, action] - expected
        return np.maximum(np.nan_to_num(worse), 0.0), np.maximum(np.nan_to_num(better), 0.0)


def within_possible(told: Estimate, possible: PossibleMoney | None, policy: Floats) -> Estimate:
    """Money a decision of ``policy`` (n, A), with no end of its interval or bounds beyond what can happen at all.

    Of money that no bound holds (an amount), or that cannot be told, as it was.
    """
    if possible is None or not possible.is_bound or told.value is None or not len(policy):
        return told
    mean = [float(np.einsum("ij,ij->", policy, np.where(policy > 0, end, 0.0))) / len(policy) for end in possible.ends]
    if not np.isfinite(mean).all():
        return told
    # An estimate by few weighted outcomes may lie beyond: then it stands at the end of its own interval.
    least, most = min(mean[0], told.value), max(mean[1], told.value)

    def kept(end: float | None) -> float | None:
        return None if end is None else min(max(end, least), most)

    bounds = told.bounds
    if bounds is not None:
        bounds = replace(bounds, low=kept(bounds.low), high=kept(bounds.high))
    return replace(told, low=kept(told.low), high=kept(told.high), bounds=bounds)


@dataclass(frozen=True)
class AmountSizes:
    """Amounts of one class: their ``mean``, and how far ``below`` and ``above`` what is expected they usually fall
    (root mean square of each side, >= 0, as if the largest of it had been seen `UNSEEN` times more); all in the
    amount's unit."""

    mean: float
    below: float
    above: float

    @classmethod
    def of(cls, amount: Floats, expected: Floats | None = None, largest: float | None = None) -> AmountSizes | None:
        """Of the amounts (n,) that are not NaN, around ``expected`` (n,) or their mean; None where there are none.

        ``largest``: an amount to be reckoned with, seen or not.
        """
        apart = amount if expected is None else amount - expected
        is_known = ~np.isnan(apart)
        if not is_known.any():
            return None
        mean, apart = float(amount[is_known].mean()), apart[is_known]
        apart = apart - mean if expected is None else apart
        reckoned = 0.0 if largest is None else largest - mean
        return cls(mean, _usual(-apart[apart < 0], -reckoned), _usual(apart[apart > 0], reckoned))

    def at_least(self, other: AmountSizes | None) -> AmountSizes:
        """The same mean with the larger sizes of both."""
        if other is None:
            return self
        return AmountSizes(self.mean, max(self.below, other.below), max(self.above, other.above))

    @property
    def ends(self) -> tuple[float, float]:
        """A small and a large amount."""
        return self.mean - self.below, self.mean + self.above


UsualAmounts = tuple[AmountSizes | None, ...]
"""By class of the outcome, one where it has none; () where nothing is known."""


def amounts_of_card(kept: Sequence[Mapping[str, float] | None] | None) -> UsualAmounts:
    """The residual sizes that a release's card keeps; () where it keeps none."""
    return tuple(None if one is None else AmountSizes(**one) for one in kept or ())


def amounts_by_class(
    use_case: UseCase, outcome: Floats, amount: Floats, expected: Floats | None = None
) -> UsualAmounts:
    """The sizes of amounts (n,) by class, around ``expected`` (n,) or their means; () where the contract has none."""
    if use_case.outcome.amount is None:
        return ()
    largest = use_case.outcome.amount.largest
    if use_case.outcome.class_ is None:
        return (AmountSizes.of(amount, expected, largest),)
    # What may be large is what a yes brings.
    told = ((outcome == 0, None), (outcome == 1, largest))
    return tuple(AmountSizes.of(amount[one], None if expected is None else expected[one], most) for one, most in told)


def are_telling(amounts: UsualAmounts) -> bool:
    """Whether every class has amounts that are not all alike."""
    return all(one is not None and one.below + one.above > 0 for one in amounts)


def possible_money(
    use_case: UseCase, frame: pd.DataFrame, outcome: pd.Series, amount: pd.Series, usual: UsualAmounts = ()
) -> PossibleMoney:
    """From the contract: every action's money at outcome 0 and 1, and at a small and a large amount.

    ``outcome`` and ``amount`` (m,) are what was seen, of these rows or of as many earlier ones as there are: they say
    how large amounts usually are (`AmountSizes`), and nothing else is learnt from them. ``usual``: what is known of
    sizes besides, as from the residuals of the release: no size is smaller than that, and where no amount was seen, or
    all are alike, it is all that there is.
    """
    spanning = spanning_outcomes(use_case, _numbers(outcome), _numbers(amount), usual)
    return PossibleMoney(*money_range(use_case, frame, spanning), use_case.outcome.amount is None)


def spanning_outcomes(
    use_case: UseCase, outcome: Floats, amount: Floats, usual: UsualAmounts = ()
) -> list[tuple[float, float]]:
    """Outcomes (class, amount) between which money is spread out; () where nothing tells the amounts of a class.

    The amounts of a class that was never seen are those of the other, unless they are all alike: that nobody who bought
    nothing spent anything does not say what a buyer spends.
    """
    classes = (np.nan,) if use_case.outcome.class_ is None else (0.0, 1.0)
    if use_case.outcome.amount is None:
        return list(product(classes, (np.nan,)))
    seen = amounts_by_class(use_case, outcome, amount)
    known = usual or (None,) * len(seen)
    told = [now.at_least(before) if now else before for now, before in zip(seen, known, strict=True)]
    other = AmountSizes.of(amount)
    sizes = [one or (other if other is not None and are_telling((other,)) else None) for one in told]
    if len(sizes) > 1 and None in sizes:
        return []
    return [(class_, end) for class_, one in zip(classes, sizes, strict=True) if one for end in one.ends]


def _usual(side: Floats, reckoned: float) -> float:
    """Root mean square of distances (n,) > 0, as if the largest, or the ``reckoned`` one, had come `UNSEEN` more."""
    largest = max(float(side.max(initial=0.0)), reckoned)
    many = side.size + UNSEEN
    return float(np.sqrt((np.square(side).sum() + UNSEEN * largest**2) / many)) if largest > 0 else 0.0


def _numbers(values: pd.Series) -> Floats:
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
