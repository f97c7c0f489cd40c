"""What a page adds up where some periods cannot tell their money: years in their place, and little is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from decisionloop.ledger.measurements import Measurement
from decisionloop.report.read.measurements import Measured, periods_of_money, total_cost_of_exploration
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.story import PeriodMoney
from decisionloop.report.record.totals import counted, covered, total_of
from decisionloop.report.words.headline import _cannot_be_told
from decisionloop.report.words.naming import ReleaseNames

RULES_ID = "small/rules/1"
AT = datetime(2024, 6, 1, tzinfo=UTC)
NAMES = ReleaseNames({RULES_ID: "the rules"}, {RULES_ID: "rules"})


def figure(monitor: str, cohort: str, value: float | None, n: int = 50) -> Measurement:
    ends = (None, None) if value is None else (value - 2, value + 2)
    part = "until=2024-02" if monitor.startswith("pooled_") else "all"
    return Measurement("small", None, monitor, part, cohort, value, *ends, n, 20.0, True, AT)


def of_cohort(
    cohort: str, policy: float | None, rules: float | None, prefix: str = "", n: int = 50
) -> list[Measurement]:
    difference = None if policy is None or rules is None else policy - rules
    told = {"value_policy": policy, "value_rules": rules, "value_difference": difference}
    figures = [figure(f"{prefix}{name}_total", cohort, value, n) for name, value in told.items()]
    return [*figures, figure(f"{prefix}exploration_cost", cohort, None if difference is None else -difference, n)]


def money(*figures: list[Measurement]) -> tuple[tuple[PeriodMoney, ...], Measured]:
    measured = Measured(tuple(one for of in figures for one in of), {})
    return periods_of_money(measured, {}, NAMES), measured


def test_a_month_is_told_as_one_where_one_of_its_cohorts_cannot_be() -> None:
    cohorts = (of_cohort("2024-01-08", 10.0, 8.0), of_cohort("2024-01-15", None, 9.0))
    other = of_cohort("2024-02-05", 5.0, 4.0)
    (january, february), _ = money(*cohorts, other)
    assert not january.policy.is_known
    (january, february), measured = money(*cohorts, other, of_cohort("2024-01", 21.0, 17.0, "pooled_", 100))
    assert (january.policy.value, january.rules.value, january.difference.value) == (21.0, 17.0, 4.0)
    assert january.decisions == 100
    assert february.policy.value == 5.0  # nothing was pooled there
    total = total_of((january, february))
    assert total is not None
    assert (total.policy.value, total.difference.value, total.decisions) == (26.0, 5.0, 150)
    assert total_cost_of_exploration(measured, (january, february)).value == pytest.approx(-5.0)


def test_a_year_measured_as_one_stands_in_for_its_months_in_the_total() -> None:
    months = (of_cohort("2024-01-08", None, 8.0), of_cohort("2024-02-05", 5.0, None))
    year = of_cohort("2024", 16.0, 13.0, "pooled_", 100)
    told, measured = money(*months, year)
    total = total_of(told)
    assert total is not None
    assert (total.policy.value, total.rules.value, total.decisions) == (16.0, 13.0, 100)
    assert [one.period for one in covered(told)] == ["2024-01", "2024-02"]
    assert _cannot_be_told(told) == ""
    assert total_cost_of_exploration(measured, told).value == pytest.approx(-3.0)
    # Of some of its months it says nothing: these have to speak for themselves.
    assert total_of(told[1:]) == replace(told[1], period="all", year=None)


def test_a_year_that_is_of_other_decisions_than_its_months_counts_for_none_of_them() -> None:
    told, _ = money(
        of_cohort("2024-01-08", None, 8.0),
        of_cohort("2024-02-05", 5.0, 4.0),
        of_cohort("2024", 9.0, 9.0, "pooled_", 70),
    )
    total = total_of(told)
    assert total is not None
    assert (total.policy.value, total.decisions) == (5.0, 50)


def test_a_few_decisions_that_cannot_be_compared_do_not_make_all_of_them_so() -> None:
    known = PeriodMoney("2024-01", 1_000, *(Estimate(10.0, 5.0, 15.0),) * 3, True, ("the rules",))
    few = replace(known, period="2025-01", decisions=11, difference=Estimate())
    total = total_of((known, few))
    assert total is not None
    assert (total.decisions, total.difference.value) == (1_000, 10.0)
    assert counted((known, few)) == (known,)
    assert "January 2025 earned cannot be compared with the rules, and is not counted" in _cannot_be_told(
        (known, few)
    ).replace("\xa0", " ")
    many = replace(few, decisions=500)
    total = total_of((known, many))
    assert total is not None
    assert (total.decisions, total.difference.value) == (1_500, None)


def test_later_months_stand_beside_a_year_and_one_sum_is_told_of_it_everywhere() -> None:
    """The year was measured in March: what came of March is added to it, and where it cannot be told it is left out."""
    months = (of_cohort("2024-01-08", None, 8.0), of_cohort("2024-02-05", 5.0, None))
    year = of_cohort("2024", 16.0, 13.0, "pooled_", 100)
    for march, expected in ((of_cohort("2024-03-04", 2.0, 1.0), 18.0), (of_cohort("2024-03-04", None, 1.0), 16.0)):
        told, _ = money(*months, march, year)
        total = total_of(told)
        assert total is not None
        assert total.policy.value == expected
        assert total_of(covered(told)) == total


def test_a_year_that_tells_no_more_than_its_months_does_not_stand_in() -> None:
    months = (of_cohort("2024-01-08", 3.0, None), of_cohort("2024-02-05", 5.0, 4.0))
    told, _ = money(*months, of_cohort("2024", 9.0, None, "pooled_", 100))
    assert [one.year for one in told] == [None, None]
