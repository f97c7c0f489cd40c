"""Alarms about scores, actions, skew and the feedback loop, and the intervals of impact ratios; nothing has changed."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd

from benchmarks.declared.monitors import ERROR, one_number, terms
from benchmarks.declared.row import Row
from benchmarks.monitor_years.worlds import bench
from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.budget import AlarmBudget
from decisionloop.monitor.alarm.finding import Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.output_profile import ActionProfile
from decisionloop.monitor.compare.score_shift import ScoreProfile, reference_scores
from decisionloop.monitor.feedback import judge_feedback
from decisionloop.monitor.impact.adverse_impact import GroupCounts, impact_of_counts
from decisionloop.monitor.labels import LabelState
from decisionloop.monitor.outputs import ReleaseScores, judge_outputs
from decisionloop.monitor.skew import FeatureSkew, judge_skew

BEFORE = 4
"""Earlier batches that a batch's actions are compared with."""
SKEWED = 500
"""Rows of a sample of skew."""


def outputs_err(rng: np.random.Generator, n: int, monitor: str, moved: float = 0.0) -> bool:
    """A batch of n like those before it, in every slice, but for what ``moved``; without any tolerance."""
    use_case = one_number()
    actions = len(use_case.actions)
    chances = np.array([0.9, *np.full(actions - 1, 0.1 / (actions - 1))])
    changed = (1 - moved) * chances + moved * chances[::-1]
    batches = [_decided(rng, n, one) for one in [chances] * BEFORE + [changed]]
    reference = reference_scores(rng.beta(2, 5, 20_000))
    scores = ReleaseScores(ScoreProfile.of(rng.beta(2, 5, n) + moved, reference), reference)
    judged = Terms(use_case, terms().budget, Stakes())
    found = judge_outputs(judged, batches[-1], batches[:-1], scores)
    return any(one.is_alarm for one in found if one.monitor == monitor)


def _decided(rng: np.random.Generator, n: int, chances: np.ndarray) -> ActionProfile:
    use_case = one_number()
    frame = pd.DataFrame({name: rng.choice(values, n) for name, values in _slices().items()})
    return ActionProfile.of(use_case, frame, rng.choice(len(chances), n, p=chances))


@cache
def _slices() -> dict[str, list[str]]:
    """The values of every column that the contract slices by."""
    full = bench().use_case
    protected = {one.name: list(one.groups) for one in full.protected}
    categories = {one.name: list(map(str, one.categories)) for one in full.features if one.type == "category"}
    return {name: values for name, values in (categories | protected).items() if values}


def skew_errs(rng: np.random.Generator, features: int = 12) -> bool:
    """Every feature of a sample differs from its source with just the tolerated chance."""
    use_case = bench().use_case
    differ = rng.binomial(SKEWED, use_case.monitors.maximum_skew, features).tolist()
    skew = FeatureSkew(SKEWED, 0, {f"feature {place}": count for place, count in enumerate(differ)})
    return any(one.is_alarm for one in judge_skew(use_case, skew, terms().budget))


@cache
def _strict() -> UseCase:
    use_case = bench().use_case
    monitors = use_case.monitors.model_copy(update={"maximum_feedback_gap": 1e-9})
    return use_case.model_copy(update={"monitors": monitors})


def feedback_errs(rng: np.random.Generator, n: int, explored: float) -> bool:
    """A model that is right everywhere, and acts on the unlikely; without any tolerance."""
    p = rng.beta(1, 9, n)
    is_chance = rng.random(n) < explored
    is_seen = (p < 0.1) | is_chance
    outcome = (rng.random(n) < p).astype(float)
    judged = Terms(_strict(), AlarmBudget({"feedback": ERROR}, 1.0), Stakes())
    rows = outcome[is_seen], p[is_seen], is_chance[is_seen]
    return any(one.is_alarm for one in judge_feedback(judged, *rows, None, LabelState()))


def ratio_errs(rng: np.random.Generator, n: tuple[int, int], rate: float, ratio: float) -> bool:
    """The 95 % interval of the ratio of one group's rate to the reference group's ``rate``."""
    favoured = tuple(rng.binomial(n, (rate * ratio, rate)).tolist())
    told = impact_of_counts(GroupCounts("group", ("one", "other"), n, favoured), "other", 30)
    against = told.groups[0].to_reference
    if against is None or against.low is None or against.high is None:
        return False
    return not against.low <= ratio <= against.high


SCORES, ACTIONS = "alarm: scores moved", "alarm: actions moved, every slice"
SKEW, FEEDBACK, RATIO = "alarm: skew, 12 features", "alarm: feedback gap", "impact ratio"
ROWS = (
    Row(SCORES, "600 rows, no tolerance", ERROR, partial(outputs_err, n=600, monitor="score_shift"), 1_200),
    Row(SCORES, "5,000 rows, no tolerance", ERROR, partial(outputs_err, n=5_000, monitor="score_shift"), 600),
    Row(ACTIONS, "600 rows, no tolerance", ERROR, partial(outputs_err, n=600, monitor="action_shift"), 1_200),
    Row(ACTIONS, "5,000 rows, no tolerance", ERROR, partial(outputs_err, n=5_000, monitor="action_shift"), 600),
    Row(SKEW, "500 rows, just the tolerated share", ERROR, skew_errs),
    Row(FEEDBACK, "n 800, 5 % explored", ERROR, partial(feedback_errs, n=800, explored=0.05)),
    Row(FEEDBACK, "n 20,000, 5 % explored", ERROR, partial(feedback_errs, n=20_000, explored=0.05), 900),
    Row(RATIO, "40 and 40, a half", 0.05, partial(ratio_errs, n=(40, 40), rate=0.5, ratio=0.8)),
    Row(RATIO, "300 and 2,000, 2 %", 0.05, partial(ratio_errs, n=(300, 2_000), rate=0.02, ratio=0.8)),
    Row(RATIO, "5,000 and 5,000, a half", 0.05, partial(ratio_errs, n=(5_000, 5_000), rate=0.5, ratio=0.8)),
)
