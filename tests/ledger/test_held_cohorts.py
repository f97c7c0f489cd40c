"""Which cohorts may neither teach nor judge: alarms hold them, people exclude and include them, on both engines."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, insert, text

from decisionloop.errors import UsageError
from decisionloop.ledger.batches import append_batch_event, cohort_name, open_batch
from decisionloop.ledger.held_cohorts import (
    cohort_events,
    exclude_cohorts,
    held_cohorts,
    include_cohorts,
    include_complete,
)
from decisionloop.ledger.incidents import close
from decisionloop.ledger.schema import alarm, utc_text
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade, open_ledger
from decisionloop.ledger.storage.migrate import alembic_config
from decisionloop.ledger.use_cases import record_use_case
from tests.watched_ledger import raise_alarm

NAME = "credit_line"
WEEKS = [datetime(2005, 7, 8, tzinfo=UTC) + timedelta(days=7 * week) for week in range(4)]
COHORTS = [cohort_name(week) for week in WEEKS]
WHO = ("looked into it", "anna")


@pytest.fixture
def decided(ledger: Ledger) -> Ledger:
    """Four weeks of decisions, of which one is of noon, and a batch that nobody has decided yet."""
    record_use_case(ledger, NAME, "c" * 64, 1, "")
    for week in [*WEEKS, WEEKS[0] + timedelta(hours=12)]:
        append_batch_event(ledger, open_batch(ledger, NAME, week, "c" * 64).batch_id, "decided")
    open_batch(ledger, NAME, WEEKS[3] + timedelta(days=7), "c" * 64)
    return ledger


def lose_outcomes(ledger: Ledger, cohort: str, found: datetime = WEEKS[3], monitor: str = "missing_labels") -> str:
    return raise_alarm(ledger, NAME, found, "labels", monitor, f"{NAME}/labels/2005-07-29", cohort=cohort)


def held(ledger: Ledger) -> list[str]:
    return list(held_cohorts(ledger, NAME))


def test_an_alarm_about_missing_outcomes_holds_its_cohort_and_a_person_releases_it(decided: Ledger) -> None:
    incident = lose_outcomes(decided, COHORTS[0])
    told = held_cohorts(decided, NAME)[COHORTS[0]]
    assert (told.by, told.incident_id, told.since, told.is_by_person) == ("monitors", incident, WEEKS[3], False)
    include_cohorts(decided, NAME, [COHORTS[0]], *WHO)
    assert held(decided) == []


def test_a_closed_incident_releases_nothing(decided: Ledger) -> None:
    close(decided, lose_outcomes(decided, COHORTS[0]), "monitors", "quiet")
    assert held(decided) == [COHORTS[0]]


def test_a_rate_that_moved_is_the_world_and_holds_nothing(decided: Ledger) -> None:
    raise_alarm(decided, NAME, WEEKS[3], "labels", "outcome_shift", cohort=COHORTS[0])
    raise_alarm(decided, NAME, WEEKS[3], "inputs", "input_shift", cohort=COHORTS[1])
    assert held(decided) == []


def test_an_alarm_that_a_release_did_not_know_of_holds_again(decided: Ledger) -> None:
    lose_outcomes(decided, COHORTS[0], WEEKS[1], "late_labels")
    include_cohorts(decided, NAME, [COHORTS[0]], *WHO)
    lose_outcomes(decided, COHORTS[0], WEEKS[1], "late_labels")  # the same alarm again is no news
    assert held(decided) == []
    lose_outcomes(decided, COHORTS[0], WEEKS[3])
    assert held(decided) == [COHORTS[0]]


def test_a_person_excludes_what_no_alarm_found_and_only_a_person_includes_it(decided: Ledger) -> None:
    exclude_cohorts(decided, NAME, [COHORTS[2], COHORTS[0]], *WHO)
    assert held(decided) == [COHORTS[0], COHORTS[2]]
    assert held_cohorts(decided, NAME)[COHORTS[0]].is_by_person
    assert not include_complete(decided, NAME, COHORTS[0], "all there")
    assert held(decided) == [COHORTS[0], COHORTS[2]]
    include_cohorts(decided, NAME, [COHORTS[0]], *WHO)
    assert held(decided) == [COHORTS[2]]
    assert held_cohorts(decided, "another") == {}


def test_outcomes_that_came_release_what_an_alarm_holds_once(decided: Ledger) -> None:
    lose_outcomes(decided, COHORTS[0])
    assert include_complete(decided, NAME, COHORTS[0], "600 of 600 outcomes are there")
    assert not include_complete(decided, NAME, COHORTS[0], "600 of 600 outcomes are there")
    assert held(decided) == []
    (event,) = cohort_events(decided, NAME)
    assert (event.state, event.by, event.alarms, event.seq) == ("included", "monitors", 1, 1)


def test_a_person_s_word_on_an_alarmed_cohort_is_a_person_s(decided: Ledger) -> None:
    lose_outcomes(decided, COHORTS[0])
    exclude_cohorts(decided, NAME, [COHORTS[0]], *WHO)
    assert not include_complete(decided, NAME, COHORTS[0], "all there")


def test_the_cohort_of_noon_is_not_that_of_midnight(decided: Ledger) -> None:
    noon = cohort_name(WEEKS[0] + timedelta(hours=12))
    exclude_cohorts(decided, NAME, [noon], *WHO)
    assert held(decided) == [noon] != [COHORTS[0]]


def test_a_day_names_its_cohort_where_it_has_one_alone(decided: Ledger) -> None:
    """Whoever reads `2005-07-15T12:00:00Z` writes the day; which of two is meant nobody can guess."""
    noon, evening = (WEEKS[3] + timedelta(days=1, hours=hour) for hour in (12, 18))
    append_batch_event(decided, open_batch(decided, NAME, noon, "c" * 64).batch_id, "decided")
    day = f"{noon:%Y-%m-%d}"
    exclude_cohorts(decided, NAME, [day, cohort_name(noon)], *WHO)
    assert held(decided) == [cohort_name(noon)]
    include_cohorts(decided, NAME, [day], *WHO)
    assert held(decided) == []
    append_batch_event(decided, open_batch(decided, NAME, evening, "c" * 64).batch_id, "decided")
    with pytest.raises(UsageError, match=f"not one alone.*{cohort_name(noon)}, {cohort_name(evening)}"):
        exclude_cohorts(decided, NAME, [day], *WHO)


def test_saying_it_again_adds_nothing_and_saying_something_else_is_kept(decided: Ledger) -> None:
    for _ in range(2):
        exclude_cohorts(decided, NAME, [COHORTS[0], COHORTS[0]], *WHO)
    exclude_cohorts(decided, NAME, [COHORTS[0]], "still broken", "ben")
    assert [(one.seq, one.by) for one in cohort_events(decided, NAME)] == [(1, "anna"), (2, "ben")]


@pytest.mark.parametrize("unknown", ["2005-07-09", "yesterday", "", "2005-08-05"])
def test_all_of_them_or_none(decided: Ledger, unknown: str) -> None:
    with pytest.raises(UsageError, match="no cohort that was decided"):
        exclude_cohorts(decided, NAME, [COHORTS[0], unknown], *WHO)
    exclude_cohorts(decided, NAME, [COHORTS[0]], *WHO)
    with pytest.raises(UsageError, match=f"not held back.*{COHORTS[0]}"):
        include_cohorts(decided, NAME, [COHORTS[0], unknown], *WHO)
    assert held(decided) == [COHORTS[0]]


def test_people_who_speak_at_once_are_all_heard(decided: Ledger) -> None:
    url = decided.engine.url.render_as_string(hide_password=False)

    def speak(who: str) -> None:
        with open_ledger(url) as ledger:
            exclude_cohorts(ledger, NAME, [COHORTS[0]], "broken", who)

    people = [threading.Thread(target=speak, args=(f"person {number}",)) for number in range(4)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    told = cohort_events(decided, NAME)
    assert [one.seq for one in told] == [1, 2, 3, 4]
    assert {one.by for one in told} == {f"person {number}" for number in range(4)}


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_of_an_earlier_version_only_what_lies_under_an_open_incident_is_held(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/old.db" if engine == "sqlite" else request.getfixturevalue("postgres_url")
    old = create_engine(url)
    with old.begin() as connection:
        command.upgrade(alembic_config(connection), "0005")
        for number, (cohort, incident) in enumerate(zip(COHORTS, ("closed", "open", "closed", "closed"), strict=True)):
            monitor = "outcome_shift" if number == 3 else "missing_labels"
            insert_alarm(connection, f"{number}", cohort, incident, monitor)
        insert_alarm(connection, "both", COHORTS[2], "open", "late_labels")
        for seq, state in enumerate(("opened", "closed"), start=1):
            values = {"id": "closed", "seq": seq, "case": NAME, "state": state, "at": utc_text(WEEKS[3])}
            connection.execute(
                text("INSERT INTO incident_event VALUES (:id, :seq, :case, 'labels', :state, 'anna', 'why', :at)"),
                values,
            )
    old.dispose()
    create_or_upgrade(url).close()
    with open_ledger(url) as ledger:
        assert held(ledger) == [COHORTS[1], COHORTS[2]]
        (event,) = cohort_events(ledger, NAME)
        assert (event.cohort, event.state, event.alarms) == (COHORTS[0], "included", 1)


def insert_alarm(connection: Connection, alarm_id: str, cohort: str, incident: str, monitor: str) -> None:
    values = {
        "alarm_id": alarm_id, "use_case": NAME, "incident_id": incident, "family": "labels", "monitor": monitor,
        "slice": "all", "against": "", "cohort": cohort, "severity": "warning", "threshold": 0.1, "bound": 0.2,
        "alpha": 1e-4, "words": "gone", "suggestion": "ask", "as_of": WEEKS[3], "at": WEEKS[3],
    }  # fmt: skip
    connection.execute(insert(alarm).values(**values))
