"""The gate's bets: wrong at any of eight looks, of what the challenger surely earns more, and no more, than it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.declared.money import Loans
from benchmarks.declared.row import Row
from decisionloop.learn.comparison import FUTILITY_ERROR, BothRows, Progress, opened, progress
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.missing_outcomes import MissingOutcomes
from decisionloop.observe.paired_gains import GainRows, gain_rows

LOOKS, STAKE = 8, 0.05
AT = "2024-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class Compared:
    """A comparison in a world of loans: bets from one log, looks at another. ``lost``: share of the outcomes of loans
    that went wrong, of which nobody ever hears."""

    loans: Loans
    lost: float = 0.0

    def proof_errs(self, rng: np.random.Generator) -> bool:
        """Whether any look proves more than the challenger has earned so far."""
        return self._is_ever(rng, lambda told, truth: told.capital * STAKE >= 1)

    def futility_errs(self, rng: np.random.Generator) -> bool:
        """Whether any look says that it surely earns less than it has."""
        return self._is_ever(rng, lambda told, truth: told.most is not None and told.most < truth)

    def _is_ever(self, rng: np.random.Generator, is_wrong: Callable[[Progress, float], bool]) -> bool:
        before, now = ([*self.loans.rows(rng)] for _ in range(2))
        known, policies = self._known(rng, before[0]), before[1] - before[2]
        comparison = opened(AT, STAKE, _both(known, policies, len(known)))
        logged, moved, gains = self._known(rng, now[0]), now[1] - now[2], now[3]
        for seen in np.linspace(0, len(logged), LOOKS + 1).astype(int)[1:]:
            truth = float(gains[:seen].mean())
            if is_wrong(progress(comparison, _both(logged, moved, seen), truth), truth):
                return True
        return False

    def _known(self, rng: np.random.Generator, logged: LoggedDecisions) -> LoggedDecisions:
        """The log as it is when some outcomes are lost."""
        if not self.lost:
            return logged
        n, possible = len(logged), logged.possible
        assert possible is not None
        is_lost = (logged.action == 1) & (logged.reward < 0) & (rng.random(n) < self.lost)
        rows, nothing = np.arange(n), LateArrivals.nothing(2)
        missing = MissingOutcomes(
            is_missing=is_lost,
            cell=np.full(n, -1),
            usual=np.zeros(n),
            money=np.zeros((n, 4)),
            worst=possible.worst[rows, logged.action],
            best=possible.best[rows, logged.action],
            late=nothing,
        )
        return replace(logged, reward=np.where(is_lost, np.nan, logged.reward), missing=missing)


def _both(logged: LoggedDecisions, moved: np.ndarray, seen: int) -> BothRows:
    part, shift, group = logged.subset(np.arange(seen)), moved[:seen], logged.entity[:seen]
    return BothRows(partial(_rows, part, shift, group), partial(_rows, part, -shift, group))


def _rows(logged: LoggedDecisions, moved: np.ndarray, group: np.ndarray, caution: float) -> GainRows:
    return gain_rows(logged, moved, group, caution)


WORLDS = {
    "5 % explored, equal": Compared(Loans(4_000)),
    "5 % explored, lends more": Compared(Loans(4_000, cut=1.4)),
    "losses lognormal, sigma 1.5": Compared(Loans(4_000, heavy=1.5)),
    "loss 400 in 0.1 %": Compared(Loans(4_000, base=-8.3, loss=400, cut=1.8)),
    "100 entities, 20 decisions each": Compared(Loans(2_000, per=20)),
    "lends more, 30 % of the losses never told": Compared(Loans(4_000, cut=1.4), lost=0.3),
}
PROOF, FUTILITY = "gate's bets, proof at any of 8 looks", "gate's bets, no more at any of 8 looks"
ROWS = (
    *(Row(PROOF, name, STAKE, one.proof_errs, 900) for name, one in WORLDS.items()),
    *(Row(FUTILITY, name, FUTILITY_ERROR, one.futility_errs, 900) for name, one in WORLDS.items()),
)
