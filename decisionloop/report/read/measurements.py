"""From the ledger's measurements to money per period and skill per cohort."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from decisionloop.ledger.measurements import POOLED_PREFIX, Measurement
from decisionloop.observe.left_out import LEFT_OUT
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import CohortPerformance
from decisionloop.report.record.story import PeriodMoney
from decisionloop.report.record.totals import left_out_of, sum_of, years_as_one
from decisionloop.report.words.naming import ReleaseNames

ALL = "all"
_MONEY = ("value_policy", "value_rules", "value_difference")


@dataclass(frozen=True)
class Measured:
    """The newest figures (`reads.newest_measurements`), and who decided: release ids by cohort and by month.

    ``deciders`` were champions, ``trials`` decided a part beside them. ``held``: cohorts that are held back.
    """

    figures: tuple[Measurement, ...]
    deciders: Mapping[str, tuple[str, ...]]
    held: Collection[str] = ()
    trials: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def cohorts(self, *monitors: str) -> tuple[str, ...]:
        """Cohorts of some monitors: months that were measured as such, and batches of other months."""
        names = sorted({one.cohort for one in self.figures if one.monitor in monitors})
        months = {name for name in names if len(name) == 7}
        return tuple(name for name in names if name in months or name[:7] not in months)

    @cached_property
    def _is_of_several_months(self) -> bool:
        return len({one.cohort[:7] for one in self.figures}) > 1

    @cached_property
    def _by_key(self) -> dict[tuple[str, str, str], list[Measurement]]:
        """The figures by monitor, cohort and slice: a page asks for each of them several times."""
        found: dict[tuple[str, str, str], list[Measurement]] = {}
        for one in self.figures:
            found.setdefault((one.monitor, one.cohort, one.slice), []).append(one)
        return found

    def period(self, cohort: str) -> str:
        """The month of a batch; the batch itself while everything measured lies in one month."""
        return cohort[:7] if self._is_of_several_months else cohort

    def of(self, monitor: str, cohort: str, part: str = ALL) -> tuple[Measurement, ...]:
        """The figures of one monitor in one cohort: of those who decided it, where such are known."""
        found = self._by_key.get((monitor, cohort, part), [])
        deciders = {None, *self.deciders.get(cohort, ())}
        return tuple(one for one in found if one.release_id in deciders) or tuple(found)

    def pooled(self, monitor: str, span: str) -> Measurement | None:
        """The newest figure of a month or a year as one; None where it was not measured so."""
        found = [one for one in self.figures if one.monitor == f"{POOLED_PREFIX}{monitor}" and one.cohort == span]
        return max(found, key=lambda one: (one.as_of, one.slice), default=None)


def _estimate(figure: Measurement, factor: float = 1.0) -> Estimate:
    ends = (figure.value, figure.low, figure.high)
    value, low, high = (None if end is None else end * factor for end in ends)
    return Estimate.of(value, low, high, bounds_of(figure, factor))


def bounds_of(figure: Measurement, factor: float = 1.0) -> OutcomeBounds | None:
    """What missing outcomes could make of a figure, in units of ``factor``; None where all have come."""
    if not figure.missing_n:
        return None
    return OutcomeBounds(figure.missing_n, figure.to_come_n or 0.0, figure.worst, figure.best).scaled(factor)


def periods_of_money(measured: Measured, decisions: Mapping[str, int], names: ReleaseNames) -> tuple[PeriodMoney, ...]:
    """Money per month. Batches of a month are added up where no month was measured as such.

    ``decisions`` by cohort and by month: what the ledger holds, for periods that no measurement counts.
    """
    periods: dict[str, list[str]] = {}
    for cohort in measured.cohorts("value_policy", "value_policy_total"):
        periods.setdefault(measured.period(cohort), []).append(cohort)
    found = tuple(_period(period, parts, measured, decisions, names) for period, parts in sorted(periods.items()))
    years = {one.period[:4] for one in found}
    in_years = {
        one.period: year for name in years if (year := _year(name, measured, found)) for one in _within(year, found)
    }
    return tuple(replace(one, year=in_years.get(one.period)) for one in found)


def _year(name: str, measured: Measured, found: Sequence[PeriodMoney]) -> PeriodMoney | None:
    """A year as one, up to the last month that was over when it was measured so; None where it says no more.

    It says more than its periods where they cannot all tell their money and it can, and only of their very decisions.
    """
    money, told = _as_one(measured, name), measured.pooled("value_policy_total", name)
    if money is None or told is None:
        return None
    until = told.slice.removeprefix("until=")
    year = PeriodMoney(f"{name} until {until}", told.n, *money, is_mature=True, decided_by=())
    within = _within(year, found)
    is_more = year.is_told or (year.policy.is_known and any(not one.policy.is_known for one in within))
    is_of_these = sum(one.decisions for one in within) == told.n
    return year if is_more and is_of_these and not all(one.is_told for one in within) else None


def _within(year: PeriodMoney, found: Sequence[PeriodMoney]) -> tuple[PeriodMoney, ...]:
    """The mature periods that a year was measured of."""
    name, until = year.period[:4], year.period[-7:]
    return tuple(one for one in found if one.is_mature and one.period[:4] == name and one.period[:7] <= until)


def _period(
    period: str, parts: Sequence[str], measured: Measured, decisions: Mapping[str, int], names: ReleaseNames
) -> PeriodMoney:
    by_whom = (measured.deciders, measured.trials)
    deciders = [release for part in parts for of in by_whom for release in of.get(part, ())]
    figures = [one for part in parts for one in _figures_of(measured, "value_policy", part)]
    policy, rules, difference = _money(measured, period, parts)
    return PeriodMoney(
        period=period,
        decisions=sum(one.n for one in figures) or sum(decisions.get(part, 0) for part in parts),
        policy=policy,
        rules=rules,
        difference=difference,
        is_mature=all(one.is_mature for one in figures),
        decided_by=tuple(dict.fromkeys(names[release] for release in deciders)),
        held_back=tuple(part for part in parts if part in measured.held),
        left_out=left_out_of(
            (one.slice.removeprefix("by="), int(one.value or 0))
            for one in measured.figures
            if one.monitor == LEFT_OUT and (one.cohort in parts or one.cohort[:7] in parts)
        ),
    )


def _money(measured: Measured, period: str, parts: Sequence[str]) -> tuple[Estimate, Estimate, Estimate]:
    """What policy and rules earned in a period, and the difference: sums of its parts where these tell all three.

    Else those of the month as one, where it was measured so: all three, or they would be of different decisions.
    """
    policy, rules, difference = (_total(measured, one, parts) for one in _MONEY)
    sums = policy, rules, difference
    if all(one.is_known for one in sums):
        return sums
    return _as_one(measured, period) or sums


def _as_one(measured: Measured, span: str) -> tuple[Estimate, Estimate, Estimate] | None:
    """What policy and rules earned in a span that was measured as one, and the difference; None: it was not."""
    policy, rules, difference = (measured.pooled(f"{one}_total", span) for one in _MONEY)
    if policy is None or rules is None or difference is None:
        return None
    return _estimate(policy), _estimate(rules), _estimate(difference)


def _figures_of(measured: Measured, monitor: str, cohort: str) -> tuple[Measurement, ...]:
    """The totals of a cohort; where there is none, the values per decision."""
    return measured.of(f"{monitor}_total", cohort) or measured.of(monitor, cohort)


def _total(measured: Measured, monitor: str, cohorts: Sequence[str]) -> Estimate:
    """The total of a period: measured as such, else the value per decision times its decisions."""
    estimates = []
    for cohort in cohorts:
        figures = _figures_of(measured, monitor, cohort)
        estimates += [_estimate(one, one.n if one.monitor == monitor else 1.0) for one in figures] or [Estimate()]
    return sum_of(estimates)


def performance(
    measured: Measured, names: ReleaseNames, auc_thresholds: Mapping[str, float] | None = None
) -> tuple[CohortPerformance, ...]:
    """Skill and calibration of every model on every mature month (the average over its batches, by outcomes).

    ``auc_thresholds``: by release id, the AUC below which its successor is trained.
    """
    limits = auc_thresholds or {}
    found: dict[tuple[str, str], dict[str, list[Measurement]]] = {}
    cohorts = measured.cohorts(*_SKILL)
    for one in measured.figures:
        is_wanted = one.monitor in _SKILL and one.slice == ALL and one.is_mature and one.cohort in cohorts
        if is_wanted and one.release_id and one.value is not None and not names.is_rules(one.release_id):
            by_monitor = found.setdefault((measured.period(one.cohort), one.release_id), {})
            by_monitor.setdefault(one.monitor, []).append(one)
    told = ((limits.get(key[1]), _performance(*key, found[key], measured, names)) for key in sorted(found))
    return tuple(replace(line, auc_threshold=limit) for limit, line in told)


_SKILL = ("auc_weighted", "auc", "predicted_rate", "observed_rate")


def _performance(
    cohort: str, release: str, figures: Mapping[str, list[Measurement]], measured: Measured, names: ReleaseNames
) -> CohortPerformance:
    ranked = next((figures[name] for name in _SKILL[:2] if name in figures), [])
    leading = ranked or next(iter(figures.values()))
    effective = [one.effective_n for one in leading if one.effective_n is not None]
    return CohortPerformance(
        cohort=cohort,
        release=names[release],
        auc=mean_of(ranked),
        predicted_rate=mean_of(figures.get("predicted_rate", [])).value,
        observed_rate=mean_of(figures.get("observed_rate", [])).value,
        n=sum(one.n for one in leading),
        effective_n=sum(effective) if effective else None,
        is_deciding=release in measured.deciders.get(cohort, (release,)),
        held_back=tuple(sorted({one.cohort for one in leading if one.cohort in measured.held})),
    )


def mean_of(figures: Sequence[Measurement]) -> Estimate:
    """The average of some batches' figures, each weighing as much as its rows; their errors are independent."""
    rows = sum(one.n for one in figures)
    return sum_of(_estimate(one, one.n / rows) for one in figures) if rows else Estimate()


def total_cost_of_exploration(measured: Measured, money: Sequence[PeriodMoney]) -> Estimate:
    """Sum of `exploration_cost` (currency of a whole cohort) over ``money``; unknown where it was never measured.

    The years that stand in for their periods are those of `total_of`, so that the two are of the same decisions.
    """
    years = years_as_one(money)
    alone = {one.period for one in money if one.year not in years}
    by_period: dict[str, list[Estimate]] = {}
    for cohort in measured.cohorts("exploration_cost"):
        if (period := measured.period(cohort)) in alone:
            found = by_period.setdefault(period, [])
            found += [_estimate(one) for one in measured.of("exploration_cost", cohort)]
    of_years = (_cost_as_one(measured, one.period[:4], ()) for one in years)
    return sum_of((*of_years, *(_cost_as_one(measured, period, parts) for period, parts in by_period.items())))


def _cost_as_one(measured: Measured, span: str, parts: Sequence[Estimate]) -> Estimate:
    """The sum of a span's parts; where one of them is not known, what the span cost as one, if it was measured so."""
    pooled, in_all = measured.pooled("exploration_cost", span), sum_of(parts)
    return _estimate(pooled) if pooled is not None and not in_all.is_known else in_all
