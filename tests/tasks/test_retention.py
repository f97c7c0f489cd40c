"""What is kept no longer goes, whole or not at all; the chain verifies, and the loop, its page and backups go on."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from decisionloop.backup.taking import take_backup
from decisionloop.cli.story import write_and_tell
from decisionloop.custody import retention
from decisionloop.custody.retention import Going, apply_retention, plan_retention
from decisionloop.custody.snapshot_files import verify_snapshots
from decisionloop.errors import UsageError
from decisionloop.ledger import schema
from decisionloop.ledger.audit.prove import proof_of
from decisionloop.ledger.audit.seal import seal
from decisionloop.ledger.audit.verify import verify
from decisionloop.ledger.batches import Batch, cohort_name
from decisionloop.ledger.expiring_files import files_gone
from decisionloop.ledger.rollback import roll_back
from decisionloop.ledger.schema import utc_now
from decisionloop.release.grounds import Grounds
from decisionloop.release.stages import Decider
from decisionloop.report.read.gathered import gather
from tasks.restore.decide_again import decide_again
from tests.ledger.test_audit_chain import behind_its_back
from tests.small_use_case import as_of
from tests.tasks.installation import Installation, run_flow
from tests.tasks.moment import on_engine

pytestmark = pytest.mark.xdist_group("loop")
SHORT = {"features": 2, "outcomes": 2, "decisions": 3}
LATER, LONG_AFTER = as_of(1) + timedelta(days=70), as_of(1) + timedelta(days=120)
"""Weeks 0 and 1 are older than two months and younger than three; older than three."""


@pytest.fixture
def lived(request: pytest.FixtureRequest, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Three weeks, a model being champion since the third; only the newest batch is kept for being new."""
    monkeypatch.setattr(retention, "NEWEST_KEPT", 1)
    engine = getattr(request, "param", "sqlite")
    with on_engine(engine, saved / "modelled", tmp_path / "life", request) as moment, moment.work() as life:
        life.contract(retention=SHORT, monitors={"training_days": 14})
        yield life


def without_the_model(life: Installation) -> None:
    """It is gone, so that nothing living learnt from what is old."""
    grounds = Grounds(Decider("person", "anna"), "it lost money", utc_now())
    roll_back(life.ledger, "small", "rules", grounds)


def count(life: Installation, name: str) -> int:
    """Rows of a table."""
    with life.ledger.connect() as connection:
        return connection.execute(select(func.count()).select_from(schema.metadata.tables[name])).scalar_one()


@pytest.mark.parametrize("lived", ["sqlite", "postgresql"], indirect=True)
def test_what_is_old_goes_part_by_part_and_the_chain_verifies(lived: Installation) -> None:
    before, kept = count(lived, "decision_row"), lived.decisions(2)
    needed = plan_retention(lived.workspace, LATER)
    assert [one.batch.batch_id for one in needed.going] == [lived.batch(1)]
    assert "learnt from it" in {one.batch_id: one.because for one in needed.kept}[lived.batch(0)]
    without_the_model(lived)
    plan = plan_retention(lived.workspace, LATER)
    assert [one.parts for one in plan.going] == [("features", "outcomes")] * 2
    assert plan.learnings

    apply_retention(lived.workspace, plan)
    # Of two who planned at the same time the later one finds it done.
    assert apply_retention(lived.workspace, plan).as_text() == "Nothing was old enough."
    assert count(lived, "decision_row") == before
    assert verify_snapshots(lived.workspace.settings, lived.ledger).faults == ()
    told = run_flow("retention", lived.written.name, LONG_AFTER)

    assert told.startswith("Of 2 batches these rows went")
    assert count(lived, "decision_row") == len(kept)
    assert lived.decisions(2).equals(kept)
    found = verify(lived.ledger)
    assert found.is_whole, found.findings
    assert found.erased > before - len(kept)
    assert verify_snapshots(lived.workspace.settings, lived.ledger).faults == ()
    assert not any(one.digest in files_gone(lived.ledger) for one in lived.workspace.snapshots.stored())
    assert run_flow("retention", lived.written.name, LONG_AFTER) == "Nothing was old enough."


def test_the_loop_its_page_and_backups_do_not_miss_it(lived: Installation, tmp_path: Path) -> None:
    without_the_model(lived)
    apply_retention(lived.workspace, plan_retention(lived.workspace, LONG_AFTER))
    assert not (lived.folder / "home" / "outbox" / lived.batch(0)).exists()
    lived.turn(3)
    assert lived.state(3) == "complete"
    page = write_and_tell("small", tmp_path / "page.html")[0].read_text()
    assert "By retention 2 batches are kept no longer" in page
    told = gather(lived.ledger, "small").measured.figures
    assert not {one.cohort for one in told} & {cohort_name(as_of(0)), cohort_name(as_of(1))}
    take_backup(lived.workspace.settings, lived.ledger, tmp_path / "backup")
    again = decide_again(lived.workspace)
    assert again is not None
    assert again.batch_id == lived.batch(3)
    with pytest.raises(UsageError, match="kept no longer"):
        lived.predict(0)
    with pytest.raises(UsageError, match=f"of 2 batches are kept no longer, the last of them {lived.batch(1)}"):
        proof_of(lived.ledger, "0" * 32, ())


