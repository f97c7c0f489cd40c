"""What a later cohort asks of earlier ones: the newest figure of each, and the few cohorts that count."""

from __future__ import annotations

from datetime import timedelta

from decisionloop.ledger.earlier_figures import (
    FigureOfCohort,
    cohorts_above,
    figures_of_cohorts,
    first_cohorts_told,
    last_cohorts_told,
    last_mature_cohorts,
)
from decisionloop.ledger.measurements import Measurement, append_measurements, measurements_of
from decisionloop.ledger.storage.engine import Ledger
from tests.ledger.conftest import AS_OF, RULES, USE_CASE

RATE, SHORTFALL = "outcome_rate", "label_shortfall"
WEEKS = [f"{AS_OF + timedelta(weeks=week):%Y-%m-%d}" for week in range(6)]


def figure(cohort: str, value: float | None = 0.5, monitor: str = RATE, later: int = 0, **other: object) -> Measurement:
    values: dict[str, object] = {"is_mature": True, "as_of": AS_OF + timedelta(days=90 + later), **other}
    release_id = values.pop("release_id", RULES)
    return Measurement(USE_CASE, release_id, monitor, "all", cohort, value, 0.1, 0.9, 9, 9.0, **values)  # type: ignore[arg-type]


def test_the_newest_figure_of_a_cohort_is_told_as_all_of_them_are_read(released: Ledger) -> None:
    append_measurements(released, [figure(one, 0.1) for one in WEEKS[:3]])
    append_measurements(released, [figure(WEEKS[1], 0.7, later=5), figure(WEEKS[0], 3.0, SHORTFALL)])
    found = figures_of_cohorts(released, USE_CASE, [RATE, SHORTFALL])
    assert {(one.monitor, one.cohort): one.value for one in found} == {
        (RATE, WEEKS[0]): 0.1,
        (RATE, WEEKS[1]): 0.7,
        (RATE, WEEKS[2]): 0.1,
        (SHORTFALL, WEEKS[0]): 3.0,
    }
    (second,) = figures_of_cohorts(released, USE_CASE, [RATE], RULES, [WEEKS[1]])
    assert second == FigureOfCohort(RATE, "all", WEEKS[1], 0.7, 0.1, 0.9, 9, 9.0)
    read = measurements_of(released, USE_CASE, [RATE, SHORTFALL])
    assert sorted(zip(read["monitor"], read["cohort"], read["value"], strict=True)) == sorted(
        (one.monitor, one.cohort, one.value) for one in found
    )
    assert figures_of_cohorts(released, USE_CASE, [RATE], "another/model/1") == ()
    assert figures_of_cohorts(released, "another", [RATE]) == ()


def test_the_first_and_the_last_cohorts_are_those_that_could_tell_before_one(released: Ledger) -> None:
    append_measurements(released, [figure(one, None if one == WEEKS[2] else 0.2) for one in WEEKS])
    append_measurements(released, [figure(WEEKS[3], 0.3, later=5)])  # told twice, and one cohort
    of = (released, USE_CASE, RATE, RULES)
    assert first_cohorts_told(*of, WEEKS[5], 3) == (WEEKS[0], WEEKS[1], WEEKS[3])
    assert last_cohorts_told(*of, WEEKS[5], 3) == (WEEKS[4], WEEKS[3], WEEKS[1])
    assert last_cohorts_told(*of, WEEKS[0], 3) == ()
    assert last_cohorts_told(released, USE_CASE, RATE, "another/model/1", WEEKS[5], 3) == ()


def test_a_cohort_that_a_monitor_looked_at_counts_though_it_could_tell_nothing_and_a_young_one_does_not(
    released: Ledger,
) -> None:
    append_measurements(released, [figure(WEEKS[0]), figure(WEEKS[1], None), figure(WEEKS[2], is_mature=False)])
    known = AS_OF + timedelta(days=90)
    assert last_mature_cohorts(released, USE_CASE, RATE, RULES, 3, known) == (WEEKS[1], WEEKS[0])
    append_measurements(released, [figure(WEEKS[3], later=5), figure(WEEKS[1], 0.9, later=5)])
    assert last_mature_cohorts(released, USE_CASE, RATE, RULES, 3, known) == (WEEKS[1], WEEKS[0])
    (then,) = figures_of_cohorts(released, USE_CASE, [RATE], RULES, [WEEKS[1]], known)
    assert then.value is None
    assert last_mature_cohorts(released, USE_CASE, RATE, RULES, 1, known + timedelta(days=5)) == (WEEKS[3],)


def test_a_cohort_was_above_when_it_ever_was(released: Ledger) -> None:
    short = [figure(WEEKS[0], 4.0, SHORTFALL), figure(WEEKS[1], 0.0, SHORTFALL), figure(WEEKS[2], 0.9)]
    append_measurements(released, [*short, figure(WEEKS[0], 0.0, SHORTFALL, later=5)])
    assert cohorts_above(released, USE_CASE, SHORTFALL, 0.0) == {WEEKS[0]}
