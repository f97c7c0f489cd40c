"""A drill tries the ways back where nobody is decided, keeps how long they took, and fails where one is broken."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from decisionloop.cli.status import as_text, status_of
from decisionloop.drill.place import PREFIX, throw_away_place
from decisionloop.errors import DrillFailed
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.drills import drills
from decisionloop.ledger.flags import Switch
from decisionloop.ledger.present_alerts import present_alerts
from decisionloop.ledger.schema import utc_now
from decisionloop.settings import Settings
from tasks.drill import exercise
from tasks.drill.exercise import Exercised
from tests.engines import ON_ONE
from tests.small_use_case import settings_of, write_small
from tests.tasks.installation import run_flow, working_in

pytestmark = pytest.mark.xdist_group("loop")


@pytest.fixture
def somewhere(tmp_path):
    """A throw-away installation in this process."""
    with settings_of(tmp_path):
        yield


@pytest.mark.exhaustive
def test_both_ways_back_are_found_to_work_and_are_timed(somewhere):
    found = exercise.exercise()
    assert found.failure == ""
    assert 0 < found.kill_switch_seconds < 60
    assert 0 < found.rollback_seconds < 60


def _deaf(_source, _use_case):
    return Switch(())


BROKEN = {
    "nobody reads the switch": (
        {"tasks.readback.batch_in_hand.switch_of": _deaf, "tasks.act.log_unless_overtaken.switch_of": _deaf},
        "under the kill switch a model decided for ",
        False,
    ),
    "the switch holds nothing": (
        {"decisionloop.ledger.flags.hold_unsent": lambda *_: None},
        "the kill switch held nothing",
        False,
    ),
    "nobody asks whether a release was rolled back": (
        {
            "tasks.readback.batch_in_hand.is_rolled_back": lambda *_: False,
            "tasks.act.log_unless_overtaken.is_rolled_back": lambda *_: False,
        },
        "after the rollback the model that was rolled back decided",
        True,
    ),
}


@pytest.mark.parametrize(
    "broken",
    [
        "nobody reads the switch",
        "nobody asks whether a release was rolled back",
        pytest.param("the switch holds nothing", marks=pytest.mark.exhaustive),
    ],
)
def test_what_is_broken_makes_it_fail_and_is_named(somewhere, broken, monkeypatch):
    patches, told, has_switched = BROKEN[broken]
    for where, what in patches.items():
        monkeypatch.setattr(where, what)
    found = exercise.exercise()
    assert told in found.failure
    assert (found.kill_switch_seconds is not None, found.rollback_seconds) == (has_switched, None)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.exhaustive)])
def begun_small(request, tmp_path):
    """``small``, and nothing has happened yet, on either engine."""
    url = request.getfixturevalue("postgres_url_with_tables") if request.param == "postgresql" else ""
    with working_in(tmp_path, write_small(tmp_path / "usecases"), url) as installation:
        yield installation


def _schemas(ledger):
    with ledger.connect() as connection:
        found = text("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, :prefix)")
        return list(connection.execute(found, {"prefix": PREFIX}).scalars())


@pytest.mark.exhaustive  # long; shorter ones show the same in every run
def test_it_takes_place_beside_the_real_ledger_of_which_it_touches_nothing(begun_small):
    ledger, before = begun_small.ledger, begun_small.tables()
    assert "the rules decided" in run_flow("drill", "small")
    (kept,) = drills(ledger, "small")
    assert kept.engine == ("sqlite" if ledger.is_sqlite else "postgresql")
    assert kept.failure == ""
    after = begun_small.tables()
    assert {name for name in after if after[name] != before[name]} - {"audit_waiting"} == {"drill"}
    assert ledger.is_sqlite or _schemas(ledger) == []
    assert begun_small.sent() == []
    assert begun_small.events == []
    assert kept.as_text() in as_text(status_of(begun_small.workspace))


def test_what_a_killed_drill_has_left_is_removed_a_day_later_by_the_next_one(postgresql_ledger, tmp_path):
    url = postgresql_ledger.engine.url.render_as_string(hide_password=False)
    old, young = f"{PREFIX}20200101000000_a", f"{PREFIX}{utc_now():%Y%m%d%H%M%S}_b"
    with postgresql_ledger.engine.begin() as connection:
        for name in (old, young):
            connection.execute(text(f'CREATE SCHEMA "{name}"'))
    with throw_away_place(Settings(home=tmp_path, ledger_url=url), postgresql_ledger) as place:
        assert place.engine == "postgresql"
        assert old not in _schemas(postgresql_ledger)
        assert len(_schemas(postgresql_ledger)) == 2
    assert _schemas(postgresql_ledger) == [young]


def test_where_the_role_may_make_no_schema_it_takes_place_in_a_file(postgresql_ledger, tmp_path, monkeypatch):
    monkeypatch.setattr("decisionloop.drill.place._new_schema", lambda _engine: None)
    with (
        working_in(tmp_path, write_small(tmp_path / "usecases")) as installation,
        throw_away_place(installation.workspace.settings, postgresql_ledger) as place,
    ):
        assert (place.engine, place.ledger_url.partition(":")[0]) == ("sqlite", "sqlite")
        assert place.folder.is_dir()
    assert not place.folder.exists()


@pytest.mark.parametrize("begun_small", ON_ONE, indirect=True)
def test_people_are_told_of_one_that_failed_until_a_later_one_has_worked(begun_small, monkeypatch):
    ledger = begun_small.ledger
    found = [Exercised(None, None, "under the kill switch a model decided for 7 of a batch."), Exercised(1.0, 2.0, "")]
    monkeypatch.setattr("tasks.drill.drill._exercised", lambda _place: found.pop(0))
    with pytest.raises(DrillFailed, match="a model decided for 7"):
        run_flow("drill", "small")
    (told,) = [one for one in alerts(ledger, "small") if one.kind == "drill"]
    assert (told.severity, "a model decided for 7" in told.message) == ("critical", True)
    assert told in present_alerts(ledger, "small")
    assert "failed: under the kill switch" in as_text(status_of(begun_small.workspace))
    run_flow("drill", "small")
    assert told not in present_alerts(ledger, "small")
    assert [one.seq for one in drills(ledger, "small")] == [1, 2]


@pytest.mark.parametrize("begun_small", ON_ONE, indirect=True)
def test_a_process_that_dies_or_hangs_is_a_drill_that_failed(begun_small, monkeypatch):
    from tasks.drill import drill

    with throw_away_place(begun_small.workspace.settings, begun_small.ledger) as place:
        assert "did not end within 0.1 s" in drill._exercised(place, 0.1).failure
        monkeypatch.setattr("tasks.drill.drill.sys.executable", "false")
        assert drill._exercised(place).failure == "its process ended with 1."
