"""Monitor of labels: outcomes that come late or not at all, told before anybody blames the model.

Labels may be missing because of what the outcome was. Nothing can be said about performance on what is left, so a
cohort whose labels are incomplete raises an alarm about labels and none about performance (`labels_complete`).

Two things are asked. Is the share that has come the usual one at that age? And at maturity: is it what the contract
promises, which a feed that has lost a part from its first day never makes usual?
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.budget import AlarmBudget, budget_of
from decisionloop.monitor.alarm.finding import Chart, Finding
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.exact_rate import Bounds, rate_bounds
from decisionloop.observe.label_curve import LabelCurve, UsualShare

PROMISE = "the contract"
"""What a finding is against that compares with `monitors.minimum_arrived`."""
LABEL_SHORTFALL = "label_shortfall"
"""Monitor: how many outcomes a mature cohort has too few to be judged by, as a share; 0 where it may be judged."""


@dataclass(frozen=True)
class LabelState:
    """Whether performance may be judged on a cohort (`labels_complete`), the share of its labels that is missing
    beyond the usual (`missing_beyond_usual`), and the share that has come short of what judging needs
    (`least_arrived`)."""

    is_complete: bool = True
    missing_share: float = 0.0
    shortfall: float = 0.0


@dataclass(frozen=True)
class CohortLabels:
    """The labels of a cohort at an age: ``decided`` decisions should show one, of which ``arrived`` have come.

    ``curve``: how the labels of earlier mature cohorts came in. ``is_held_back``: the cohort may not judge anything.
    ``mature_after_days``: when the last outcome of this very cohort is due; None: after the contract's maturity_days.
    """

    decided: int
    arrived: int
    age_days: float
    curve: LabelCurve
    is_held_back: bool = False
    mature_after_days: float | None = None

    def judge(self, use_case: UseCase) -> tuple[Finding, ...]:
        """`judge_labels` of this cohort under the contract's own budget."""
        own, budget = self._own(use_case), budget_of(use_case)
        return judge_labels(own, self.decided, self.arrived, self.age_days, self.curve, budget)

    def state(self, use_case: UseCase) -> LabelState:
        """What they allow to be said of anything else."""
        use_case, asked = self._own(use_case), (self.decided, self.arrived, self.age_days, self.curve)
        is_complete = not self.is_held_back and labels_complete(use_case, *asked)
        least = least_arrived(use_case, self.age_days, self.curve)
        shortfall = max(0.0, least - self.arrived / self.decided) if self.decided else 0.0
        return LabelState(is_complete, missing_beyond_usual(use_case, *asked), shortfall)

    def _own(self, use_case: UseCase) -> UseCase:
        """The contract with the maturity of this cohort."""
        if self.mature_after_days is None:
            return use_case
        outcome = use_case.outcome.model_copy(update={"maturity_days": self.mature_after_days})
        return use_case.model_copy(update={"outcome": outcome})


def label_checks(use_case: UseCase) -> int:
    """How many checks of labels there are whenever a batch falls due.

    One for each cohort that is not yet mature; for the one just mature one against the usual, one against the promise
    if there is any, and one for the rate of its outcome.
    """
    young = math.ceil(use_case.outcome.maturity_days / use_case.schedule.covers_days)
    return young + 2 + (promised_share(use_case) is not None)


def promised_share(use_case: UseCase) -> float | None:
    """The share of outcomes that must be there at maturity; None where no news is an outcome, or a draw, of its own."""
    if use_case.outcome.means_zero_when_absent or use_case.are_outcomes_drawn:
        return None
    return use_case.monitors.minimum_arrived


def usual_share(use_case: UseCase, age_days: float, curve: LabelCurve) -> UsualShare | None:
    """The share of outcomes that is usual at an age; None where nobody knows, or a replay draws what it shows.

    How many such a draw shows hangs on what was done, as an action is shown as often as it was likely: a loop that
    comes to prefer a rare one would look as though outcomes were missing. What its log leaves blank comes as that.
    """
    return None if use_case.are_outcomes_drawn else curve.usual(age_days)


def judge_labels(
    use_case: UseCase, decided: int, arrived: int, age_days: float, curve: LabelCurve, budget: AlarmBudget
) -> tuple[Finding, ...]:
    """Whether a cohort's labels surely fall short of what is usual at its age, and at maturity of what is promised.

    ``decided`` decisions took an action that reveals an outcome, of which ``arrived`` have one. Against the usual the
    monitor is "late_labels" before maturity and "missing_labels" from then on, against the promise "promised_labels".
    Not judged, so no finding: a cohort without such decisions; against the usual, a history of fewer than
    `label_curve.MINIMUM_COHORTS` cohorts, and an age at which so few labels are usual that
    `monitors.maximum_missing_labels` of them cannot be missing.
    """
    if decided == 0:
        return ()
    cohort = _Judged(use_case, decided, arrived, age_days, budget.alpha("labels", label_checks(use_case)))
    usual, promised = usual_share(use_case, age_days, curve), promised_share(use_case)
    findings = []
    if usual is not None and usual.share > use_case.monitors.maximum_missing_labels:
        findings.append(_against_usual(cohort, usual))
    if promised is not None and cohort.is_mature:
        findings.append(_against_promise(cohort, promised))
    return tuple(findings)


