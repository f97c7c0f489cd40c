"""Monitors whose alarms lean on exact bounds and on windows of batches, where nothing has changed beyond their limits.

A family's budget is set so that one look errs with 5 % over all its checks together: a thousand worlds show that.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from benchmarks.declared.row import Row
from benchmarks.monitor_years.worlds import bench
from decisionloop.contract import UseCase
from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.contract.problem import Feature, ProtectedAttribute
from decisionloop.monitor.alarm.budget import FAMILIES, AlarmBudget
from decisionloop.monitor.alarm.finding import Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.profile import FeatureBins, FrameBins, FrameProfile, Reference
from decisionloop.monitor.compare.small_change import evidence_of_change
from decisionloop.monitor.compare.windows import EntitySketch, Watched, windows_of
from decisionloop.monitor.impact.adverse_impact import GroupCounts
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.monitor.impact.judging import judge_impact
from decisionloop.monitor.inputs import judge_inputs
from decisionloop.monitor.labels import LabelState
from decisionloop.monitor.lifts import RulesLifts
from decisionloop.monitor.outcome_shift import UsualRate, judge_outcome_shift
from decisionloop.monitor.performance import judge_performance
from decisionloop.monitor.value import judge_value
from decisionloop.observe.estimate import Estimate

ERROR = 0.05
BATCHES = 52
CELLS = 20


@cache
def terms() -> Terms:
    """The bundled contract's limits, and a budget of one look a year."""
    shares: dict[MonitorFamily, float] = dict.fromkeys(FAMILIES, ERROR)
    return Terms(bench().use_case, AlarmBudget(shares, 1.0), Stakes())


class NobodyReturns(EntitySketch):
    """So that a world needs no people."""

    repetition = 1.0

    def __add__(self, other: EntitySketch) -> EntitySketch:
        """Both together."""
        return self


NOBODY = NobodyReturns(1, ())


def outcome_shift_errs(rng: np.random.Generator, n: int, rate: float, by: float = 0.0) -> bool:
    """A cohort of n, after three as large whose rate was ``by`` lower."""
    usual = UsualRate(tuple(rng.binomial(n, rate, 3).tolist()), (n,) * 3)
    outcome = rng.random(n) < rate + by
    return any(one.is_alarm for one in judge_outcome_shift(terms(), outcome.astype(float), usual, 1))


def auc_errs(rng: np.random.Generator, n: int) -> bool:
    """The alarm that starts a retraining: rows that are revealed by exploration alone weigh 20 times as much."""
    z = rng.normal(size=n)
    score, y = z + 0.3 * rng.normal(size=n), rng.random(n) < 1 / (1 + np.exp(2.6 - 1.6 * z))
    is_chosen = score < 0.7
    is_seen = is_chosen | (rng.random(n) < 0.05)
    weight = np.where(is_chosen, 1.0, 20.0)[is_seen]
    reference = TRUE_AUC + terms().use_case.monitors.maximum_auc_drop  # it has dropped by just what is allowed
    found = judge_performance(terms(), y[is_seen].astype(float), score[is_seen], weight, reference, LabelState())
    return any(one.is_alarm for one in found if one.monitor == "auc_against_release")


