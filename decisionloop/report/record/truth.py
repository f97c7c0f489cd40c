"""What only a replay can know, and whether the loop's own intervals held it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.story import PeriodMoney, PeriodTruth

DOUBT = 0.05
"""So rarely would as few intervals hold the truth by chance, if they held it as often as they promise."""


@dataclass(frozen=True)
class HeldTruth:
    """Of ``tested`` intervals of one kind (loop, rules or difference) ``held`` the truth."""

    kind: str
    tested: int
    held: int


@dataclass(frozen=True)
class TruthCheck:
    """How many of the loop's intervals held what the replay knows; ``level`` is what they promise."""

    kinds: tuple[HeldTruth, ...]
    level: float

    @property
    def tested(self) -> int:
        """Intervals of all kinds."""
        return sum(one.tested for one in self.kinds)

    @property
    def held(self) -> int:
        """Those that held the truth."""
        return sum(one.held for one in self.kinds)

    @property
    def is_short(self) -> bool:
        """Whether fewer held than promised, beyond chance.

        Kind by kind, the chance shared among the kinds (Bonferroni): the intervals of one month depend on each other.
        """
        limit = DOUBT / max(1, len(self.kinds))
        return any(one.tested and _at_most(one.held, one.tested, self.level) < limit for one in self.kinds)


def _at_most(held: int, tested: int, level: float) -> float:
    """P(at most ``held`` of ``tested`` independent intervals hold), each with probability ``level``."""
    return math.fsum(math.comb(tested, k) * level**k * (1 - level) ** (tested - k) for k in range(held + 1))


def check_truth(truth: Sequence[PeriodTruth], money: Sequence[PeriodMoney], level: float) -> TruthCheck:
    """Hold the intervals of every counted period against the truth, but for figures that are the truth itself.

    Where the truth is an experiment's own estimate, it is held if the two differ by no more than both leave open
    together: the half-widths add in quadrature. Totals that leave decisions out are not those that the loop estimates.
    """
    known = {one.period: one for one in money if one.is_mature}
    pairs: Mapping[str, list[tuple[float | None, float, Estimate]]] = {"loop": [], "rules": [], "difference": []}
    for one in truth:
        line = known.get(one.period)
        if line is not None and not one.unrecorded_n:
            pairs["loop"].append((one.policy, one.policy_error, line.policy))
            pairs["rules"].append((one.rules, one.rules_error, line.rules))
            pairs["difference"].append((one.difference, one.difference_error, line.difference))
    return TruthCheck(tuple(_held(kind, of_kind) for kind, of_kind in pairs.items()), level)


def _held(kind: str, pairs: Sequence[tuple[float | None, float, Estimate]]) -> HeldTruth:
    answers = [_is_held(value, error, estimate) for value, error, estimate in pairs if value is not None]
    known = [one for one in answers if one is not None]
    return HeldTruth(kind, len(known), sum(known))


def _is_held(truth: float, error: float, estimate: Estimate) -> bool | None:
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None or (not error and math.isclose(truth, value, rel_tol=1e-9)):
        return None  # every outcome is known: the figure is the truth itself, and could not miss it
    reach = high - value if truth >= value else value - low
    return abs(truth - value) <= math.hypot(reach, error) * (1 + 1e-9)
