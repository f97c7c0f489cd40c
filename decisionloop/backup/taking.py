"""Taking a backup while the installation works: the ledger first, then the files that it names, and MLflow's store.

A file of the snapshot store is there before the ledger names it and stays until the ledger says that it went by
retention, so that whatever a copy of the ledger names is found in the store afterwards, unless retention is applied
meanwhile: then no backup is taken, and another one will be. MLflow's versions stay for ever.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from decisionloop.backup.manifest import (
    LEDGER,
    MLFLOW_DB,
    MLFLOW_FILES,
    SNAPSHOTS,
    FileEntry,
    Manifest,
    entry_of,
    files_below,
    write_manifest,
)
from decisionloop.backup.sqlite_file import copy_database
from decisionloop.backup.whole_folder import whole_folder
from decisionloop.errors import IntegrityError
from decisionloop.private_files import make_private, private_opener, sync

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.settings import Settings
    from decisionloop.snapshots import SnapshotStore

MlflowKept = Literal["copied", "elsewhere", "none"]


def take_backup(settings: Settings, ledger: Ledger, to: Path) -> Manifest:
    """Copy ledger, snapshots and the MLflow store of the home into the new folder ``to``, whole or not at all.

    Raises UsageError where ``to`` is there already, IntegrityError where a file that the ledger names is missing or
    damaged, or the ledger is: such a backup would restore nothing.
    """
    from decisionloop.ledger.schema import utc_now
    from decisionloop.ledger.storage.copying import close_journal, copy_to_file, count_rows
    from decisionloop.ledger.storage.engine import open_ledger
    from decisionloop.ledger.storage.revision import HEAD_REVISION
    from decisionloop.snapshots import SnapshotStore

    with whole_folder(to) as part:
        taken_at = utc_now()  # what is written from now on may be in it, and may not
        copy_to_file(ledger, part / LEDGER)
        with open_ledger(f"sqlite:///{part / LEDGER}") as copy:
            rows, named = count_rows(copy), named_digests(copy)
        close_journal(part / LEDGER)  # whoever opens a ledger, as to count, begins one
        snapshots = [*_copy_snapshots(SnapshotStore(settings.resolved_snapshots_url()), named, part)]
        mlflow = _copy_mlflow(settings, part)
        others = [entry_of(part, file) for file in files_below(part) if part / SNAPSHOTS not in file.parents]
        manifest = Manifest(
            version=version("decisionloop"),
            revision=HEAD_REVISION,
            taken_at=taken_at,
            engine="sqlite" if ledger.is_sqlite else "postgresql",
            home=str(settings.home.resolve()),
            mlflow=mlflow,
            rows=rows,
            files=(*others, *snapshots),
        )
        write_manifest(part, manifest)
    return manifest


def named_digests(ledger: Ledger) -> frozenset[str]:
    """Every file of the snapshot store that a ledger needs: not those that went by retention."""
    from sqlalchemy import select

    from decisionloop.ledger.expiring_files import files_gone
    from decisionloop.ledger.schema import batch_part, release, snapshot

    columns = (snapshot.c.digest, batch_part.c.digest, release.c.scorer_digest)
    with ledger.connect() as connection:
        found = {one for column in columns for one in connection.execute(select(column).distinct()).scalars()}
    return frozenset(one for one in found if one is not None) - files_gone(ledger)


def _copy_snapshots(store: SnapshotStore, named: frozenset[str], part: Path) -> Iterator[FileEntry]:
    """Copy every file of the store, each checked by its name, or by what an erasure left of it.

    Raises IntegrityError for what is missing or damaged.
    """
    stored = store.stored()
    if missing := sorted(named.difference(one.digest for one in stored)):
        raise IntegrityError(
            f"{len(missing)} files that the ledger names are not in {store.url}: {', '.join(missing[:3])}"
            f"{' …' * (len(missing) > 3)}. Restore them from an earlier backup, or check DECISIONLOOP_SNAPSHOTS_URL."
        )
    for one in stored:
        data = store.read_stored(one)
        file = part / SNAPSHOTS / one.path
        make_private(file.parent)
        with open(file, "wb", opener=private_opener) as opened:
            opened.write(data)
        sync(file)
        yield FileEntry(path=f"{SNAPSHOTS}/{one.path}", bytes=len(data), sha256=sha256(data).hexdigest())


def _copy_mlflow(settings: Settings, part: Path) -> MlflowKept:
    """Copy MLflow's store where it is a file of the home; a server's is its own business."""
    if settings.mlflow_tracking_uri:
        return "elsewhere"
    database, files = settings.home / MLFLOW_DB, settings.home / MLFLOW_FILES
    if not database.is_file():
        return "none"
    copy_database(database, part / MLFLOW_DB)
    for file in files_below(files) if files.is_dir() else ():
        if file.is_symlink():
            continue
        target = part / MLFLOW_FILES / file.relative_to(files)
        make_private(target.parent)
        with file.open("rb") as old, open(target, "wb", opener=private_opener) as new:
            shutil.copyfileobj(old, new)
        sync(target)
    return "copied"