def _true_auc() -> float:
    """Of `auc_errs`' world, from a sample of half a million."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=500_000)
    score, y = z + 0.3 * rng.normal(size=z.size), rng.random(z.size) < 1 / (1 + np.exp(2.6 - 1.6 * z))
    rank = score.argsort().argsort()
    events = int(y.sum())
    return float((rank[y].sum() - events * (events - 1) / 2) / events / (z.size - events))


TRUE_AUC = _true_auc()


def impact_weeks(rng: np.random.Generator, n: int, ratio: float, weeks: int = BATCHES) -> list[Watched[GroupTally]]:
    """Batches of n of either group, the favourable action going to a half of
    one and ``ratio`` of that of the other."""
    counts = rng.binomial(n, [[0.5 * ratio, 0.5]] * weeks)
    tallies = (
        GroupCounts(attribute.name, groups, (n, n), tuple(one))
        for attribute, groups, one in ((_attribute(), tuple(_attribute().groups)[:2], one) for one in counts.tolist())
    )
    return [Watched(GroupTally((one,), (one,)), NOBODY) for one in tallies]


@cache
def of_two_groups() -> UseCase:
    """The bundled contract with one protected attribute."""
    return bench().use_case.model_copy(update={"protected": (_attribute(),)})


def _attribute() -> ProtectedAttribute:
    first = bench().use_case.protected[0]
    names = tuple(first.groups)[:2]
    groups = {name: first.groups[name] for name in names}
    return first.model_copy(update={"groups": groups, "reference": names[1], "minimum_group_size": 30})


def is_impact_alarm(weeks: list[Watched[GroupTally]], budget: AlarmBudget) -> bool:
    """Whether the last of these batches alarms, alone or with those before it."""
    found = judge_impact(of_two_groups(), windows_of(weeks[-1], weeks[:-1]), budget)
    return any(one.is_alarm for one in found)


def impact_errs(rng: np.random.Generator, n: int) -> bool:
    """A ratio of just what is allowed."""
    return is_impact_alarm(impact_weeks(rng, n, of_two_groups().gate.minimum_impact_ratio), terms().budget)


@cache
def one_number() -> UseCase:
    """The bundled contract with one feature, and no change too small for an alarm."""
    use_case = bench().use_case
    number = next(one for one in use_case.features if one.type == "number")
    monitors = use_case.monitors.model_copy(update={"minimum_shift": 1e-9})
    return use_case.model_copy(update={"features": (number,), "monitors": monitors})


def number_weeks(
    rng: np.random.Generator, shares: np.ndarray, n: int, weeks: int, feature: Feature
) -> tuple[Reference, list[Watched[FrameProfile]]]:
    """A reference of 20,000 even values, and batches of n that fall into its bins by ``shares``."""
    bins = FrameBins((FeatureBins(feature.name, "number", tuple(np.arange(1.0, CELLS))),))
    even = np.append(np.full(CELLS, 1 / CELLS), 0.0)

    def profile(rows: int, by: np.ndarray) -> FrameProfile:
        return FrameProfile(bins.digest, rows, {feature.name: tuple(rng.multinomial(rows, by).tolist())})

    return Reference(bins, profile(20_000, even)), [Watched(profile(n, shares), NOBODY) for _ in range(weeks)]


def inputs_err(rng: np.random.Generator, n: int) -> bool:
    """A year of batches of n in which nothing changed, and even the smallest change would be an alarm."""
    use_case = one_number()
    even = np.append(np.full(CELLS, 1 / CELLS), 0.0)
    reference, weeks = number_weeks(rng, even, n, BATCHES, use_case.features[0])
    found = judge_inputs(
        Terms(use_case, terms().budget, Stakes()), windows_of(weeks[-1], weeks[:-1]), reference, (), {}
    )
    return any(one.is_alarm for one in found)


def input_change_errs(rng: np.random.Generator, n: int) -> bool:
    """The second tier in the same world."""
    even = np.append(np.full(CELLS, 1 / CELLS), 0.0)
    batches = list(rng.multinomial(n, even, size=BATCHES))
    evidence = evidence_of_change(batches, [1.0] * BATCHES, rng.multinomial(20_000, even), True, ERROR)
    return evidence.is_sure(ERROR)


def value_weeks(rng: np.random.Generator, lifts: np.ndarray, n: int = 500) -> list[Estimate]:
    """Lifts (cohorts,) of n decisions each: about 1 is earned or, with 3 %, about 20 lost."""
    size = (len(lifts), n)
    money = np.where(rng.random(size) < 0.03, -20.0, 1.0) * rng.lognormal(-0.125, 0.5, size) - 0.97 + 0.6
    mean, error = money.mean(axis=1) + lifts, money.std(axis=1, ddof=1) / np.sqrt(n)
    return [Estimate(m, m - 1.96 * e, m + 1.96 * e, n, float(n), 0.95) for m, e in zip(mean, error, strict=True)]


def value_lately_errs(rng: np.random.Generator) -> bool:
    """The windows at the end of a year that earned as much as the rules."""
    lifts = RulesLifts(tuple(value_weeks(rng, np.zeros(BATCHES + 1))))
    return any(one.is_alarm for one in judge_value(terms(), [lifts]) if "lately" in one.monitor)


SHIFT, AUC = "alarm: the outcome's rate moved", "alarm and trigger: AUC below the release's"
IMPACT, INPUTS = "alarm: adverse impact, 4 windows", "alarm: inputs moved, 4 windows"
ROWS = (
    Row(SHIFT, "n 30, 10 %", ERROR, partial(outcome_shift_errs, n=30, rate=0.1)),
    Row(SHIFT, "n 200, 1 %", ERROR, partial(outcome_shift_errs, n=200, rate=0.01)),
    Row(SHIFT, "n 1,000, 50 %", ERROR, partial(outcome_shift_errs, n=1_000, rate=0.5)),
    Row(SHIFT, "n 1,000, 6 % and what is tolerated", ERROR, partial(outcome_shift_errs, n=1_000, rate=0.06, by=0.05)),
    Row(AUC, "n 600, 5 % explored", ERROR, partial(auc_errs, n=600)),
    Row(AUC, "n 7,500, 5 % explored", ERROR, partial(auc_errs, n=7_500), 600),
    Row(IMPACT, "40 a group and batch, a ratio of 0.8", ERROR, partial(impact_errs, n=40)),
    Row(IMPACT, "300 a group and batch, a ratio of 0.8", ERROR, partial(impact_errs, n=300)),
    Row(INPUTS, "600 rows a batch, 20 cells, no tolerance", ERROR, partial(inputs_err, n=600), 1_200),
    Row("notice: inputs changed at all", "600 rows a batch, 20 cells", ERROR, partial(input_change_errs, n=600), 1_200),
    Row("alarm: value lately, 3 windows", "500 a cohort, 3 % lose 20", ERROR / 2, value_lately_errs, 1_200),
)
