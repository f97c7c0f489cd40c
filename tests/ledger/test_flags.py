"""Flags of a use case, a release and everything: the strictest that has not ended holds, and who decides waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decisionloop.errors import UsageError
from decisionloop.ledger.batches import append_batch_event
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.flag_spans import ended_flags, expired_flags, flag_spans
from decisionloop.ledger.flags import (
    FOR_EVER,
    KILL_SWITCH,
    STRICTNESS,
    Flag,
    NewFlag,
    Switch,
    kill_switch,
    put_flag,
    set_flag,
    stop_model,
    switch_of,
)
from decisionloop.ledger.held_actions import last_hold_event, release_held, waiting_actions
from decisionloop.ledger.kill_switch import Turn, engaged, turn, turn_everything
from decisionloop.ledger.releases import Release
from decisionloop.ledger.schema import flag, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import EVERYTHING, steady_switch
from decisionloop.ledger.use_cases import known_names
from tests.engines import LEDGER_ON_ONE
from tests.release_lives import into_shadow

Rows = Callable[..., Any]
AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
NAME, BATCH, MODEL = "credit_line", "credit_line/2005-07-08", "credit_line/scorecard/0123456789ab"
IN_AN_HOUR = timedelta(hours=1)
SHORT_SECONDS = 0.3


def asked(position: Any = "on", use_case: str = NAME, by: str = "anna", **more: Any) -> Turn:
    """What somebody asks for; nobody waits for chunks that are under way."""
    return Turn(use_case, position, "complaints", by, wait_seconds=0, **more)


def turned(ledger: Ledger, one: Turn, *approvers: str) -> Any:
    """Turn it as the command does."""
    return turn(ledger, one, lambda: approvers or ("head",))


@pytest.fixture
def modelled(ready: Ledger) -> Ledger:
    """A model is in shadow, so that there is a release to flag."""
    into_shadow(ready, Release(MODEL, NAME, "scorecard", "c" * 64, None, None, None, "null", "{}", AS_OF))
    return ready


def test_everything_holds_for_every_use_case_also_one_that_is_made_later(ledger: Ledger) -> None:
    told = engaged(ledger, asked("default", EVERYTHING))
    assert told.flag.scope == "everything"
    assert {kill_switch(ledger, name) for name in (NAME, "made_tomorrow")} == {"default"}
    assert known_names(ledger) == ()  # it is no use case


def test_of_two_that_overlap_the_stricter_holds_and_each_ends_by_itself(ledger: Ledger) -> None:
    now = utc_now()
    engaged(ledger, asked("on"))
    engaged(ledger, asked("default", EVERYTHING, until=now + IN_AN_HOUR))
    assert switch_of(ledger, NAME).position == "default"
    after = switch_of(ledger, NAME, now + 2 * IN_AN_HOUR)
    assert (after.position, [one.scope for one in after.holding]) == ("on", ["use case"])
    assert switch_of(ledger, "another", now + 2 * IN_AN_HOUR).position == "off"


def test_a_flag_holds_up_to_its_end_and_not_at_it(ledger: Ledger) -> None:
    end = utc_now() + IN_AN_HOUR
    engaged(ledger, asked(until=end))
    moment = timedelta(microseconds=1)
    assert [switch_of(ledger, NAME, at).position for at in (end - moment, end, end + moment)] == ["on", "off", "off"]


def test_a_flag_of_a_release_stops_that_release_alone(modelled: Ledger) -> None:
    turned(modelled, asked(release_id=MODEL))
    switch = switch_of(modelled, NAME)
    assert (switch.position, switch.stopped) == ("off", {MODEL})
    assert (switch.position_for(MODEL), switch.position_for("credit_line/scorecard/other")) == ("on", "off")
    turned(modelled, asked("default"))
    assert switch_of(modelled, NAME).position_for(MODEL) == "default"
    turned(modelled, asked("off", by="head"), "head")  # of the use case: that of the release stands
    assert switch_of(modelled, NAME).position_for(MODEL) == "on"


@LEDGER_ON_ONE
@pytest.mark.parametrize(
    ("one", "told"),
    [
        (asked("default", release_id=MODEL), "is on or off; it cannot be 'default'"),
        (asked(release_id="credit_line/scorecard/nobody"), rf"is no model of credit_line. Choose one of: {MODEL}"),
        (asked("maybe"), "on, default or off; it cannot be 'maybe'"),
        (asked("off", until=utc_now() + IN_AN_HOUR), "off has no end"),
        (asked("on", until=utc_now() - IN_AN_HOUR), "has passed"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can_and_nothing_is_kept(modelled: Ledger, one: Turn, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        turned(modelled, one)
    assert flag_spans(modelled, NAME) == ()


@LEDGER_ON_ONE
def test_a_flag_that_there_is_not_is_refused_with_those_that_there_are(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match=r"no flag is called 'exposure'. There is: kill_switch"):
        set_flag(ledger, NAME, "exposure", "on", "so", "anna")


@pytest.mark.parametrize("use_case", [NAME, EVERYTHING])
def test_only_approvers_let_it_end_sooner_and_nobody_lessens_it_by_saying_it_again(
    ledger: Ledger, use_case: str
) -> None:
    def ask(one: Turn, by: str) -> None:
        if use_case == EVERYTHING:
            turn_everything(ledger, one, lambda: {NAME: by == "head"})
        else:
            turned(ledger, one)

    end = utc_now() + IN_AN_HOUR
    ask(asked("on", use_case), "anna")
    with pytest.raises(UsageError, match="may not lift the kill switch of"):
        ask(asked("on", use_case, until=end), "anna")
    ask(asked("default", use_case, until=end), "anna")  # stricter for a while, and as before after it
    assert switch_of(ledger, NAME, end).position == "on"
    ask(asked("on", use_case, "head", until=end), "head")
    assert switch_of(ledger, NAME).position == "on"
    assert switch_of(ledger, NAME, end).position == "off"


def test_a_guard_sets_no_end_and_its_flag_stands_when_that_of_a_person_ends(ledger: Ledger) -> None:
    end = utc_now() + IN_AN_HOUR
    engaged(ledger, asked("default", until=end))
    stop_model(ledger, NAME, "adverse impact", "guard")
    assert (switch_of(ledger, NAME).position, switch_of(ledger, NAME, end).position) == ("default", "on")
    (left,) = switch_of(ledger, NAME, end).holding
    assert (left.set_by, left.until) == ("guard", None)


def test_the_history_says_how_each_ended(ledger: Ledger) -> None:
    end = utc_now() + IN_AN_HOUR
    engaged(ledger, asked(until=end))
    engaged(ledger, asked("default"))
    turned(ledger, asked("on", by="head"))
    turned(ledger, asked("off", by="head"))
    now, later = flag_spans(ledger, NAME), flag_spans(ledger, NAME, end + IN_AN_HOUR)
    assert [one.ending for one in now] == ["replaced", "replaced", "lifted", ""]
    assert now == later  # what was lifted before its end did not expire
    assert now[2].as_text().endswith(" by head")
    assert ended_flags(ledger, NAME, last=1)[0].ended_by == now[3].flag
    assert not any(one.is_holding for one in now)
    engaged(ledger, asked(until=end))
    assert [one.is_holding for one in flag_spans(ledger, NAME)][-1]
    expired = flag_spans(ledger, NAME, end)[-1]
    assert (expired.ending, expired.ended_at) == ("expired", end)
    assert f"until {end:%Y-%m-%d %H:%M} UTC" in expired.as_text()
    assert expired.as_text().endswith(f"; expired {end:%Y-%m-%d %H:%M}")
    assert expired_flags(ledger, NAME) == ()


def test_what_was_set_before_there_were_scopes_took_the_place_of_what_was_before(ledger: Ledger) -> None:
    facts.add(ledger, flag, [Flag(NAME, KILL_SWITCH, 1, "default", "so", "anna", AS_OF)])
    facts.add(ledger, flag, [Flag(NAME, KILL_SWITCH, 2, "on", "so", "head", AS_OF)])
    assert kill_switch(ledger, NAME) == "on"


def test_who_lifts_everything_frees_only_what_they_may_and_the_rest_stays_stopped(ledger: Ledger) -> None:
    end = utc_now() + IN_AN_HOUR
    engaged(ledger, asked("default", EVERYTHING, until=end))
    with pytest.raises(UsageError, match=r"'anna' may not lift .* of everything: .* credit_line, other"):
        turn_everything(ledger, asked("off", EVERYTHING), lambda: {NAME: False, "other": False})
    turn_everything(ledger, asked("off", EVERYTHING, "head"), lambda: {NAME: True, "other": False})
    assert (kill_switch(ledger, NAME), kill_switch(ledger, "other")) == ("off", "default")
    (left,) = switch_of(ledger, "other").holding
    assert (left.until, left.set_by) == (end, "anna")
    assert "no approver of other" in left.reason


def decided_by(ledger: Ledger, rows: Rows, release_id: str) -> None:
    """The batch is decided by a release; three of its actions have not left."""
    with ledger.begin() as connection:
        append_decisions(connection, rows(6).decisions.assign(role="champion", release_id=release_id))
    append_batch_event(ledger, BATCH, "decided")


def test_a_flag_of_a_release_holds_nothing_that_another_chose(modelled: Ledger, rows: Rows) -> None:
    decided_by(modelled, rows, "credit_line/scorecard/another")
    assert turned(modelled, asked(release_id=MODEL)).held == ()
    assert [one.actions for one in turned(modelled, asked()).held] == [3]


def test_what_a_flag_holds_stays_held_after_its_end_until_a_person_releases_it(modelled: Ledger, rows: Rows) -> None:
    decided_by(modelled, rows, MODEL)
    end = utc_now() + timedelta(seconds=SHORT_SECONDS)
    (held,) = turned(modelled, asked(release_id=MODEL, until=end)).held
    assert (held.last.batch_id, held.actions) == (BATCH, 3)
    threading.Event().wait(SHORT_SECONDS)
    assert switch_of(modelled, NAME) == Switch(())
    assert [one.release_id for one in expired_flags(modelled, NAME)] == [MODEL]
    assert [one.last.state for one in waiting_actions(modelled, NAME)] == ["held"]
    release_held(modelled, NAME, [], "checked", "head", ["head"])
    assert last_hold_event(modelled, BATCH).state == "released"


def test_everything_holds_what_is_unsent_in_every_use_case(modelled: Ledger, rows: Rows) -> None:
    decided_by(modelled, rows, MODEL)
    told = turn_everything(modelled, asked("on", EVERYTHING), dict)
    assert [(one.last.use_case, one.actions) for one in told.held] == [(NAME, 3)]


def test_everything_waits_for_whoever_decides_anywhere_and_then_nobody_reads_otherwise(ledger: Ledger) -> None:
    order: list[str] = []
    is_inside, may_end = threading.Event(), threading.Event()

    def decide() -> None:
        with steady_switch(ledger, "some_use_case") as connection:
            order.append(f"reads {kill_switch(connection, 'some_use_case')}")
            is_inside.set()
            may_end.wait(10)
            order.append(f"still reads {kill_switch(connection, 'some_use_case')}")

    def stop() -> None:
        engaged(ledger, asked("on", EVERYTHING))
        order.append("acknowledged")

    deciding, stopping = threading.Thread(target=decide), threading.Thread(target=stop)
    deciding.start()
    is_inside.wait(10)
    stopping.start()
    stopping.join(SHORT_SECONDS)
    assert stopping.is_alive()
    may_end.set()
    deciding.join(10)
    stopping.join(10)
    assert order == ["reads off", "still reads off", "acknowledged"]
    with steady_switch(ledger, "another") as connection:
        assert kill_switch(connection, "another") == "on"


def test_one_who_decides_waits_while_everything_is_being_stopped(ledger: Ledger) -> None:
    read: list[str] = []

    def decide() -> None:
        with steady_switch(ledger, "some_use_case") as connection:
            read.append(kill_switch(connection, "some_use_case"))

    deciding = threading.Thread(target=decide)
    with ledger.begin() as connection:
        put_flag(connection, NewFlag(EVERYTHING, KILL_SWITCH, "on", "complaints", "anna"))
        deciding.start()
        deciding.join(SHORT_SECONDS)
        assert read == []
    deciding.join(10)
    assert read == ["on"]


def test_everything_and_a_use_case_turned_at_once_block_each_other_for_good_nowhere(ledger: Ledger) -> None:
    def stop(use_case: str) -> None:
        for _ in range(5):
            engaged(ledger, asked("on", use_case))
            stop_model(ledger, NAME, "guard", "guard")

    threads = [threading.Thread(target=stop, args=(name,)) for name in (NAME, EVERYTHING, "another", EVERYTHING)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert not any(one.is_alive() for one in threads)


_VALUES, _ENDS = st.sampled_from(["on", "default", "off"]), st.sampled_from([None, 1, 2, 3])
_SCOPES = st.sampled_from([NAME, EVERYTHING])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_SCOPES, _VALUES, _ENDS, st.booleans()), max_size=7))
def test_what_holds_is_what_a_fold_over_the_history_says(
    sqlite_ledger: Ledger, said: list[tuple[str, str, int | None, bool]]
) -> None:
    """Known truth: what takes the place of what was before clears its scope; what is left adds up."""
    now, standing = utc_now(), dict[str, list[tuple[str, datetime]]]()
    with sqlite_ledger.begin() as connection:
        for use_case in (NAME, EVERYTHING):  # what an earlier example left behind
            put_flag(connection, NewFlag(use_case, KILL_SWITCH, "off", "anew", "test"))
        for number, (use_case, value, hours, is_replacing) in enumerate(said):
            until = None if hours is None or value == "off" else now + hours * IN_AN_HOUR
            put_flag(connection, NewFlag(use_case, KILL_SWITCH, value, f"{number}", "test", None, until, is_replacing))
            if is_replacing or value == "off":
                standing[use_case] = []
            standing.setdefault(use_case, []).append((value, until or FOR_EVER))
        for hours in (0.5, 1, 2.5, 3):
            at = now + hours * IN_AN_HOUR
            left = [value for one in standing.values() for value, end in one if at < end]
            strictest = max(left, key=lambda value: STRICTNESS[value], default="off")
            assert switch_of(connection, NAME, at).position == strictest
