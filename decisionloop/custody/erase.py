"""Erasing a person: from the ledger, its free pages, the snapshot store, files of the home; what is left is said."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from decisionloop.custody.stored_tables import rewrite_without
from decisionloop.errors import ConfigurationError, UsageError
from decisionloop.ledger.audit.seal import seal
from decisionloop.ledger.batches import FINISHED_STATES, find_batch
from decisionloop.ledger.personal_data import Erasure, decisions_about, erase_person, segments_with
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.settings import Settings
from decisionloop.snapshots import SnapshotStore

_PAGES, _LINES = (".html",), (".jsonl",)
_NOT_OURS = (".db", ".db-wal", ".db-shm", ".parquet")
_LONG = 12
_MANIFEST, _LEDGER = "manifest.json", "ledger.db"
"""What is in every backup. One that lost anything would be none, so nothing in it is touched."""


@dataclass(frozen=True)
class Asked:
    """Why somebody is erased and by whom.

    ``still_due``: batches that had decided the person and among whose people the source still names them.
    """

    reason: str
    by: str
    still_due: Collection[str] = ()


@dataclass(frozen=True)
class Erased:
    """What went, and the files in which something of the person may still stand."""

    rows: dict[str, int]
    files: tuple[str, ...]
    left_in: tuple[str, ...]


def erase(
    settings: Settings,
    ledger: Ledger,
    use_case: str,
    entity: str,
    asked: Asked,
) -> Erased:
    """Remove all that is stored of one person; the audit chain verifies as before.

    Done again it goes on where it was killed, and erases what came since. Raises UsageError where the person is in a
    batch that is not finished, where the reason names them, and where nothing of them is stored.
    """
    reason, by = asked.reason, asked.by
    if entity in reason or entity in by:
        raise UsageError("the reason and who did it are kept for good: they must not hold the id of who is erased.")
    require_may_delete(ledger)
    seal(ledger)
    decisions = decisions_about(ledger, use_case, entity)
    _refuse_unfinished(ledger, use_case, entity, {one.batch_id for one in decisions})
    segments = segments_with(ledger, use_case, entity)
    ids = {one.decision_id for one in decisions}
    names = {entity, *ids}
    store = SnapshotStore(settings.resolved_snapshots_url())
    rewritten = rewrite_without(store, ledger, decisions, entity, names)
    files = tuple(_clean_files(settings.home, names))
    if not (decisions or segments or rewritten or files):
        tidy(ledger)
        raise UsageError(f"nothing is stored of {entity} in {use_case}. Name the id as the use case's key writes it.")
    new = Erasure(uuid.uuid4().hex, use_case, "erase", reason, by, "{}", utc_now())
    rows = erase_person(ledger, new, entity, ids, rewritten, asked.still_due)
    tidy(ledger)
    seal(ledger)
    kept = tuple(f"{one} (a backup)" for one in backups_below(settings.home) if _is_in(one / _LEDGER, names))
    return Erased(rows, files, (*_holding(settings.home, names), *kept))


def require_may_delete(ledger: Ledger) -> None:
    """Raises ConfigurationError where the role with which the ledger is opened may append alone."""
    if ledger.is_sqlite:
        return
    with ledger.connect() as connection:
        may = connection.execute(text("SELECT has_table_privilege('decision_row', 'DELETE')")).scalar_one()
    if not may:
        raise ConfigurationError(
            "the role with which the ledger is opened may append and not delete. Erase, and apply retention, with the "
            "role that owns its tables; in docker/ that is `docker compose run --rm custody decisionloop …`."
        )


def backups_below(home: Path) -> tuple[Path, ...]:
    """Folders of a home that are backups of it."""
    found = (path.parent for path in home.rglob(_MANIFEST))
    return tuple(sorted(one for one in found if (one / _LEDGER).is_file()))


def _is_in(file: Path, names: Collection[str]) -> bool:
    """Whether an id stands in a database's pages, which keep texts as they are; a short one is a part of many texts."""
    data = file.read_bytes()
    return any(name.encode() in data for name in names if len(name) >= _LONG)


def tidy(ledger: Ledger) -> None:
    """Give back the pages that deleted rows were in; on SQLite they hold zeros, and the journal is emptied."""
    if not ledger.is_sqlite:
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM"))
        return
    raw = ledger.engine.raw_connection()  # outside of any transaction, where alone SQLite tidies up
    try:
        cursor = raw.cursor()
        for pragma in ("query_only = OFF", "secure_delete = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        cursor.close()
    finally:
        raw.close()


def _refuse_unfinished(ledger: Ledger, use_case: str, entity: str, batch_ids: Collection[str]) -> None:
    for batch_id in sorted(batch_ids):
        found = find_batch(ledger, batch_id)
        if found is not None and found.state not in FINISHED_STATES:
            raise UsageError(
                f"batch {batch_id} is {found.state}, and would write the person's data anew. Run the loop until it is "
                f"complete (`decisionloop run {use_case}`, `decisionloop seal {use_case} --over`), then erase."
            )
    decided = {one.decision_id for one in decisions_about(ledger, use_case, entity)}
    for ids in segments_with(ledger, use_case, entity).values():
        if not decided & set(ids):
            raise UsageError(
                f"the person was decided one at a time, and that is not sealed yet. Run `decisionloop seal {use_case} "
                "--over`, then erase."
            )


def _clean_files(home: Path, names: Collection[str]) -> Iterator[str]:
    """Take the person's lines out of files of sent actions, and remove pages that tell of them."""
    backups = backups_below(home)
    for path in _holding(home, names):
        file = Path(path)
        if any(one in file.parents for one in backups):
            continue
        if file.suffix in _PAGES:
            file.unlink()
            yield path
        elif file.suffix in _LINES:
            kept = [line for line in file.read_text(encoding="utf-8").splitlines(True) if not _says(line, names)]
            unfinished = file.with_name(f".{file.name}.unfinished")
            unfinished.write_text("".join(kept), encoding="utf-8")
            unfinished.replace(file)
            yield path


def _holding(home: Path, names: Collection[str]) -> list[str]:
    """Files of the home, databases and tables apart, in which one of the names stands between quotes or as a word."""
    found = []
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.name.endswith(_NOT_OURS):
            said = path.read_bytes().decode("utf-8", errors="replace")
            if any(name in said for name in names) and _says(said, names):
                found.append(str(path))
    return found


def _says(said: str, names: Collection[str]) -> bool:
    """Whether a name stands as a whole: a short id is a part of many numbers, so it must be between quotes or tags."""
    return any(f'"{name}"' in said or f">{name}<" in said or (len(name) >= _LONG and name in said) for name in names)
