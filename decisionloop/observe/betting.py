"""A gain that may be looked at after every cohort: it is proven once betting on it has made enough money.

Whoever bets the same share ``bet`` (in 1 / currency) on every gain d lying above m multiplies a capital of 1 by the
product of 1 + bet (d - m). As long as the gains so far, each given what was known before it, are no more than m on
average, 1 + x <= exp(x) keeps that below a non-negative martingale that starts at 1, which ever reaches 1 / error with
a chance of at most ``error`` (Ville 1939), however often one looks. A mixture of bets does so too. So the claim needs
neither a constant gain nor a normal law: the chance that there is ever a look at which the capital has reached
1 / error while the gains so far were m or less on average is at most ``error``.

Betting: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (2023); on logged decisions:
Karampatziakis, Mineiro and Ramdas, "Off-policy confidence sequences" (2021), and Waudby-Smith, Wu, Ramdas,
Karampatziakis and Mineiro, "Anytime-valid off-policy inference for contextual bandits" (2022), who show that money
needs to be bounded below only, and that a pessimistic expectation q narrows that bound at the price of variance.

What is assumed: given the features and everything before, the actions of different entities in a cohort were drawn
independently with their logged propensities (a hash draws them); their outcomes are independent but for what the whole
cohort shares, which is part of the truth; and no later decision changes the outcome of an earlier one. The same entity
may come back in later cohorts: its gain is then judged given its past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from decisionloop.observe.estimate import Floats
from decisionloop.observe.paired_gains import GainRows, PairedGains

LARGEST_BET = 0.95
"""Of the capital, on the worst that a single row can do."""
SHARES_OF_BEST = (0.25, 0.5, 1.0)
"""The bets of the mixture, relative to the one that would have grown most before: what was known before flatters."""
CAUTIONS = (0.0, 0.1, 0.25, 0.5, 1.0)
LIMITS = (0.9, 0.99, 0.999, 1.0)
"""Quantiles of the harm of rows at which truncation is tried; the last is none."""
_BETS = LARGEST_BET * 0.6 ** np.arange(14)

RowsAt = Callable[[float], GainRows]
"""The rows of a log at a caution (`gain_rows`)."""


@dataclass(frozen=True)
class Bets:
    """A mixture of bets with equal stakes, set before the first gain is seen.

    ``caution``: that of the rows (`gain_rows`); ``limit``: currency that a single row may hurt at most
    (`GainRows.within`); ``bets``: in 1 / currency.
    """

    caution: float
    limit: float
    bets: tuple[float, ...]

    @classmethod
    def known_before(cls, rows_at: RowsAt) -> Bets | None:
        """Those that would have grown most on an earlier log; None where the policies never differed there.

        What should grow is a gain that is just visible there: the one that was seen, or its standard error where that
        is larger (Kelly 1956: the capital that a bet makes is what it is good for).
        """
        plain = rows_at(0.0).within()
        error = float(plain.gain.std()) * np.sqrt(len(plain.gain)) / max(1, plain.n)
        lowered = plain.mean - max(plain.mean, error)
        tried = [
            (_log_wealth(before, bet / limit, lowered + before.bias_per_decision), caution, limit, bet / limit)
            for caution in CAUTIONS
            for limit, before in _limited(rows_at(caution))
            for bet in _BETS
        ]
        if not tried:
            return None
        _, caution, limit, best = max(tried, key=lambda one: one[0])
        return cls(caution, limit, tuple(float(share * best) for share in SHARES_OF_BEST))

    def capital(self, gains: PairedGains, above: float) -> float:
        """What a capital of 1 has become by betting that the gain a decision is more than ``above`` and its bias."""
        logs = [_log_wealth(gains, bet, above + gains.bias_per_decision) for bet in self.bets]
        return float(np.exp(min(np.logaddexp.reduce(logs) - np.log(len(logs)), 700.0)))

    def lower_bound(self, gains: PairedGains, error: float) -> float | None:
        """What the gain a decision surely exceeds at all looks together, net of its bias; None: nothing bounds it."""
        low, step = gains.mean, max(abs(gains.mean), self.limit / max(1, gains.n))
        while self.capital(gains, low) * error < 1:
            low, step = low - step, 2 * step
            if step > 1e6 * self.limit:
                return None
        if low == gains.mean:
            return low
        return float(brentq(lambda m: self._surplus(gains, m, error), low, gains.mean, xtol=1e-9 * self.limit))

    def _surplus(self, gains: PairedGains, above: float, error: float) -> float:
        return float(np.log(max(self.capital(gains, above), 1e-300) * error))


def _limited(rows: GainRows) -> Iterator[tuple[float, PairedGains]]:
    """Limits that may be set on the harm of a row, with what the gains become."""
    harm = rows.harm[rows.hurts > 0]
    if harm.size and np.isfinite(harm).all():
        for limit in np.unique(np.quantile(harm, LIMITS, method="higher")):
            if limit > 0:
                yield float(limit), rows.within(float(limit))


def _log_wealth(gains: PairedGains, bet: float, above: float) -> float:
    """log of the product of 1 + ``bet`` (gain - ``above`` x decisions); -inf where that is not positive."""
    factors: Floats = bet * (gains.gain - above * gains.decisions)
    return float(np.log1p(factors).sum()) if (factors > -1).all() else -np.inf
