"""A challenger and a champion compared on all that has matured since the comparison was opened, look after look.

What is staked and how is bet is set when it is opened, from what was known then (`Comparison`); so the money at each
look is a function of the log alone, and a look that is taken again says the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.learn.seen_outcomes import Policies, logged_for, seen_copies, unseen_gains
from decisionloop.observe.betting import Bets, RowsAt
from decisionloop.observe.estimate import Codes, Estimate, cannot_say
from decisionloop.observe.off_policy import OffPolicyEstimate
from decisionloop.observe.paired_gains import GainRows, PairedGains, gain_rows

FUTILITY_ERROR = 0.1
"""How likely a challenger that is better may be refused as surely no better. It costs a chance, and no money."""
NOTHING_KNOWN = "when it was opened nothing was known of what these decisions could cost"


@dataclass(frozen=True)
class Comparison:
    """What is fixed when a comparison is opened: the error that it stakes, and its bets.

    ``opened_at``: ISO time; only cohorts that matured later count. ``bets`` that the challenger earns more, and
    ``against`` it: that the champion does. None: the two had never differed.
    """

    opened_at: str
    stake: float
    bets: Bets | None
    against: Bets | None = None


@dataclass(frozen=True)
class Progress:
    """How far a comparison has come: capital of 1 by betting that the challenger earns more, and what proves it.

    ``truncated``: currency a decision by which limits on single rows may have flattered, which is taken off. ``most``:
    what it surely earns no more than, a decision, at `FUTILITY_ERROR`; None where nothing tells. ``if_as_others``: the
    capital if the outcomes that have not come were as those of the same action that have; None: all have come.
    ``part``: of the stake, what these bets have. ``is_of_trial``: they are on the cohorts of its trial alone.
    """

    comparison: Comparison
    capital: float = 1.0
    truncated: float = 0.0
    most: float | None = None
    if_as_others: float | None = None
    part: float = 1.0
    is_of_trial: bool = False

    @property
    def required(self) -> float:
        """The capital at which the gain is proven."""
        return 1 / (self.comparison.stake * self.part)

    @property
    def is_proven(self) -> bool:
        """Whether betting has made what proves the gain."""
        return self.capital >= self.required


@dataclass(frozen=True, eq=False)
class BothRows:
    """Rows of a log at any caution: what the challenger gains over the champion, and the champion over it.

    Neither is the other with its sign turned: each is limited on the side that hurts it. Who stops lending risks a
    margin and saves a loss that is many times as large.
    """

    ours: RowsAt
    theirs: RowsAt


def opened(at: str, stake: float, before: BothRows) -> Comparison:
    """A comparison whose bets are set by what was known ``before`` it."""
    return Comparison(at, stake, Bets.known_before(before.ours), Bets.known_before(before.theirs))


def rows_of(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, policies: Policies, is_untried_worst: bool = True
) -> BothRows:
    """The gains on n logged decisions of policy traffic; an entity's in one cohort are one gain.

    Outcomes that have not come count as the worst for each side, where ``policies`` knows that they are missing; so
    does what the log could not have shown, but where bets are set by it (``is_untried_worst``).
    """
    if not use_case.outcome.depends_on_action:
        return BothRows(*(_seen_rows(use_case, log, frame, one) for one in (policies, policies.turned)))
    logged, group = logged_for(use_case, log, frame, policies), _entity_in_cohort(log)
    return BothRows(
        lambda caution: gain_rows(logged, policies.moved, group, caution, 1, is_untried_worst),
        lambda caution: gain_rows(logged, -policies.moved, group, caution, 1, is_untried_worst),
    )


def _seen_rows(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, policies: Policies) -> RowsAt:
    """The same where every action reveals the same outcome; what has not come is one for all of them."""
    (logged, there), copies = seen_copies(use_case, log, frame, policies), len(use_case.actions)
    group, moved = _entity_in_cohort(log), policies.moved[there]
    if policies.missing is None:
        return lambda caution: gain_rows(logged, moved, group[there], caution, copies)
    unseen, worst = (np.repeat(one, copies) for one in unseen_gains(use_case, log, frame, policies))

    def rows_at(caution: float) -> GainRows:
        rows = gain_rows(logged, moved, group[there], caution, copies)
        worst_case = np.nan_to_num(worst, nan=-np.inf)
        return GainRows(
            base=np.concatenate([rows.base, np.zeros(len(unseen))]),
            drawn=np.concatenate([rows.drawn, worst_case]),
            hurts=np.concatenate([rows.hurts, np.maximum(-worst_case, 0.0)]),
            beyond=rows.beyond,
            group=np.concatenate([rows.group, group[unseen]]),
            copies=copies,
        )

    return rows_at


def _entity_in_cohort(log: pd.DataFrame) -> Codes:
    entity, cohort = pd.factorize(log["entity_id"])[0], pd.factorize(log["as_of"])[0]
    return np.asarray(pd.factorize(cohort.astype(np.int64) * len(log) + entity)[0], dtype=np.int64)


def progress(comparison: Comparison, rows: BothRows, above: float) -> Progress:
    """How far it has come to prove a gain of more than ``above`` a decision, whatever the missing outcomes are."""
    if comparison.bets is None:
        return Progress(comparison)
    bets, gains = comparison.bets, _counted(comparison.bets, rows.ours)
    most = _most(comparison, rows, FUTILITY_ERROR)
    return Progress(comparison, bets.capital(gains, above), gains.bias_per_decision, most)


def _most(comparison: Comparison, rows: BothRows, error: float) -> float | None:
    """What the challenger surely earns no more than, a decision, at all looks together; None where nothing tells."""
    if comparison.against is None:
        return None
    low = comparison.against.lower_bound(_counted(comparison.against, rows.theirs), error)
    return None if low is None else -low


def money_so_far(comparison: Comparison, rows: BothRows, told: OffPolicyEstimate, confidence: float) -> Estimate:
    """The gain a decision, with bounds that hold at every look, each at the stake.

    ``told``: the same gain as a plain interval gives it, whose value is without bias, and whose upper end stands where
    no bet can tell one.
    """
    money = told.money
    if money.value is None or told.overlap.differing_n == 0:
        return money
    if comparison.bets is None:
        return cannot_say(NOTHING_KNOWN, money.n, confidence)
    low = comparison.bets.lower_bound(_counted(comparison.bets, rows.ours), comparison.stake)
    high = _most(comparison, rows, comparison.stake)
    high = money.high if high is None else high
    if low is None or high is None:
        return cannot_say("too little has matured to bound it", money.n, confidence)
    return replace(money, low=min(low, money.value), high=max(high, money.value), confidence=confidence)


def _counted(bets: Bets, rows_at: RowsAt) -> PairedGains:
    rows: GainRows = rows_at(bets.caution)
    return rows.within(bets.limit)
