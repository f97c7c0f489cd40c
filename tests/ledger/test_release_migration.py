"""Releases of a ledger of revision 0008 keep their lives: in one order, with one champion and one baseline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, insert, text
from sqlalchemy.exc import DBAPIError

from decisionloop.ledger.release_changes import change_stages
from decisionloop.ledger.releases import events_of_releases, release_events, roster_of
from decisionloop.ledger.storage.engine import create_or_upgrade, open_ledger
from decisionloop.ledger.storage.migrate import alembic_config
from decisionloop.ledger.verdicts import verdicts
from decisionloop.release.grounds import Grounds
from decisionloop.release.requests import RollBack
from decisionloop.release.roster import Roster
from decisionloop.release.stages import Decider
from tests.ledger.older_ledgers import older_ledger, table_of

CONTRACT, NAME = "c" * 64, "credit_line"
AT = datetime(2005, 5, 1, tzinfo=UTC)
OLD, NEW, ONE, TWO, AWAY = (f"{NAME}/{name}" for name in ("rules/1", "rules/2", "model/1", "model/2", "model/3"))
Event = tuple[str, int, str, str, int]
"""Release, its own number of the event, stage, decided by, day."""
# As earlier versions wrote it: rules stay "champion" while a model decides, and newer rules stay "candidate".
LIFE: tuple[Event, ...] = (
    (OLD, 1, "candidate", "decisionloop", 0), (OLD, 2, "champion", "decisionloop", 0),
    (ONE, 1, "candidate", "decisionloop", 7), (ONE, 2, "shadow", "gate", 7), (AWAY, 1, "candidate", "decisionloop", 7),
    (AWAY, 2, "refused", "a person", -3),  # by a clock that told another time
    (ONE, 3, "champion", "gate", 14),
    (NEW, 1, "candidate", "decisionloop", 20),
    (TWO, 1, "candidate", "decisionloop", 21), (TWO, 2, "shadow", "gate", 21),
    (TWO, 3, "champion", "gate", 28), (ONE, 4, "retired", "gate", 28),
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database at revision 0008, its releases with a life behind them."""
    return older_ledger(request, tmp_path, "0008", lambda connection: _fill(connection, LIFE))


def _fill(connection: Connection, life: Sequence[Event]) -> None:
    names = ("use_case_version", "release", "release_event", "verdict")
    tables = {name: table_of(connection, name) for name in names}
    contract = {"contract_digest": CONTRACT, "use_case": NAME, "contract_version": 1, "contract_yaml": ""}
    connection.execute(insert(tables["use_case_version"]), [contract | {"recorded_at": AT}])
    first = {release_id: day for release_id, seq, _, _, day in life if seq == 1}
    connection.execute(insert(tables["release"]), [_release(one, AT + timedelta(days=first[one])) for one in first])
    events = [
        {"release_id": release_id, "seq": seq, "stage": stage, "reason": f"{stage} because", "decided_by": by,
         "at": AT + timedelta(days=day)}
        for release_id, seq, stage, by, day in life
    ]  # fmt: skip
    connection.execute(insert(tables["release_event"]), events)
    said = {"verdict_id": "v", "use_case": NAME, "challenger_id": ONE, "champion_id": OLD, "look": 2, "as_of": AT}
    connection.execute(
        insert(tables["verdict"]), [said | {"decision": "promote", "reasons": "[]", "evidence": "{}", "at": AT}]
    )


def _release(release_id: str, at: datetime) -> dict[str, object]:
    kind = "rules" if "/rules/" in release_id else "scorecard"
    return {
        "release_id": release_id, "use_case": NAME, "kind": kind, "contract_digest": CONTRACT, "scorer_digest": None,
        "training_set_id": None, "mlflow_version": None, "reference_scores": "null", "card_json": "{}",
        "created_at": at,
    }  # fmt: skip


def test_one_decides_and_the_newest_rules_stand_beside_it(url: str) -> None:
    create_or_upgrade(url).close()
    with open_ledger(url) as ledger:
        roster = roster_of(ledger, NAME)
        assert roster.stages == {
            OLD: "retired", ONE: "retired", AWAY: "refused", NEW: "baseline", TWO: "champion",
        }  # fmt: skip
        assert Roster().after(roster.moves) == roster  # each event begins where the one before had ended
        assert (roster.champion, roster.baseline, roster.previous) == (TWO, NEW, ONE)


def test_what_was_said_is_kept_word_for_word_in_the_order_in_which_it_happened(url: str) -> None:
    create_or_upgrade(url).close()
    with open_ledger(url) as ledger:
        told = events_of_releases(ledger, NAME)
        for release_id in (ONE, TWO, AWAY):
            said = [(one[2], one[3], AT + timedelta(days=one[4])) for one in LIFE if one[0] == release_id]
            kept = release_events(ledger, release_id)
            assert [(one.stage, one.decided_by, one.as_of) for one in kept] == said
            assert {one.reason for one in kept} == {f"{one.stage} because" for one in kept}
    assert all(one.recorded_at is None for one in told)  # nobody knows when an as-of was written down
    assert [one.decider for one in told if one.release_id == AWAY] == ["decisionloop", "person"]
    entered = [(one.release_id, one.stage) for one in told]
    assert entered.index((OLD, "baseline")) == entered.index((ONE, "champion")) + 1
    assert [one.release_id for one in told if one.stage == "champion"] == [OLD, ONE, TWO]
    assert [(one.release_id, one.reason) for one in told if one.stage == "baseline"] == [
        (OLD, f"{ONE} decides"),
        (NEW, f"{ONE} decides"),
    ]


def test_a_migrated_ledger_can_go_back_and_keeps_its_verdicts(url: str) -> None:
    create_or_upgrade(url).close()
    with open_ledger(url) as ledger:
        change_stages(ledger, NAME, RollBack(), Grounds(Decider("approver", "boss"), "it lost money", AT))
        assert roster_of(ledger, NAME).champion == ONE
        (verdict,) = verdicts(ledger, NAME)
        assert (verdict.verdict_id, verdict.attempt) == ("v", 1)
        with pytest.raises(DBAPIError, match="append-only"), ledger.begin() as connection:
            connection.execute(text("DELETE FROM release_event"))


def test_a_ledger_of_rules_alone_stays_as_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0008")
        _fill(
            connection,
            [*LIFE[:2], LIFE[2], (NEW, 1, "candidate", "decisionloop", 9), (NEW, 2, "champion", "decisionloop", 9),
             (OLD, 3, "retired", "decisionloop", 9)],
        )  # fmt: skip
    engine.dispose()
    create_or_upgrade(url).close()
    with open_ledger(url) as ledger:
        assert roster_of(ledger, NAME).stages == {OLD: "retired", ONE: "candidate", NEW: "champion"}
        assert len(events_of_releases(ledger, NAME)) == 6
