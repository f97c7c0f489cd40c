"""The money of a challenger over a champion at one look, honest about the outcomes that have not come.

What still comes is estimated from what earlier cohorts missed, what never comes is taken as the others: that is the
figure, with its interval. The bounds beside it take what never comes at its worst and at its best. A comparison that
goes on proves a gain by bets that take *every* outcome that has not come at its worst, so that no guess of why it is
missing can promote anybody; a later look, when more have come, takes less. So that the newest cohorts, whose outcomes
are still coming, do not hide what the older ones have proven, the bets are also asked about these alone: a proof at an
earlier cohort is one (Ville 1939), and outcomes that came since only make it surer what that was.

A part of the stake is kept for the cohorts in which the challenger was on trial. Before, what it would do was tried by
exploring alone, which a champion that is a model does seldom where it seems dear: rare draws weigh so much there that
what they could hurt outweighs every gain, and as cohorts only add up it would do so for ever. Of a trial's cohorts each
draw has at least the chance of its share. Which cohorts these are is known before their outcomes, and both parts
together err no more than the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from decisionloop.contract import UseCase
from decisionloop.learn.comparison import Comparison, Progress, money_so_far, progress, rows_of
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.missing_in_log import is_settled
from decisionloop.learn.money_of_trial import MoneyOfTrial, money_of_trial, money_told
from decisionloop.learn.seen_outcomes import Policies
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.observe.overlap import Overlap

PART_OF_TRIAL = 0.25
"""Of the stake of a comparison, what is kept for the cohorts of a trial, where the contract has one."""
UNBOUNDED = "nothing tells how large the amounts of the {:,} outcomes could be that have not come"


@dataclass(frozen=True)
class MoneyAtLook:
    """The gain a decision, how well the log could tell it, and how far a comparison has come (None: there is none).

    ``of_trial``: what is told plainly of the cohorts of a trial; None: there are none.
    """

    money: Estimate
    overlap: Overlap
    progress: Progress | None = None
    of_trial: MoneyOfTrial | None = None


def money_at_look(
    use_case: UseCase,
    traffic: LoggedBatches,
    policies: Policies,
    comparison: Comparison | None,
    above: float,
    confidence: float,
) -> MoneyAtLook:
    """The same at a look of the gate; with a ``comparison`` by bounds that hold at all looks, each at its stake.

    ``above``: what is to be proven, currency a decision.
    """
    if comparison is None:
        told = money_told(use_case, traffic, policies, confidence)
        return MoneyAtLook(told.money, told.overlap)
    kept, on_trial = PART_OF_TRIAL if use_case.canary.steps else 0.0, policies.is_on_trial
    whole = _bet_on(use_case, traffic, policies, _Bet(comparison, 1 - kept), above, confidence)
    if not kept or on_trial is None or not on_trial.any():
        return whole
    traffic, policies = traffic.rows(on_trial), policies.rows(on_trial)
    of_trial = money_of_trial(use_case, traffic, policies)
    if not _is_proven(whole):
        tried = _bet_on(use_case, traffic, policies, _Bet(comparison, kept, is_of_trial=True), above, confidence)
        whole = tried if _is_proven(tried) else whole
    return replace(whole, of_trial=of_trial)


@dataclass(frozen=True)
class _Bet:
    """Bets of a comparison with a ``part`` of its stake, on all cohorts or on those of the trial."""

    comparison: Comparison
    part: float
    is_of_trial: bool = False

    @property
    def staked(self) -> Comparison:
        """The comparison as though that part were all."""
        return replace(self.comparison, stake=self.comparison.stake * self.part)

    def named(self, reached: Progress) -> Progress:
        """How far they have come, as a part of the whole."""
        return replace(reached, comparison=self.comparison, part=self.part, is_of_trial=self.is_of_trial)


def _is_proven(look: MoneyAtLook) -> bool:
    return look.progress is not None and look.progress.is_proven


def _bet_on(
    use_case: UseCase, traffic: LoggedBatches, policies: Policies, bet: _Bet, above: float, confidence: float
) -> MoneyAtLook:
    """The money at a look of the decisions that are bet on."""
    told, comparison = money_told(use_case, traffic, policies, confidence), bet.staked
    if _is_unbounded(told.money.bounds):
        assert told.money.bounds is not None
        unknown = cannot_say(UNBOUNDED.format(told.money.bounds.missing), told.money.n, confidence)
        return MoneyAtLook(replace(unknown, bounds=told.money.bounds), told.overlap, bet.named(Progress(comparison)))
    rows = rows_of(use_case, traffic.log, traffic.frame, policies)
    reached = progress(comparison, rows, above)
    money = money_so_far(comparison, rows, told, confidence)
    whole = MoneyAtLook(money, told.overlap, bet.named(reached))
    if policies.missing is None or _is_proven(whole):
        return whole
    settled = is_settled(traffic.log, policies.missing)
    if settled.any() and not settled.all():
        older = _bet_on(use_case, traffic.rows(settled), policies.rows(settled), bet, above, confidence)
        if _is_proven(older):
            return replace(older, overlap=told.overlap)
    as_others = rows_of(use_case, traffic.log, traffic.frame, replace(policies, missing=None))
    alike = progress(comparison, as_others, above).capital
    return replace(whole, progress=bet.named(replace(reached, if_as_others=alike)))


def _is_unbounded(bounds: OutcomeBounds | None) -> bool:
    return bounds is not None and bounds.missing > 0 and (bounds.low is None or bounds.high is None)
