"""A month with a cohort that cannot tell its money is measured as one, once, and again when there is news of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from decisionloop.ledger.batches import Batch, batches
from decisionloop.ledger.measured_cohorts import measured_cohorts
from decisionloop.ledger.measurements import Measurement, append_measurements, measurements_of
from tasks.observe.pooled_spans import measure_spans
from tasks.readback.maturity import mature_at
from tests.tasks.installation import Installation

FEBRUARY = datetime(2024, 2, 12, tzinfo=UTC)


def pooled(installation: Installation) -> dict[str, float]:
    told = measurements_of(installation.ledger, installation.written.name)
    rows = told[told["monitor"].str.startswith("pooled_")]
    return {
        f"{cohort} {monitor}": n for cohort, monitor, n in zip(rows["cohort"], rows["monitor"], rows["n"], strict=True)
    }


def mature_by(installation: Installation, at: datetime) -> list[Batch]:
    """The decided batches that are mature by then."""
    workspace = installation.workspace
    found = batches(workspace.ledger, workspace.use_case.name, as_of_to=at)
    mature = zip(found, mature_at(workspace, found), strict=True)
    return [one for one, of_it in mature if of_it <= at and one.is_decided]


def untell(installation: Installation, cohort: str, at: datetime) -> None:
    """One of its cohorts cannot tell."""
    name = installation.written.name
    nothing = Measurement(name, None, "value_policy", "all", cohort, None, None, None, 600, 0.0, True, at)
    append_measurements(installation.ledger, [nothing])


def test_a_month_is_pooled_only_where_a_cohort_cannot_tell_and_once(modelled: Installation) -> None:
    workspace = modelled.workspace
    mature = mature_by(modelled, FEBRUARY)
    assert len(mature) >= 2
    assert measure_spans(workspace, mature, FEBRUARY) == 0
    assert pooled(modelled) == {}
    untell(modelled, f"{mature[0].as_of:%Y-%m-%d}", FEBRUARY)
    assert measure_spans(workspace, (), FEBRUARY) == 0  # no cohort was measured just now
    within = mature[-1].as_of + timedelta(hours=1)
    assert measure_spans(workspace, mature[-1:], within) == 0  # the month is not over
    assert measure_spans(workspace, mature[-1:], FEBRUARY + timedelta(days=1)) == 1
    told = pooled(modelled)
    assert set(told) == {
        f"2024-01 pooled_{one}"
        for one in ("value_policy_total", "value_rules_total", "value_difference_total", "exploration_cost")
    }
    everybody, of_policy = (
        {told[f"2024-01 pooled_{one}"] for one in names}
        for names in (("value_policy_total", "value_rules_total"), ("value_difference_total", "exploration_cost"))
    )
    assert everybody == {600 * len(mature)}
    assert len(of_policy) == 1
    assert max(everybody) > max(of_policy) > 0.8 * max(everybody)  # the others are held out
    assert measure_spans(workspace, mature[-1:], FEBRUARY + timedelta(days=2)) == 0
    untell(modelled, f"{mature[-1].as_of:%Y-%m-%d}", FEBRUARY + timedelta(days=3))
    assert measure_spans(workspace, mature[-1:], FEBRUARY + timedelta(days=4)) == 1
    assert "2024-01" not in measured_cohorts(workspace.ledger, workspace.use_case.name)  # no batch is called so


def test_the_last_month_of_a_replay_is_over_once_its_calendar_is(modelled: Installation) -> None:
    """The calendar's month goes on, and nothing comes of it."""
    january = [one for one in mature_by(modelled, FEBRUARY) if one.as_of.month == 1]
    modelled.contract(outcome={"window_days": 1, "maturity_days": 1})
    untell(modelled, f"{january[0].as_of:%Y-%m-%d}", FEBRUARY)
    within = january[-1].as_of + timedelta(days=1, hours=1)
    assert within.month == 1
    assert measure_spans(modelled.workspace, january[-1:], within) == 0
    modelled.written.change("outcomes.parquet", lambda rows: rows[rows["decided_at"] <= january[-1].as_of])
    modelled.contract()  # opened anew, its source is over
    assert modelled.workspace.source.calendar()[-1] < within
    assert measure_spans(modelled.workspace, january[-1:], within) == 1
