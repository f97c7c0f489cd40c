"""Choose for money within limits on the whole batch: every limit gets a price, and each row pays it.

A row takes the action with the largest value minus price times cost (Lagrange). The prices are found by
Dantzig-Wolfe decomposition (Dantzig and Wolfe 1960): a linear programme of one row a limit mixes whole
assignments, and each round adds the assignment that is best at the current prices. Bisection would do for one
limit; this does for several, says when they contradict each other, and draws the rows that tie at the final
prices from the mixture, so that limits hold in expectation and propensities stay exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from decisionloop.act.constraints import Limit
from decisionloop.act.propensities import Offer
from decisionloop.errors import DecisionLoopError

TOLERANCE = 1e-9
_ROUNDS = 500
_PRECISION = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


class InfeasibleConstraints(DecisionLoopError):
    """No choice of actions keeps the constraints in this batch; nothing may be sent. ``broken``: which, in words."""

    exit_code = 1

    def __init__(self, message: str, broken: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.broken = tuple(broken)


@dataclass(frozen=True)
class BatchPart:
    """What may be chosen in one part of a batch, and what each choice uses of every limit."""

    offer: Offer
    limits: tuple[Limit, ...]

    @property
    def values(self) -> np.ndarray:
        """Money (n, A) at stake: rows that are not ours to choose bring a constant, and their value may be missing."""
        return np.where(self.offer.allowed & self.offer.is_free[:, None], self.offer.values, 0.0)


Parts = Callable[[], Iterable[BatchPart]]
"""The parts of a batch in their order, as often as they are asked for: they need not all fit into memory."""


@dataclass(frozen=True)
class Assignment:
    """What every row takes at given prices: most ``money_weight`` * value - price * use, exploration included."""

    money_weight: float
    price: np.ndarray

    def of(self, part: BatchPart) -> np.ndarray:
        """The action (n,) of each row of a part."""
        gains = self.money_weight * part.values
        for price, limit in zip(self.price, part.limits, strict=True):
            if price:
                gains -= price * limit.coefficient
        return part.offer.best(part.offer.expected(gains))


@dataclass(frozen=True)
class Plan:
    """A mixture of J assignments, ``weight`` (J,) of which sums to 1.

    ``price`` says for each limit what one more unit of it would earn, in money; ``wording`` names the limits.
    """

    assignments: tuple[Assignment, ...]
    weight: np.ndarray
    price: np.ndarray
    wording: tuple[str, ...]


def plan(parts: Parts, is_nearest: bool = False) -> Plan:
    """The most valuable mixture of assignments within the limits; a single one where no limit binds.

    Sums are taken part by part in their order, so that where the parts are computed changes nothing. Limits hold to
    1e-9 of the largest sum that the batch could reach. Raises InfeasibleConstraints, which names the constraints
    that cannot be kept and the nearest bounds that can; with ``is_nearest`` the mixture keeps those.
    """
    search = _Search(parts)
    wording = tuple(limit.wording for limit in search.limits)
    search.add(Assignment(1.0, np.zeros(len(wording))))
    if not search.is_any_free or (search.use[0] <= search.bound).all():  # without a choice nothing can be kept
        return Plan(tuple(search.assignments), np.ones(1), np.zeros(len(wording)), wording)
    excess = search.run(for_value=False).excess
    if (excess > 2 * TOLERANCE).any() and not is_nearest:
        broken = [one.name for one, over in zip(search.limits, excess, strict=True) if over > 2 * TOLERANCE]
        raise InfeasibleConstraints(_explanation(search.limits, excess, search.scale), broken)
    search.bound = search.bound + excess
    mixture = search.run(for_value=True)
    kept = np.flatnonzero(mixture.weight > TOLERANCE)
    weight = mixture.weight[kept] / mixture.weight[kept].sum()
    price = mixture.price * search.money / search.scale
    return Plan(tuple(search.assignments[j] for j in kept), weight, price, wording)


@dataclass(frozen=True)
class _Mixture:
    """A solution of the master programme in scaled units: weights, excess over each limit, dual prices."""

    weight: np.ndarray
    excess: np.ndarray
    price: np.ndarray
    convexity_price: float


class _Search:
    """The assignments found so far, with the money and the use of every limit that each is expected to bring.

    Money and use are divided by the largest sums that the batch could reach, so that one tolerance fits all.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.limits: tuple[Limit, ...] = ()
        largest: list[np.ndarray] = []
        self.is_any_free = False
        for part in parts():
            self.limits = part.limits
            self.is_any_free |= bool(part.offer.is_free.any())
            largest.append(
                np.array([_largest_sum(part.values), *(_largest_sum(one.coefficient) for one in part.limits)])
            )
        reach = sum(largest, start=np.zeros(1 + len(self.limits)))
        reach[reach == 0] = 1.0
        self.money, self.scale = float(reach[0]), reach[1:]
        self.bound = np.array([limit.bound for limit in self.limits]) / self.scale
        self.assignments: list[Assignment] = []
        self.value: list[float] = []
        self.use: list[np.ndarray] = []

    def add(self, assignment: Assignment) -> None:
        value, use = 0.0, np.zeros(len(self.limits))
        for part in self.parts():
            chances = part.offer.propensities(assignment.of(part))
            value += float((chances * part.values).sum())
            use += np.array([(chances * limit.coefficient).sum() for limit in part.limits])
        self.assignments.append(assignment)
        self.value.append(value / self.money)
        self.use.append(use / self.scale)

    def run(self, *, for_value: bool) -> _Mixture:
        """Add the best assignment at the current prices until none improves on the mixture, and return that.

        For most money within the limits, or (``for_value`` False) for least excess over them.
        """
        mixture = self._mixture(for_value)
        for _ in range(_ROUNDS):
            self.add(Assignment(for_value / self.money, mixture.price / self.scale))
            reduced_cost = mixture.price @ self.use[-1] - for_value * self.value[-1] - mixture.convexity_price
            if reduced_cost >= -TOLERANCE:
                break
            mixture = self._mixture(for_value)
        return mixture

    def _mixture(self, for_value: bool) -> _Mixture:
        from scipy.optimize import linprog

        found, many = len(self.assignments), len(self.limits)
        elastic = np.zeros((many, 0)) if for_value else -np.eye(many)
        result = linprog(
            np.r_[-np.array(self.value) * for_value, np.ones(elastic.shape[1])],
            A_ub=np.hstack([np.stack(self.use, axis=1), elastic]),
            b_ub=self.bound,
            A_eq=np.r_[np.ones(found), np.zeros(elastic.shape[1])][None, :],
            b_eq=[1.0],
            method="highs-ds",
            options=_PRECISION,
        )
        if result.status != 0:
            raise InfeasibleConstraints(
                f"policy.constraints: no prices were found ({result.message}). Loosen the constraints."
            )
        excess = np.zeros(many) if for_value else result.x[found:]
        price = np.maximum(-result.ineqlin.marginals, 0.0)
        return _Mixture(result.x[:found], excess, price, float(result.eqlin.marginals[0]))


def _largest_sum(coefficient: np.ndarray) -> float:
    return float(np.abs(coefficient).max(axis=1, initial=0.0).sum())


def _explanation(limits: Sequence[Limit], excess: np.ndarray, scale: np.ndarray) -> str:
    parts = [
        f"{limit.name}: the nearest within reach is {limit.stated(limit.bound + over * most):.6g}"
        for limit, over, most in zip(limits, excess, scale, strict=True)
        if over > 2 * TOLERANCE
    ]
    return (
        f"no choice of actions keeps every constraint of the policy: {'; '.join(parts)}. Exploration, the holdout "
        "and rows on the rules count too. Set these bounds within reach, or explore and hold out less."
    )
