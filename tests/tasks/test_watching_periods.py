"""What is decided one at a time is sealed every few minutes, and watched once a period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.contract import load_use_case
from decisionloop.contract.online import Online
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batches import batches, latest_detail
from decisionloop.ledger.decisions import count_decisions, decisions_with_outcomes
from decisionloop.ledger.due_occurrences import decided_spans
from decisionloop.ledger.flags import is_kill_switch_on, set_flag
from decisionloop.ledger.outcomes import recorded_outcomes
from decisionloop.ledger.posted_outcomes import PostedOutcome
from decisionloop.ledger.stream import Segment, count_unsealed
from decisionloop.ledger.summary import batch_summary
from decisionloop.ledger.watching_periods import count_unfinished
from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.report.read.gathered import gather
from decisionloop.stream.decider import Decider
from decisionloop.stream.desk import open_desk
from decisionloop.stream.outcomes import post_outcomes
from decisionloop.stream.periods import has_to_seal, watching_period
from tasks.observe.outcomes import BEGINNING, read_outcomes
from tasks.readback.maturity import mature_at, mature_until
from tasks.release.checks_before import _newest_with_rows
from tasks.seal.claim import _is_of_schedule
from tasks.seal.seal import seal_stream
from tests.live_use_case import MONDAY as DUE
from tests.live_use_case import orders, write_live
from tests.small_use_case import as_of, write_small
from tests.tasks.test_sealing import NAME, PRICED, answered, asked_of, begin

pytestmark = pytest.mark.xdist_group("loop")
HOUR = timedelta(hours=1)


def rows_of(installation, count=60, week=1):
    """The canonical frame of some shops."""
    known = installation.workspace.source.known(
        installation.workspace.source.due(as_of(week), 7), as_of(week)
    ).drop_duplicates("shop_id", keep="last")
    return known[["shop_id", "turnover", "debt", "trade", "owner_sex"]].head(count)


def sealed_alone(installation):
    """The batches of the stream."""
    return [one for one in batches(installation.ledger, NAME) if one.as_of >= as_of(1)]


def test_a_period_is_one_batch_that_grows_and_is_looked_at_once(begun):
    decider, frame = begin(begun, 1), rows_of(begun)
    before = _newest_with_rows(begun.workspace)
    for hour in range(3):
        answered(decider, asked_of(frame, as_of(1) + hour * HOUR))
        assert seal_stream.fn(NAME) == 1
        (batch,) = sealed_alone(begun)
        assert count_decisions(begun.ledger, batch.batch_id)[0] == 60 * (hour + 1)
        assert batch.state == "opened"
    assert seal_stream.fn(NAME) == 0  # nothing is new, and its period is not over
    assert not latest_detail(begun.ledger, batch.batch_id, "validated")
    # A deployment, the story and who is due see no half of a batch.
    assert _newest_with_rows(begun.workspace) == before
    assert batch not in gather(begun.ledger, NAME).handled.batches
    assert (count_unsealed(begun.ledger, NAME), count_unfinished(begun.ledger, NAME)) == (0, 180)
    assert (
        "gathering until its watching period is over. 180 decisions"
        in batch_summary(begun.ledger, batch.batch_id).as_text()
    )
    (span,) = [one.span for one in decided_spans(begun.ledger, NAME, 7) if one.batch.batch_id == batch.batch_id]
    assert span.until == as_of(1) + 2 * HOUR
    late = decided_spans(begun.ledger, NAME, 7, batch.as_of + HOUR)  # its end is looked at, and not its as-of
    assert batch.batch_id in {one.batch.batch_id for one in late}
    # It cannot be mature, nor teach, before its last decision's outcome may have come.
    assert mature_at(begun.workspace, [batch]) == (as_of(1) + timedelta(days=8),)
    assert mature_until(begun.workspace, as_of(2) + HOUR) < as_of(1)
    assert decisions_with_outcomes(begun.ledger, NAME, batch.as_of, batch.as_of).empty
    assert seal_stream.fn(NAME, is_over=True) == 1
    (batch,) = sealed_alone(begun)
    assert len(decisions_with_outcomes(begun.ledger, NAME, batch.as_of, batch.as_of)) == 180
    frozen = latest_detail(begun.ledger, batch.batch_id, "frozen")
    assert (batch.state, frozen["rows"], frozen["parts"], frozen["segments"]) == ("complete", 180, 3, 3)
    assert mature_at(begun.workspace, [batch]) == (as_of(2) + 2 * HOUR,)
    assert mature_until(begun.workspace, as_of(2) + 2 * HOUR) == as_of(1) + 2 * HOUR
    answered(decider, asked_of(frame, as_of(1) + 3 * HOUR))  # who comes after all is another batch
    seal_stream.fn(NAME, is_over=True)
    assert [count_decisions(begun.ledger, one.batch_id)[0] for one in sealed_alone(begun)] == [180, 60]


def test_the_alarm_budget_counts_periods_and_not_segments(begun):
    begun.contract(online={"sealed_every_minutes": 5})
    of_days = budget_of(begun.workspace.use_case).batches_per_year
    assert of_days == pytest.approx(365 / 7 + 2 * 365)
    begun.contract(online={"sealed_every_minutes": 60})
    assert budget_of(begun.workspace.use_case).batches_per_year == of_days
    begun.contract(online={"period_hours": 168})
    assert budget_of(begun.workspace.use_case).batches_per_year == pytest.approx(3 * 365 / 7)


def segment(moment, decided_at=None, deciders="{}"):
    """A segment as of a moment."""
    return Segment("s", NAME, moment, 1, deciders, "{}", decided_at or moment)


MONDAY = datetime(2026, 11, 30, tzinfo=UTC)


def test_periods_end_at_midnight_or_on_mondays_and_what_comes_late_gathers_apart():
    day, week = Online(), Online(period_hours=168)
    assert week.begin_of_period(MONDAY + timedelta(days=6, hours=23)) == MONDAY
    assert week.begin_of_period(MONDAY - timedelta(microseconds=1)) == MONDAY - timedelta(days=7)
    last = watching_period(day, segment(MONDAY - timedelta(seconds=1)))
    # What was committed just after midnight is of the day before.
    assert watching_period(day, segment(MONDAY - timedelta(seconds=1), MONDAY + timedelta(seconds=1))) == last
    assert (last.begin, last.is_over(day, MONDAY)) == (MONDAY - timedelta(days=1), False)
    assert last.is_over(day, MONDAY + timedelta(minutes=1))
    late = watching_period(day, segment(MONDAY - timedelta(days=3), MONDAY + HOUR))
    assert (late.begin, late.decided_in) == (MONDAY - timedelta(days=3), MONDAY)
    assert not late.is_over(day, MONDAY + timedelta(hours=24))
    assert late != watching_period(day, segment(MONDAY - timedelta(days=3), MONDAY + HOUR, "another"))


def test_who_asks_as_of_a_due_time_does_not_take_the_place_of_its_batch(tmp_path):
    written = write_live(tmp_path, orders(weeks=2)), write_small(tmp_path)
    live, small = (load_use_case(one.folder).use_case for one in written)
    for seconds, is_taken in ((0, True), (1, False), (-1, False)):
        assert _is_of_schedule(live, DUE + timedelta(seconds=seconds)) is is_taken
    assert not _is_of_schedule(small, as_of(1))  # nothing of a replay comes by itself


def test_a_period_ends_by_the_clock_with_all_that_was_decided_in_it(begun, monkeypatch):
    decider, frame = begin(begun, 1), rows_of(begun, 5)
    clock = [MONDAY + HOUR]
    for module in ("tasks.seal.claim", "decisionloop.stream.periods", "decisionloop.stream.committing"):
        monkeypatch.setattr(f"{module}.utc_now", lambda: clock[0])
    use_case = begun.workspace.use_case
    answered(decider, asked_of(frame, MONDAY + HOUR))
    answered(decider, asked_of(frame, as_of(1)))  # years late
    clock[0] = MONDAY + 2 * HOUR
    assert has_to_seal(begun.ledger, use_case)
    assert seal_stream.fn(NAME, is_all=False) == 2
    assert not has_to_seal(begun.ledger, use_case)
    clock[0] = MONDAY + timedelta(hours=24, seconds=15)
    answered(decider, asked_of(frame, MONDAY + timedelta(hours=24) - timedelta(seconds=30)))
    clock[0] += timedelta(minutes=1)
    assert has_to_seal(begun.ledger, use_case)
    assert seal_stream.fn(NAME, is_all=False) == 2
    late, day = sealed_alone(begun)
    assert [one.state for one in (late, day)] == ["complete", "complete"]
    assert [count_decisions(begun.ledger, one.batch_id)[0] for one in (late, day)] == [5, 10]
    assert not has_to_seal(begun.ledger, use_case)


def test_the_guard_rolls_with_the_period_and_begins_anew_when_a_person_turns_it_back(restored):
    with restored("modelled") as installation:
        installation.contract(guardrails={"action_share": {"lend": [0.0, 0.4]}})
        decider = begin(installation)
        frame = rows_of(installation, 600, 3)
        told = answered(decider, asked_of(frame, as_of(3)))
        lent = {row["entity"] for row in told if row["action"] == "lend" and row["role"] == "champion"}
        few, many = (frame[frame["shop_id"].isin(lent)].head(count) for count in (12, 200))
        hold = frame[~frame["shop_id"].isin(lent)].head(12)
        installation.contract(guardrails={"action_share": {"lend": [0.0, 0.7]}})
        decider = begin(installation)
        later = as_of(3) + timedelta(days=1)
        for minute in range(4):  # each by itself proves nothing
            answered(decider, asked_of(few, later + minute * timedelta(minutes=20)))
            seal_stream.fn(NAME)
            if is_kill_switch_on(installation.ledger, NAME):
                break
        assert minute in (1, 2, 3)
        assert [one.kind for one in alerts(installation.ledger, NAME)].count("guardrail") == 1
        set_flag(installation.ledger, NAME, "kill_switch", "off", "it was a rush", "approver@example.com")
        decider = Decider(NAME, lambda: open_desk(NAME, installation.workspace.settings))
        answered(decider, asked_of(hold, later + 3 * HOUR))
        seal_stream.fn(NAME)
        assert not is_kill_switch_on(installation.ledger, NAME)
        answered(decider, asked_of(many, later + 4 * HOUR))
        seal_stream.fn(NAME)
        assert is_kill_switch_on(installation.ledger, NAME)


def test_an_outcome_counts_from_its_own_decision_and_not_from_the_first_of_the_period(begun):
    decider, frame = begin(begun, 1), rows_of(begun, 200)
    first = answered(decider, asked_of(frame, as_of(1)))
    last = answered(decider, asked_of(frame, as_of(1) + 20 * HOUR))
    seal_stream.fn(NAME)
    seen = as_of(2) + 10 * HOUR  # seven days and ten hours after the first
    lent = [next(row for row in told if row["action"] == "lend") for told in (first, last)]
    posted = [PostedOutcome(NAME, row["decision_id"], None, None, 1.0, None, seen, None, seen + HOUR) for row in lent]
    became = [row.became for row in post_outcomes(begun.workspace, posted, seen + HOUR)]
    assert became == ["after_window", "first"]
    read_outcomes.fn(NAME, seen + HOUR)
    recorded = recorded_outcomes(begun.ledger, NAME, BEGINNING, seen + HOUR)
    assert set(recorded["decision_id"][recorded["observed_at"] == seen]) == {lent[1]["decision_id"]}


def test_a_period_explores_at_the_prices_that_it_began_with(restored):
    with restored("shadowed") as installation:
        installation.contract(policy=PRICED, online={})
        installation.predict(2)
        installation.act(2)
        frame = rows_of(installation, 30, 2)

        def priced_by():
            decider = Decider(NAME, lambda: open_desk(NAME, installation.workspace.settings))
            return {row["priced_by"] for row in answered(decider, asked_of(frame, None))}

        assert priced_by() == {installation.batch(2)}
        installation.predict(3)
        installation.act(3)
        assert priced_by() == {installation.batch(2)}
        seal_stream.fn(NAME)
        assert len([one for one in batches(installation.ledger, NAME) if one.as_of > as_of(3)]) == 1
