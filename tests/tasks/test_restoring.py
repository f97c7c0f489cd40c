"""A backup is taken while the loop is at work, and restored: it goes on as it would have, and nothing leaves twice."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from decisionloop.backup.installing import COPIES
from decisionloop.backup.manifest import LEDGER, entry_of, newest_backup, read_manifest, write_manifest
from decisionloop.cli.backup import backup, restore
from decisionloop.cli.status import as_text, status_of
from decisionloop.errors import DrillFailed, IntegrityError, UsageError
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.flags import kill_switch
from decisionloop.ledger.held_actions import release_held, waiting_actions
from decisionloop.ledger.kill_switch import Turn, turn_everything
from decisionloop.ledger.present_alerts import present_alerts
from decisionloop.ledger.restorations import last_restoration
from decisionloop.ledger.restore_drills import restore_drills
from decisionloop.ledger.storage.copying import count_rows
from decisionloop.ledger.storage.engine import create_or_upgrade, open_ledger
from decisionloop.ledger.switch_lock import EVERYTHING
from tests.engines import ON_ONE
from tests.small_use_case import Written, settings_of
from tests.tasks.installation import Installation, copy, run_flow, run_task, working_in
from tests.tasks.moment import Moment, on_engine

pytestmark = pytest.mark.xdist_group("loop")
APPROVER = "approver@example.com"
MARKED = {"flag", "hold_event", "restoration", "audit_waiting"}


@pytest.fixture(scope="module")
def at_work_life(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model has decided week 3, and its actions have not left."""
    folder = tmp_path_factory.mktemp("at-work") / "life"
    with working_in(folder, copy(saved / "modelled", folder)) as life:
        life.predict(3)
        run_task("tasks.act.decide", "decide_batch", "small", life.batch(3))
    return folder


@pytest.fixture(params=["postgresql", pytest.param("sqlite", marks=pytest.mark.exhaustive)])
def at_work(request, at_work_life: Path, tmp_path: Path) -> Iterator[Installation]:
    """It on either engine."""
    with on_engine(request.param, at_work_life, tmp_path / "life", request) as moment, moment.work() as life:
        yield life


