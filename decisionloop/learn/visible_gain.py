"""Which gain so many outcomes would show, and how many show a gain of a size: before anything is decided.

Of N decisions one half is decided by a challenger. Two means of N/2 outcomes of standard deviation s differ by
2 s / sqrt(N) by chance; where sums are rare and large an interval reaches further, by what one more of them would do
(`observe.rare_event`, the form of every interval of money here). A gain is shown 8 times in 10 where it is larger than
that reach by `POWER` standard errors. A single look is meant: a proof by bets takes longer (`observe.betting`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from decisionloop.observe.estimate import Floats, normal_quantile
from decisionloop.observe.rare_event import MARKED, RareEvent

POWER = 0.8
_MOST = 1e12
"""More decisions than anybody will ever take."""
_FEW_SHARE = 0.01
HEAVY = 0.5
"""Sums are heavy where one outcome in a hundred carries so much of them all."""


@dataclass(frozen=True)
class SeenSums:
    """Money of outcomes that were seen: their standard deviation, the usual size of one that is far from the mean,
    how often one is as far as that, and what is at stake in one: all in currency but ``often``.

    ``largest``: how far from the mean one must be reckoned to be, though none was seen so far; 0: as far as was seen.
    """

    spread: float
    event: float
    often: float
    stake: float

    @classmethod
    def of(cls, money: Floats, largest: float = 0.0) -> SeenSums:
        """Of money (n,) in currency; ``largest``: a sum to be reckoned with."""
        far = np.abs(money - money.mean())
        event = float((far**2).sum() / far.sum()) if far.any() else 0.0
        reckoned = max(event, abs(largest - float(money.mean())) if largest else 0.0)
        often = float((far >= MARKED * reckoned).mean()) if reckoned else 0.0
        return cls(float(money.std()), reckoned, often, float(np.abs(money).mean()))

    def gain_shown(self, outcomes: float, confidence: float, share: float = 0.5) -> float:
        """The gain a decision that ``outcomes``, a ``share`` of them of one side, show 8 times in 10.

        ``confidence``: that of a two-sided interval, which errs on this side half as often.
        """
        apart = 1 / math.sqrt(outcomes * share * (1 - share))
        error, event = self.spread * apart, self.event / (outcomes * min(share, 1 - share))
        side = max(2, round(outcomes * min(share, 1 - share)))
        reach = RareEvent(event, self.often * side).reach(error, confidence, side)
        return reach + normal_quantile(2 * POWER - 1) * error

    def outcomes_for(self, gain: float, confidence: float) -> float:
        """How many outcomes show a ``gain`` a decision; infinite where nobody will ever have so many."""
        low, high = 4.0, _MOST
        if self.gain_shown(high, confidence) > gain:
            return math.inf
        while high / low > 1.001:
            middle = math.sqrt(low * high)
            low, high = (middle, high) if self.gain_shown(middle, confidence) > gain else (low, middle)
        return high


def share_of_few(amounts: Floats) -> float:
    """The part of the sum of amounts (n,) that the largest hundredth of them carries, one of them at the least."""
    size = np.sort(np.abs(amounts))[::-1]
    return float(size[: max(1, round(_FEW_SHARE * len(size)))].sum() / size.sum()) if size.any() else 0.0