def test_what_was_killed_goes_on_and_what_comes_back_is_found(lived: Installation, monkeypatch) -> None:
    without_the_model(lived)
    plan = plan_retention(lived.workspace, LONG_AFTER)
    with monkeypatch.context() as patch:  # after the rows of the first batches, before their files
        patch.setattr(retention, "AT_ONCE", 1)
        patch.setattr(retention, "_remove_gone", lambda *_: _killed() if lived.state(0) == "expired" else 0)
        with pytest.raises(KeyboardInterrupt):
            apply_retention(lived.workspace, plan)
    assert (lived.state(0), lived.state(1)) == ("expired", "complete")
    assert verify(lived.ledger).is_whole
    run_flow("retention", lived.written.name, LONG_AFTER)
    assert lived.state(1) == "expired"
    gone = files_gone(lived.ledger)
    assert gone
    assert not gone & {one.digest for one in lived.workspace.snapshots.stored()}
    with lived.ledger.begin() as connection:
        one = "(SELECT min(group_id) FROM decision_group)"
        behind_its_back(connection, f"UPDATE decision_group SET batch_id = '{lived.batch(0)}' WHERE group_id = {one}")
    assert any("were added: those that it had went" in one.words for one in verify(lived.ledger).findings)


def _killed() -> int:
    raise KeyboardInterrupt


def test_a_row_that_was_changed_is_not_taken_away(lived: Installation) -> None:
    without_the_model(lived)
    seal(lived.ledger)
    with lived.ledger.begin() as connection:
        behind_its_back(connection, "UPDATE decision_row SET propensity = 0.5")
    with pytest.raises(Exception, match=r"was changed|written anew"):
        apply_retention(lived.workspace, plan_retention(lived.workspace, LONG_AFTER))
    assert lived.state(0) == "complete"


def test_a_time_that_has_not_come_is_refused(lived: Installation) -> None:
    with pytest.raises(UsageError, match="has not come"):
        plan_retention(lived.workspace, utc_now() + timedelta(days=1))


def going(name: str, decisions: int) -> Going:
    """A batch that loses its decisions."""
    at = datetime.fromisoformat(f"{name}T00:00+00:00")
    batch = Batch(f"small/{name}", "small", at, "c", at, "complete", at, 1)
    return Going(batch, ("decisions",), decisions)


def test_a_month_in_which_nothing_else_lives_goes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 10)
    monkeypatch.setattr(retention, "MONTH_AT_ONCE", 30)
    first, second, third = (going(f"2024-01-0{day}", 9) for day in (1, 2, 3))
    large, alone = going("2024-02-01", 31), going("2024-03-01", 9)
    months = {date(2024, 1, 1): frozenset({"small/2024-01-01", "small/2024-01-02", "small/2024-01-03"})}
    months[date(2024, 2, 1)] = frozenset({"small/2024-02-01"})
    told = list(retention._together([first, second, third, large, alone], months))
    assert told == [(date(2024, 1, 1), (first, second, third)), (None, (large,)), (None, (alone,))]


@pytest.mark.exhaustive
@pytest.mark.parametrize("lived", ["postgresql"], indirect=True)
def test_on_postgresql_the_month_is_gone_with_its_last_batch(lived: Installation, monkeypatch) -> None:
    without_the_model(lived)
    monkeypatch.setattr(retention, "AT_ONCE", 1)  # each of its batches in a chunk of its own
    lived.turn(5)  # of February
    apply_retention(lived.workspace, plan_retention(lived.workspace, as_of(5) + timedelta(days=120)))
    assert [lived.state(week) for week in (0, 1, 2)] == ["expired"] * 3
    with lived.ledger.connect() as connection:
        left = connection.execute(text("SELECT inhrelid::regclass::text FROM pg_inherits ORDER BY 1")).scalars().all()
    assert not [name for name in left if "2024_01" in name]
    assert "decision_row_2024_02" in left
    found = verify(lived.ledger)
    assert found.is_whole, found.findings
    assert verify_snapshots(lived.workspace.settings, lived.ledger).faults == ()
    assert not any(one.digest in files_gone(lived.ledger) for one in lived.workspace.snapshots.stored())
    assert lived.state(5) == "complete"