@dataclass(frozen=True)
class _Judged:
    """A cohort (`judge_labels`) and the chance of a false alarm that each check of it may have."""

    use_case: UseCase
    decided: int
    arrived: int
    age_days: float
    alpha: float

    @property
    def is_mature(self) -> bool:
        return self.age_days >= self.use_case.outcome.maturity_days

    @property
    def share(self) -> float:
        return self.arrived / self.decided

    def finding(self, expected: float, shortfall: tuple[Bounds, Bounds], threshold: float, against: str) -> Finding:
        """The shortfall from what was ``expected``; its bounds at 0.025 and at the check's own alpha."""
        shown, sure = shortfall
        said = "usual are" if against != PROMISE else "the contract promises at least"
        return Finding(
            family="labels",
            monitor="promised_labels" if against == PROMISE else "missing_labels" if self.is_mature else "late_labels",
            slice="all",
            figure=Estimate(shown.value, shown.low, shown.high, self.decided, float(self.decided), 0.95),
            threshold=threshold,
            bound=sure.low,
            direction="above",
            alpha=self.alpha,
            words=f"{self._words} {said} {expected:.1%}.",
            suggestion=_suggestion(self.is_mature, against),
            against=against,
            chart=Chart(("outcome known", "not known"), (expected, 1 - expected), (self.share, 1 - self.share)),
        )

    @property
    def _words(self) -> str:
        when = "although the cohort is mature" if self.is_mature else f"{self.age_days:.0f} days after the decisions"
        return f"Of {self.decided:,} decisions that should show an outcome {self.share:.1%} have one {when};"


def _against_usual(cohort: _Judged, usual: UsualShare) -> Finding:
    shortfall = tuple(usual.shortfall(cohort.decided, cohort.arrived, alpha) for alpha in (0.025, cohort.alpha))
    limit = cohort.use_case.monitors.maximum_missing_labels
    return cohort.finding(usual.share, (shortfall[0], shortfall[1]), limit, "earlier cohorts")


def _against_promise(cohort: _Judged, promised: float) -> Finding:
    """Exact (`exact_rate.rate_bounds`): right at any size while each outcome comes with the promised chance or more."""
    shown, sure = (_less(promised, rate_bounds(cohort.arrived, cohort.decided, a)) for a in (0.025, cohort.alpha))
    return cohort.finding(promised, (shown, sure), 0.0, PROMISE)


def _less(promised: float, rate: Bounds) -> Bounds:
    return Bounds(promised - rate.value, promised - rate.high, promised - rate.low)


def missing_beyond_usual(use_case: UseCase, decided: int, arrived: int, age_days: float, curve: LabelCurve) -> float:
    """Share of a cohort's labels that are missing beyond the usual, at least 0.

    Without a history nobody knows which labels never come, so 0: what is missing then counts as usual.
    """
    usual = usual_share(use_case, age_days, curve)
    return 0.0 if usual is None or decided == 0 else max(0.0, usual.share - arrived / decided)


def labels_complete(use_case: UseCase, decided: int, arrived: int, age_days: float, curve: LabelCurve) -> bool:
    """Whether performance may be judged on this cohort: it is mature and its labels are there as usual and promised.

    Stricter than the alarm, which must be sure: as soon as more than `monitors.maximum_missing_labels` are missing
    beyond the usual, or fewer than promised are there, sure or not, performance is only provisional.
    """
    if decided == 0 or age_days < use_case.outcome.maturity_days:
        return False
    return arrived / decided >= least_arrived(use_case, age_days, curve)


def least_arrived(use_case: UseCase, age_days: float, curve: LabelCurve) -> float:
    """Share of a cohort's outcomes below which nothing is judged on it: the promise, or the usual with its slack."""
    usual = usual_share(use_case, age_days, curve)
    as_usual = 0.0 if usual is None else usual.share - use_case.monitors.maximum_missing_labels
    return max(promised_share(use_case) or 0.0, as_usual)


def _suggestion(is_mature: bool, against: str) -> str:
    if not is_mature:
        return "Ask who delivers the outcomes whether a delivery is late. No judgement of the model rests on it yet."
    expected = (
        " If so many never come, say so in the contract: `monitors.minimum_arrived`." if against == PROMISE else ""
    )
    return (
        "Ask who delivers the outcomes whether a part is lost (a branch, a channel, one kind of outcome). From now on "
        "the cohort neither teaches nor judges, because what is missing may not be like what is there, until its "
        f"outcomes have come or `decisionloop cohorts include` releases it.{expected}"
    )