@pytest.fixture(scope="module")
def kept(at_work_life: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    to = tmp_path_factory.mktemp("kept") / "backup"
    with Moment(at_work_life).work() as life:
        assert life.state(3) == "decided"
        backup(to)
    return to


@pytest.fixture
def elsewhere(at_work_life: Path, tmp_path: Path) -> Iterator[Path]:
    """An empty home with the same use cases, which settings name."""
    folder = tmp_path / "elsewhere"
    shutil.copytree(at_work_life / "usecases", folder / "usecases")
    with settings_of(folder):
        yield folder / "home"


def rows(life: Installation) -> dict[str, list]:
    """Every row of every table that restoring does not mark."""
    return {name: found for name, found in life.tables().items() if name not in MARKED}


def go_on(life: Installation) -> None:
    """What has not left leaves, and the next week is decided."""
    life.act(3)
    life.predict(4)
    life.act(4)


def let_go(life: Installation) -> None:
    """A person has asked the receiver, and an approver lifts the switch."""
    turn_everything(life.ledger, Turn(EVERYTHING, "off", "asked", APPROVER), lambda: {"small": True})
    release_held(life.ledger, "small", (), "it had not left", APPROVER, [APPROVER])


def test_it_goes_on_elsewhere_as_it_would_have(at_work, tmp_path, capsys):
    before = rows(at_work)
    backup(tmp_path / "backup")
    assert rows(at_work) == before
    folder = tmp_path / "elsewhere"
    shutil.copytree(at_work.folder / "usecases", folder / "usecases")
    with settings_of(folder):
        restore(tmp_path / "backup")
    said = capsys.readouterr().out
    assert "small/2024-01-22 was decided again by small/scorecard/" in said
    assert "decisionloop flags clear kill_switch --everything" in said  # kill-switch-all knows no off
    with working_in(folder, Written(folder / "usecases" / "small")) as restored:
        assert rows(restored) == before
        assert restored.workspace.registry.versions("small")
        assert all(mode_of(path) & 0o077 == 0 for path in (folder / "home").rglob("*"))
        let_go(restored)
        go_on(restored)
        again = restored.decisions(4)
        left = restored.sent()
    go_on(at_work)
    assert again.equals(at_work.decisions(4))
    assert left
    assert left == at_work.sent()[-len(left) :]


def mode_of(path: Path) -> int:
    return path.stat().st_mode


@pytest.mark.parametrize("engine", ["postgresql", pytest.param("sqlite", marks=pytest.mark.exhaustive)])
def test_into_an_empty_ledger_of_either_engine(kept, elsewhere, engine, request, monkeypatch):
    url = f"sqlite:///{elsewhere}/ledger.db"
    if engine == "postgresql":
        url = request.getfixturevalue("postgres_url_with_tables")
    create_or_upgrade(url).close()
    monkeypatch.setenv("DECISIONLOOP_LEDGER_URL", url)
    restore(kept)
    with open_ledger(url) as ledger:
        assert count_rows(ledger) | dict.fromkeys(MARKED, 0) == read_manifest(kept).rows | dict.fromkeys(MARKED, 0)
    with pytest.raises(UsageError, match="holds rows already"):
        restore(kept)


def test_what_may_have_left_since_waits_for_a_person(kept, elsewhere):
    restore(kept)
    with working_in(elsewhere.parent, Written(elsewhere.parent / "usecases" / "small")) as restored:
        ledger = restored.ledger
        assert kill_switch(ledger, "small") == "on"
        (waiting,) = waiting_actions(ledger, "small")
        assert (waiting.last.covers, waiting.last.by) == ("all", "decisionloop restore")
        assert "it may have left since" in as_text(status_of(restored.workspace))
        before = restored.sent()
        assert restored.act(3) == 0
        assert restored.sent() == before
        let_go(restored)
        run_task("tasks.act.dispatch", "dispatch_batch", "small", restored.batch(3))
        assert len(restored.sent()) > len(before)


def test_a_ledger_that_was_copied_back_sends_nothing_a_second_time_unasked(at_work_life, tmp_path, request):
    with on_engine("sqlite", at_work_life, tmp_path / "life", request) as moment:
        with moment.work() as life:
            assert life.act(3) > 0
            left = life.sent()
        for file in (moment.folder / "home").glob("ledger.db*"):
            file.unlink()
        shutil.copy(at_work_life / "home" / "ledger.db", moment.folder / "home" / "ledger.db")
        with moment.work() as life:
            for _ in range(2):
                assert life.act(3) == 0
                assert life.sent() == left
            (alert,) = [one for one in alerts(life.ledger, "small") if one.kind == "restored"]
            assert alert.severity == "critical"
            assert kill_switch(life.ledger, "small") == "on"
            (waiting,) = waiting_actions(life.ledger, "small")
            assert waiting.last.covers == "all"
            let_go(life)
            run_task("tasks.act.dispatch", "dispatch_batch", "small", life.batch(3))
            assert set(life.sent()) == set(left)
            life.predict(4)
            assert life.act(4) > 0  # it goes on, and nobody is told again
            assert len([one for one in alerts(life.ledger, "small") if one.kind == "restored"]) == 1


def test_a_backup_replaces_nothing_and_a_past_is_not_mixed_with_another(at_work_life, kept, elsewhere, tmp_path):
    with Moment(at_work_life).work(), pytest.raises(UsageError, match="there already, and a backup replaces nothing"):
        backup(kept)
    with Moment(at_work_life).work(), pytest.raises(UsageError, match="holds rows already"):
        restore(kept)
    stored = elsewhere / "snapshots" / "ab"
    stored.mkdir(parents=True)
    (stored / f"ab{'0' * 62}.parquet").write_bytes(b"of another past")
    with pytest.raises(UsageError, match="1 files of another past"):
        restore(kept)
    assert not (elsewhere / "ledger.db").exists()


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


HARMS = {
    "ledger.db has changed": lambda folder: _flip(folder / "ledger.db"),
    ".parquet has changed": lambda folder: _flip(next((folder / "snapshots").rglob("*.parquet"))),
    ".scorer is missing": lambda folder: next((folder / "snapshots").rglob("*.scorer")).unlink(),
    "a link has changed": lambda folder: _link(folder / "mlflow.db", folder),
    "extra.db is not of it": lambda folder: (folder / "extra.db").write_bytes(b""),
    "cannot be read": lambda folder: (folder / "manifest.json").write_text("{"),
}


def _link(file: Path, folder: Path) -> None:
    moved = file.rename(folder.with_name("a link"))
    file.symlink_to(moved)


@pytest.mark.parametrize("told", HARMS)
def test_a_backup_that_was_damaged_restores_nothing(kept, elsewhere, tmp_path, told):
    damaged = shutil.copytree(kept, tmp_path / "damaged")
    HARMS[told](damaged)
    with pytest.raises(IntegrityError, match=told.removeprefix("a link ")):
        restore(damaged)
    assert not elsewhere.exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE decision_row SET propensity = 0.5 WHERE rowid = 2000", "small/2024-01-22.*: propensity of 1 rows"),
        ("UPDATE release SET scorer_digest = (SELECT digest FROM snapshot WHERE kind = 'scores' LIMIT 1) "
         "WHERE scorer_digest IS NOT NULL", "cannot score small/2024-01-22"),
    ],
)  # fmt: skip
def test_what_decides_otherwise_than_it_was_logged_is_not_restored(kept, elsewhere, tmp_path, change, told):
    other = shutil.copytree(kept, tmp_path / "other")
    with closing(sqlite3.connect(other / LEDGER)) as ledger, ledger:
        for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            ledger.execute(f"DROP TRIGGER {name}")
        ledger.execute(change)
    known = read_manifest(other)
    files = tuple(entry_of(other, other / one.path) for one in known.files)
    write_manifest(other, known.model_copy(update={"files": files}))
    with pytest.raises(IntegrityError, match=told):
        restore(other)
    assert not elsewhere.exists()


