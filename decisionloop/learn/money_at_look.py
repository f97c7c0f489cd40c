"""The money of a challenger over a champion at one look, honest about the outcomes that have not come.

What still comes is estimated from what earlier cohorts missed, what never comes is taken as the others: that is the
figure, with its interval. The bounds beside it take what never comes at its worst and at its best. A comparison that
goes on proves a gain by bets that take *every* outcome that has not come at its worst, so that no guess of why it is
missing can promote anybody; a later look, when more have come, takes less. So that the newest cohorts, whose outcomes
are still coming, do not hide what the older ones have proven, the bets are also asked about these alone: a proof at an
earlier cohort is one (Ville 1939), and outcomes that came since only make it surer what that was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from decisionloop.contract import UseCase
from decisionloop.learn.comparison import Comparison, Progress, money_so_far, progress, rows_of
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.missing_in_log import is_settled
from decisionloop.learn.seen_outcomes import Policies, logged_for, seen_difference
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.off_policy import OffPolicyEstimate, difference
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.observe.overlap import Overlap

UNBOUNDED = "nothing tells how large the amounts of the {:,} outcomes could be that have not come"


@dataclass(frozen=True)
class MoneyAtLook:
    """The gain a decision, how well the log could tell it, and how far a comparison has come (None: there is none)."""

    money: Estimate
    overlap: Overlap
    progress: Progress | None = None


def money_told(use_case: UseCase, traffic: LoggedBatches, policies: Policies, confidence: float) -> OffPolicyEstimate:
    """The gain a decision on n decisions of policy traffic, by a single look at them."""
    if not use_case.outcome.depends_on_action:
        return seen_difference(use_case, traffic.log, traffic.frame, policies, confidence)
    logged = logged_for(use_case, traffic.log, traffic.frame, policies)
    return difference(logged, policies.challenger, policies.champion, "dr", confidence)


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
    told = money_told(use_case, traffic, policies, confidence)
    if comparison is None:
        return MoneyAtLook(told.money, told.overlap)
    if _is_unbounded(told.money.bounds):
        assert told.money.bounds is not None
        unknown = cannot_say(UNBOUNDED.format(told.money.bounds.missing), told.money.n, confidence)
        return MoneyAtLook(replace(unknown, bounds=told.money.bounds), told.overlap, Progress(comparison))
    rows = rows_of(use_case, traffic.log, traffic.frame, policies)
    reached = progress(comparison, rows, above)
    whole = MoneyAtLook(money_so_far(comparison, rows, told, confidence), told.overlap, reached)
    if policies.missing is None or reached.capital >= reached.required:
        return whole
    settled = is_settled(traffic.log, policies.missing)
    if settled.any() and not settled.all():
        older = money_at_look(use_case, traffic.rows(settled), policies.rows(settled), comparison, above, confidence)
        if older.progress is not None and older.progress.capital >= older.progress.required:
            return replace(older, overlap=told.overlap)
    as_others = rows_of(use_case, traffic.log, traffic.frame, replace(policies, missing=None))
    alike = progress(comparison, as_others, above).capital
    return replace(whole, progress=replace(reached, if_as_others=alike))


def _is_unbounded(bounds: OutcomeBounds | None) -> bool:
    return bounds is not None and bounds.missing > 0 and (bounds.low is None or bounds.high is None)
