"""Monitor of labels: outcomes that come late or not at all, told before anybody blames the model.

Labels may be missing because of what the outcome was. Nothing can be said about performance on what is left, so a
cohort whose labels are incomplete raises an alarm about labels and none about performance (`labels_complete`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.budget import AlarmBudget, budget_of
from decisionloop.monitor.alarm.finding import Chart, Finding
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.label_curve import LabelCurve, UsualShare

MINIMUM_ARRIVED_SHARE = 0.5
"""Without a history of labels, performance is judged on a mature cohort only if at least this share has come."""


@dataclass(frozen=True)
class LabelState:
    """Whether performance may be judged on a cohort (`labels_complete`), and the share of its labels that is missing
    beyond the usual (`missing_beyond_usual`)."""

    is_complete: bool = True
    missing_share: float = 0.0


@dataclass(frozen=True)
class CohortLabels:
    """The labels of a cohort at an age: ``decided`` decisions should show one, of which ``arrived`` have come.

    ``curve``: how the labels of earlier mature cohorts came in. ``mature_after_days``: when the last outcome of this
    very cohort is due; None: after the contract's maturity_days.
    """

    decided: int
    arrived: int
    age_days: float
    curve: LabelCurve
    mature_after_days: float | None = None

    def judge(self, use_case: UseCase) -> tuple[Finding, ...]:
        """`judge_labels` of this cohort under the contract's own budget."""
        own, budget = self._own(use_case), budget_of(use_case)
        return judge_labels(own, self.decided, self.arrived, self.age_days, self.curve, budget)

    def state(self, use_case: UseCase) -> LabelState:
        """What they allow to be said of anything else."""
        use_case, asked = self._own(use_case), (self.decided, self.arrived, self.age_days, self.curve)
        return LabelState(labels_complete(use_case, *asked), missing_beyond_usual(*asked))

    def _own(self, use_case: UseCase) -> UseCase:
        """The contract with the maturity of this cohort."""
        if self.mature_after_days is None:
            return use_case
        outcome = use_case.outcome.model_copy(update={"maturity_days": self.mature_after_days})
        return use_case.model_copy(update={"outcome": outcome})


def label_checks(use_case: UseCase) -> int:
    """How many checks of labels there are whenever a batch falls due.

    One for each cohort that is not yet mature and for the one just mature, and one for the rate of its outcome.
    """
    return math.ceil(use_case.outcome.maturity_days / use_case.schedule.covers_days) + 2


def judge_labels(
    use_case: UseCase, decided: int, arrived: int, age_days: float, curve: LabelCurve, budget: AlarmBudget
) -> tuple[Finding, ...]:
    """Whether a cohort's labels surely fall short of what is usual at its age; at most one finding.

    ``decided`` decisions took an action that reveals an outcome, of which ``arrived`` have one. Before maturity the
    monitor is "late_labels", from then on "missing_labels". Not judged, so no finding: a cohort without such
    decisions, a history of fewer than `label_curve.MINIMUM_COHORTS` cohorts, and an age at which so few labels are
    usual that `monitors.maximum_missing_labels` of them cannot be missing.
    """
    usual = curve.usual(age_days)
    limit = use_case.monitors.maximum_missing_labels
    if usual is None or decided == 0 or usual.share <= limit:
        return ()
    is_mature = age_days >= use_case.outcome.maturity_days
    alpha = budget.alpha("labels", label_checks(use_case))
    shortfall = usual.shortfall(decided, arrived, 0.025)
    figure = Estimate(shortfall.value, shortfall.low, shortfall.high, decided, float(decided), 0.95)
    finding = Finding(
        family="labels",
        monitor="missing_labels" if is_mature else "late_labels",
        slice="all",
        figure=figure,
        threshold=limit,
        bound=usual.shortfall(decided, arrived, alpha).low,
        direction="above",
        alpha=alpha,
        words=_words(decided, arrived, age_days, usual, is_mature),
        suggestion=_suggestion(is_mature),
        against="earlier cohorts",
        chart=Chart(
            ("outcome known", "not known"), (usual.share, 1 - usual.share), (arrived / decided, 1 - arrived / decided)
        ),
    )
    return (finding,)


def missing_beyond_usual(decided: int, arrived: int, age_days: float, curve: LabelCurve) -> float:
    """Share of a cohort's labels that are missing beyond the usual, at least 0.

    Without a history nobody knows which labels never come, so 0: what is missing then counts as usual.
    """
    usual = curve.usual(age_days)
    return 0.0 if usual is None or decided == 0 else max(0.0, usual.share - arrived / decided)


def labels_complete(use_case: UseCase, decided: int, arrived: int, age_days: float, curve: LabelCurve) -> bool:
    """Whether performance may be judged on this cohort: it is mature and its labels are there as usual.

    Stricter than the alarm, which must be sure: as soon as more than `monitors.maximum_missing_labels` are missing
    beyond the usual, sure or not, performance is only provisional. Without a history at least
    MINIMUM_ARRIVED_SHARE of the labels must be there.
    """
    if decided == 0 or age_days < use_case.outcome.maturity_days:
        return False
    if curve.usual(age_days) is None:
        return arrived / decided >= MINIMUM_ARRIVED_SHARE
    return missing_beyond_usual(decided, arrived, age_days, curve) <= use_case.monitors.maximum_missing_labels


def _words(decided: int, arrived: int, age_days: float, usual: UsualShare, is_mature: bool) -> str:
    when = "although the cohort is mature" if is_mature else f"{age_days:.0f} days after the decisions"
    return (
        f"Of {decided:,} decisions that should show an outcome {arrived / decided:.1%} have one {when}; "
        f"usual are {usual.share:.1%}."
    )


def _suggestion(is_mature: bool) -> str:
    if is_mature:
        return (
            "Ask who delivers the outcomes whether a part is lost (a branch, a channel, one kind of outcome). "
            "The model is not judged on this cohort, because what is missing may not be like what is there."
        )
    return "Ask who delivers the outcomes whether a delivery is late. No judgement of the model rests on it yet."
