"""What cannot happen with the contract's numbers and the data as it comes, and which number to change.

Each number is asked where the loop asks it: how many outcomes a training needs and how far back it looks
(`monitors`), how many the gate needs and how long a comparison may last (`gate`), from how many decisions on a lift is
told (`observe.confidence_sequence`), and how a batch would be explored (`act.exploration`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.contract.days import in_days
from decisionloop.learn.tried_otherwise import YEAR_WEEKS
from decisionloop.learn.visible_gain import SeenSums
from decisionloop.observe.confidence_sequence import BURN_IN
from decisionloop.sources.base import Source
from decisionloop.sources.coming import DecisionsComing
from decisionloop.sources.data_answers import Told
from decisionloop.sources.figures import two_figures
from decisionloop.sources.gain_answers import interval_of, sums_of
from decisionloop.sources.seen_of_tried import SeenOfTried
from decisionloop.sources.tried_batches import TriedBatch
from decisionloop.sources.whole_replay import replay_shortage

_HARDLY = 5.0
"""So few trials in all the time that there is are as good as none."""
_LONG = 10
"""So many batches to a first answer of the gate, were every outcome to count in full, are worth saying beforehand."""


@dataclass(frozen=True)
class OutcomesComing:
    """What the loop would see while the rules decide: outcomes ``a_week`` of what they do and ``tried`` ones of what
    they do not, and the part of the ``rarer`` class (None: the contract has no class, or none was seen)."""

    a_week: float
    tried: float
    rarer: float | None

    @classmethod
    def of(cls, use_case: UseCase, tried: Sequence[TriedBatch], told: Told) -> OutcomesComing:
        """From the ``tried`` batches: what the rules do in them, and how often that shows an outcome."""
        seen, action = told.seen, np.concatenate([one.action for one in tried])
        reveals = np.array(use_case.revealing)[action] if len(action) else np.zeros(0, dtype=bool)
        if use_case.outcome.means_zero_when_absent:
            share = float(reveals.mean()) if len(reveals) else 0.0
        elif seen.is_of_action:
            share = float((seen.share[action] * reveals).mean()) if len(action) else 0.0
        else:
            share = min(seen.any_share, float(reveals.mean()) if len(reveals) else 0.0)
        other = 0.0 if told.trying is None else told.trying.tried.a_week
        return cls(share * told.coming.a_week, other, _rarer(use_case, seen))

    @property
    def all_a_week(self) -> float:
        """Both."""
        return self.a_week + self.tried


def cannot_happen(use_case: UseCase, source: Source, tried: Sequence[TriedBatch], told: Told) -> Iterator[str]:
    """Each with the number that is needed, the number that is there, and the one to change."""
    outcomes = OutcomesComing.of(use_case, tried, told)
    untaught = tuple(_training(use_case, source, told, outcomes))
    yield from untaught
    if use_case.is_observing:  # nothing is promoted, explored or held out
        return
    yield from _gate(use_case, told.coming, outcomes)
    yield from _lift(use_case, told.coming, outcomes, sums_of(use_case, told.everyone, told.seen))
    dear = tuple(_exploring(use_case, told))
    yield from dear or (() if untaught else _departing(use_case, told))


def _training(use_case: UseCase, source: Source, told: Told, outcomes: OutcomesComing) -> Iterator[str]:
    """Whether ever so many outcomes are mature and recent enough at once as a training needs."""
    monitors, waits = use_case.monitors, use_case.outcome.maturity_days
    if monitors.training_days <= waits:
        yield (
            f"No model is ever trained: cohorts teach up to {in_days(monitors.training_days)} after they were decided "
            f"(monitors.training_days), and are complete after {in_days(waits)} (outcome.maturity_days). Set "
            f"training_days well above {waits:g}."
        )
        return
    shortage = replay_shortage(use_case, source, told.seen_by) if told.coming.is_replay else ""
    if shortage:
        yield shortage
        return
    if not outcomes.all_a_week:  # nothing tells what would be seen
        return
    weeks = (monitors.training_days - waits) / 7
    if told.coming.is_replay:
        weeks = min(weeks, told.coming.weeks)
    known = outcomes.all_a_week * weeks
    rarer = None if outcomes.rarer is None else outcomes.rarer * known
    short = _short_of(known, monitors.minimum_outcomes, "outcomes", "minimum_outcomes") or (
        "" if rarer is None else _short_of(rarer, monitors.minimum_events, "of the rarer class", "minimum_events")
    )
    if short:
        days = _days_for(use_case, outcomes)
        longer = f"raise monitors.training_days ({monitors.training_days:g}) to {days:,.0f}, " if days else ""
        yield (
            f"No model is trained while the rules decide: in the {in_days(round(7 * weeks))} that teach "
            f"(monitors.training_days less outcome.maturity_days) {short}: {longer}lower that minimum, or decide more."
        )


def _short_of(there: float, needed: int, what: str, name: str) -> str:
    return f"come about {there:,.0f} {what}, and monitors.{name} needs {needed:,}" if there < needed else ""


def _days_for(use_case: UseCase, outcomes: OutcomesComing) -> float:
    """How far back a training must look, in days to two figures; 0 where nothing ever comes."""
    monitors = use_case.monitors
    weeks = monitors.minimum_outcomes / outcomes.all_a_week
    if outcomes.rarer is not None:
        events = outcomes.all_a_week * outcomes.rarer
        weeks = max(weeks, monitors.minimum_events / events if events > 0 else math.inf)
    days = 7 * weeks + use_case.outcome.maturity_days
    return math.ceil(days / 10) * 10 if days < 36_500 else 0.0


def _rarer(use_case: UseCase, seen: SeenOfTried) -> float | None:
    known = seen.classes[np.isfinite(seen.classes)]
    if use_case.outcome.class_ is None or not len(known):
        return None
    rate = float(known.mean()) * (seen.any_share if use_case.outcome.means_zero_when_absent else 1.0)
    return min(rate, 1 - rate)


def _gate(use_case: UseCase, coming: DecisionsComing, outcomes: OutcomesComing) -> Iterator[str]:
    """Whether a comparison can hold as many outcomes as the gate needs, were every one to count in full."""
    needed, longest = use_case.gate.minimum_effective_n, use_case.gate.longest_comparison
    each = coming.of_batch * max(1e-9, min(1.0, _shown(outcomes, coming)))
    batches = math.ceil(needed / each) if each * 1e6 > needed else math.inf
    if batches > longest:
        yield (
            f"No challenger is ever promoted: a comparison ends after {longest} cohorts (gate.longest_comparison) of "
            f"about {two_figures(each)} outcomes, {longest * each:,.0f} at the most, and the gate answers from "
            f"{needed:g} (gate.minimum_effective_n) on. Decide more at a time (schedule), raise longest_comparison, or "
            "lower minimum_effective_n."
        )
    elif batches > _LONG:
        yield (
            f"Before {batches} batches the gate cannot answer: one has {coming.of_batch:,.0f} people, and it answers "
            f"from gate.minimum_effective_n ({needed:g}) effective outcomes on, were every one to count in full. "
            "Decide more at a time (schedule), or lower it."
        )


def _departing(use_case: UseCase, told: Told) -> Iterator[str]:
    """Whether trying can tell enough within what teaches, so that a model may depart from the rules anywhere.

    Of all the time that there is `data_answers` tells; here it is that less teaches than comes.
    """
    trying, monitors = told.trying, use_case.monitors
    weeks = (monitors.training_days - use_case.outcome.maturity_days) / 7
    if trying is None or trying.is_hopeless or weeks <= 0:
        return
    part = weeks / trying.weeks
    if part >= 1 or trying.lucky * part >= trying.tried.needed:
        return
    brought = f"{trying.lucky * part:,.0f} outcomes of one action at the most"
    remedy = f"Set policy.exploration to `{trying.remedy}`" if trying.remedy else "Decide more"
    yield (
        f"No model may depart from the rules anywhere: what is tried within the {in_days(round(7 * weeks))} that teach "
        f"is worth {brought}, and gate.minimum_effective_n needs {trying.tried.needed:,.0f}. {remedy}, or raise "
        "monitors.training_days."
    )


def _shown(outcomes: OutcomesComing, coming: DecisionsComing) -> float:
    """The part of the decisions that show an outcome; all, where the rules show none and a challenger might."""
    return outcomes.a_week / coming.a_week if outcomes.a_week > 0 and coming.a_week > 0 else 1.0


def _lift(use_case: UseCase, coming: DecisionsComing, outcomes: OutcomesComing, sums: SeenSums | None) -> Iterator[str]:
    """Whether a year tells what the loop brings over the rules alone, by those who are held out."""
    share = use_case.policy.holdout_share
    if not 0 < share < 1:
        return
    weeks = coming.weeks if coming.is_replay else YEAR_WEEKS
    ours, time = (1 - share) * coming.a_week * weeks, "this replay" if coming.is_replay else "a year"
    if ours < BURN_IN:
        yield (
            f"No lift over those held out is told in {time}: it is told from {BURN_IN:,} decisions on, and about "
            f"{ours:,.0f} come. Decide more, or go by the paired comparison with the rules."
        )
        return
    held = share * (outcomes.a_week or coming.a_week) * weeks  # the rules decide about them
    if held < 2:
        yield (
            f"No lift over those held out is ever told: {share:.1%} of the decisions (policy.holdout_share) are about "
            f"{two_figures(held)} outcomes in {time}. Raise it to {_more_held(share, held):.2g}."
        )
        return
    if sums is None or sums.stake == 0:
        return
    least = sums.gain_shown(held / share, interval_of(use_case), share)
    if least > sums.stake:
        yield (
            f"No usual lift over those held out is told in {time}: the {held:,.0f} outcomes of {share:.1%} "
            f"(policy.holdout_share) show {two_figures(least)} {use_case.economics.currency} a decision at the least, "
            f"more than all that is at stake in one ({two_figures(sums.stake)}). Raise it, or decide more."
        )


def _more_held(share: float, held: float) -> float:
    """A share that holds out a hundred outcomes, a half at the most."""
    return min(0.5, share * 100 / held) if held > 0 else 0.5


def _exploring(use_case: UseCase, told: Told) -> Iterator[str]:
    """Whether the budget buys a handful of trials in all, once everything that the data shows has been seen."""
    trying, exploration = told.trying, use_case.policy.exploration
    if trying is not None and trying.is_hopeless:
        yield (
            "Nothing can ever be better than what the rules do: by economics.value the best outcome of any other "
            "action brings no more than the worst of theirs. Say there what an outcome brings or costs under each "
            "action, the default one included."
        )
        return
    if trying is None or trying.known is None or exploration.kind != "priced" or exploration.is_off:
        return
    known, unit = trying.known, use_case.economics.currency
    if known.explored * trying.weeks * told.coming.batches_a_week >= _HARDLY or trying.is_enough:
        return
    budget, remedy = known.budget or 0.0, trying.remedy
    raised = "Raise budget_share, or set budget_money alone" if budget else "Set budget_money with `budget_share: null`"
    raised = f"Set policy.exploration to `{remedy}`" if remedy else raised
    yield (
        f"Hardly anything is tried beside the rules: the budget of a batch (policy.exploration) comes to "
        f"{two_figures(budget)} {unit} of the {two_figures(known.value_expected)} {unit} that it moves, and buys "
        f"about {two_figures(known.explored)} trials. {raised}."
    )