def test_without_the_code_of_then_it_is_restored_only_where_somebody_insists(kept, elsewhere):
    rules = elsewhere.parent / "usecases" / "small" / "rules.py"
    rules.write_text(rules.read_text().replace("80", "90"))
    with pytest.raises(UsageError, match=r"not proven: small: no batch was decided by the code.*--unproven"):
        restore(kept)
    assert not elsewhere.exists()
    restore(kept, is_unproven=True)


def _killed_at(function: str, ask) -> None:
    """Do what ``ask`` does in a process that is killed as soon as ``function`` is called."""
    child = os.fork()
    if child == 0:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(function, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            ask()
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


@pytest.mark.parametrize("function", [pytest.param("copy_to_file", marks=pytest.mark.exhaustive), "write_manifest"])
def test_a_killed_backup_is_none(at_work_life, tmp_path, function):
    where = "decisionloop.ledger.storage.copying" if function == "copy_to_file" else "decisionloop.backup.taking"
    with Moment(at_work_life).work():
        _killed_at(f"{where}.{function}", lambda: backup(tmp_path / "to" / "backup"))
        assert [one.name[0] for one in (tmp_path / "to").iterdir()] == ["."]
        with pytest.raises(UsageError, match="there is no backup in"):
            newest_backup(tmp_path / "to")
        backup(tmp_path / "to" / "backup")


@pytest.mark.parametrize(
    "function",
    [*(pytest.param(one, marks=pytest.mark.exhaustive) for one in ("_install_snapshots", "_install_mlflow")),
     "_install_ledger"],
)  # fmt: skip
def test_a_killed_restore_is_done_again(kept, elsewhere, function):
    _killed_at(f"decisionloop.backup.installing.{function}", lambda: restore(kept))
    assert not (elsewhere / "ledger.db").exists()
    (left,) = elsewhere.glob(f"{COPIES}*")  # a copy of the ledger, where nobody else may look
    assert elsewhere.stat().st_mode & 0o077 == 0
    restore(kept)
    assert not left.exists()
    with open_ledger(f"sqlite:///{elsewhere}/ledger.db") as ledger:
        assert last_restoration(ledger).taken_at == read_manifest(kept).taken_at


@pytest.mark.parametrize("engine", ON_ONE)
def test_a_drill_restores_beside_the_real_home_and_is_told_of(engine, at_work_life, kept, tmp_path, request):
    with on_engine(engine, at_work_life, tmp_path / "life", request) as moment, moment.work() as life:
        before = life.tables()
        assert "600 decisions of small/2024-01-22 were the same" in run_flow("restore_drill", "small")
        after = life.tables()
        assert {name for name in after if after[name] != before[name]} == {"restore_drill"}
        damaged = shutil.copytree(kept, tmp_path / "all" / "damaged")
        _flip(damaged / LEDGER)
        with pytest.raises(DrillFailed, match=r"ledger\.db has changed"):
            run_flow("restore_drill", "small", str(damaged.parent))
        (told,) = [one for one in alerts(life.ledger, "small") if one.kind == "restore_drill"]
        assert (told.severity, told in present_alerts(life.ledger, "small")) == ("critical", True)
        assert "failed: " in as_text(status_of(life.workspace))
        run_flow("restore_drill", "small", str(kept.parent))
        assert told not in present_alerts(life.ledger, "small")
        assert [one.seq for one in restore_drills(life.ledger, "small")] == [1, 2, 3]
        assert list((life.folder / "home" / "scratch").iterdir()) == []
