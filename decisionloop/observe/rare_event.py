"""How far a bound must reach for what has not happened yet, or not often enough to show in a standard error.

A mean of contributions, of which few are large and rare, is skewed; a standard error learns the large ones only from
those that happened. What one more of them would do is known before it happens, from what is possible. With c its size,
se the standard error and z the normal quantile, the bound lies

    (z^2 + 2) / 3 * c + z * sqrt(se^2 + c^2)          where none or few were seen (Fay and Feuer 1997, Tiwari, Clegg
                                                      and Zou 2006: as though one more had come), and
    (z^2 + 1/2) / 3 * c + z * sqrt(se^2 + c^2 / 2)    where enough were (mid-p: Fay and Kim 2017),

from the mean. c is the variance of the events over their mean, sum p c^2 / sum p c: the scale of the gamma limit for
unequal events. With none seen the second form errs 10.7 % at a nominal 5 %, and from about five on it errs no more than
declared; in between the two are mixed. On the worlds of `benchmarks.intervals` c from the third moment (sum p c^3 / sum
p c^2) erred 1 % where 10 % were declared, and c from the root mean square up to 22 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decisionloop.observe.estimate import Codes, Floats, entity_sums, normal_quantile, t_quantile

FEW, ENOUGH = 3.0, 7.0
"""Up to FEW events seen the full form holds, from ENOUGH on the mid-p form."""
MARKED = 0.5
"""An outcome counts as an event where it is at least this share of what was possible."""


@dataclass(frozen=True)
class RareEvent:
    """One more event in one direction: its ``size`` >= 0 in the estimate's unit, and how many like it were seen."""

    size: float
    seen: float

    @classmethod
    def of(
        cls, possible: Floats, happened: Floats, chance: Floats, codes: Codes | None, drawn: Floats | None = None
    ) -> RareEvent:
        """From rows (n,): ``possible`` and ``happened`` contributions (>= 0), and the chance of the former.

        An entity's rows can go wrong together, so they are summed. ``chance`` needs to be right only up to a factor;
        its mean is added to each, so that no row is left out because somebody believes that it is safe. ``drawn``: the
        known chance that the row is there at all; None: all are.
        """
        used = possible > 0 if drawn is None else (possible > 0) & (drawn > 0)
        if not used.any():
            return cls(0.0, 0.0)
        there = np.ones_like(possible) if drawn is None else drawn
        mean = float(np.average(chance[used], weights=there[used]))
        likely = np.where(used, there * (chance + mean if mean > 0 else 1.0), 0.0)
        size = entity_sums(possible, codes)
        rows = entity_sums(used.astype(float), codes)
        share = np.divide(entity_sums(likely, codes), rows, out=np.zeros_like(size), where=rows > 0)
        usual = float((share * size**2).sum() / (share * size).sum())
        marked = entity_sums(np.where(used & (happened >= MARKED * possible), possible, 0.0), codes)
        return cls(usual, float((marked**2).sum()) / usual**2)

    def reach(self, error: float, confidence: float, groups: int) -> float:
        """Distance of the bound from the mean of ``groups`` entities with standard error ``error``."""
        z, t = normal_quantile(confidence), t_quantile(confidence, groups - 1)
        few = float(np.clip((ENOUGH - self.seen) / (ENOUGH - FEW), 0.0, 1.0))
        shift, spread = 0.5 + 1.5 * few, 0.5 + 0.5 * few
        return float((z**2 + shift) / 3 * self.size + np.hypot(t * error, z * np.sqrt(spread) * self.size))
