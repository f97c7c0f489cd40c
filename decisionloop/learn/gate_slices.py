"""The gate's check of slices: is a challenger surely worse than the champion for some, however much it earns in all?

Every group of what `gate.slices` names is judged on its own decisions, by the interval by which a first look judges
money. The chance of error is shared among the groups and the looks: the k-th (the first, and from then on one a
matured cohort) has the part 1 / (k (k + 1)) of it, and all parts are one. So one who is no worse anywhere is blocked
with a chance of `ERROR` at most, at all looks together (Bonferroni). Bets (`observe.betting`) would need their limits
set before for each group, and those of all decisions see little in a part of them. A group of which there is too little
to say blocks nobody, and is said. Where outcomes are missing it is surely worse only if it is whatever they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.seen_outcomes import Policies, seen_difference
from decisionloop.monitor.compare.named_slices import named_slices
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import OffPolicyEstimate, difference
from decisionloop.observe.overlap import OverlapRules, judge_overlap

ERROR = 0.05
"""How likely at most a challenger that is no worse in any slice is kept from a promotion by this check."""


@dataclass(frozen=True)
class SliceGain:
    """Money a decision of a slice ("name=value") that a challenger earns more than the champion.

    ``money.high``: what it surely earns no more than, the error shared among all slices; no value: too few to say.
    """

    slice: str
    money: Estimate


def slice_gains(
    use_case: UseCase,
    traffic: LoggedBatches,
    policies: Policies,
    logged: LoggedDecisions,
    overlap: OverlapRules,
    look: int = 1,
) -> tuple[SliceGain, ...]:
    """The gain in every named slice of n decisions of policy traffic that has a decision; ``look``: from 1.

    ``logged``: the same decisions as arrays.
    """
    slices = [(name, rows) for name, rows in named_slices(use_case, traffic.frame) if rows.any()]
    confidence = 1 - 2 * ERROR / (look * (look + 1) * max(1, len(slices)))

    def told(rows: np.ndarray) -> OffPolicyEstimate:
        of_slice = policies.rows(rows)
        if not use_case.outcome.depends_on_action:
            return seen_difference(use_case, traffic.log[rows], traffic.frame[rows], of_slice, confidence)
        return difference(logged.subset(rows), of_slice.challenger, of_slice.champion, "dr", confidence)

    return tuple(SliceGain(name, _where_enough(told(rows), overlap)) for name, rows in slices)


def surely_worse(gains: Sequence[SliceGain], allowed: float) -> Iterator[SliceGain]:
    """The slices in which it surely earns less than the champion by more than ``allowed``, money a decision."""
    for one in gains:
        if one.money.high is not None and one.money.high < -allowed:
            yield one


def _where_enough(told: OffPolicyEstimate, overlap: OverlapRules) -> Estimate:
    """The money, where the log can tell it or there is nothing to tell apart; within what missing outcomes leave."""
    money = told.money
    if money.value is None or told.overlap.differing_n == 0:
        return money
    judged = judge_overlap(told.overlap, overlap)
    if not judged.is_sufficient:
        return cannot_say(judged.reason, money.n, money.confidence)
    if money.bounds is None:
        return money
    if money.bounds.low is None or money.bounds.high is None:
        return cannot_say("nothing bounds what has not come", money.n, money.confidence)
    return replace(money, low=money.bounds.low, high=money.bounds.high)
