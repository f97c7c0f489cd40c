"""Putting a backup in the place of a lost installation: files first, and the ledger last, which makes it whole.

The ledger that is installed has been marked beforehand: at no moment may anything leave that perhaps has left already.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decisionloop.backup.manifest import (
    LEDGER,
    MANIFEST,
    MLFLOW_DB,
    MLFLOW_FILES,
    SNAPSHOTS,
    Manifest,
    read_manifest,
    sha256_of,
    verify_files,
)
from decisionloop.backup.sqlite_file import move_places
from decisionloop.errors import UsageError
from decisionloop.private_files import make_private, sync

if TYPE_CHECKING:
    from decisionloop.settings import Settings
    from decisionloop.snapshots import StoredFile

BEGUN = ".restoring"
"""A file of the home that names the backup that is being restored: killed in between, the same one may go on."""

COPIES = ".decisionloop-restore-"
"""What begins the name of a folder with a copy of a ledger; then comes whose process it is."""


@dataclass(frozen=True)
class ReadBackup:
    """A backup whose every file is what was backed up, and a copy of its ledger that may be opened and written."""

    folder: Path
    manifest: Manifest
    ledger_file: Path

    @property
    def ledger_url(self) -> str:
        """The URL of that copy."""
        return f"sqlite:///{self.ledger_file}"

    @property
    def snapshots_url(self) -> str:
        """The URL of its snapshot store, which is only read."""
        return str((self.folder / SNAPSHOTS).resolve())


@contextmanager
def read_backup(folder: Path, beside: Path | None = None) -> Iterator[ReadBackup]:
    """Read all of a backup, and lay a copy of its ledger, brought to this version's tables, into a private folder.

    ``beside``: that folder lies there, None: where temporary files do. What those have left there who were killed is
    removed: people are in it.

    Raises UsageError for what is no backup, IntegrityError where any file is not what was backed up, ConfigurationError
    where a newer version has taken it.
    """
    from decisionloop.ledger.storage.copying import close_journal
    from decisionloop.ledger.storage.engine import create_or_upgrade
    from decisionloop.ledger.storage.revision import refuse_newer

    manifest = read_manifest(folder)
    refuse_newer(manifest.revision, str(folder))
    verify_files(folder, manifest)
    with _place(beside) as place, tempfile.TemporaryDirectory(prefix=f"{COPIES}{os.getpid()}-", dir=place) as name:
        copy = Path(name) / LEDGER
        shutil.copyfile(folder / LEDGER, copy)
        copy.chmod(0o600)
        create_or_upgrade(f"sqlite:///{copy}").close()
        close_journal(copy)
        yield ReadBackup(folder, manifest, copy)


@contextmanager
def _place(beside: Path | None) -> Iterator[Path]:
    """Where copies lie, without abandoned ones; a folder that was made for it and has stayed empty goes again."""
    place = Path(tempfile.gettempdir()) if beside is None else beside
    was_there = place.exists()
    make_private(place)
    _remove_abandoned(place)
    try:
        yield place
    finally:
        if not was_there:
            with suppress(OSError):  # what was restored is in it
                place.rmdir()


def _remove_abandoned(place: Path) -> None:
    """Remove the copies of processes of this user that are no more."""
    import psutil

    for one in place.glob(f"{COPIES}*-*"):
        pid = one.name.removeprefix(COPIES).partition("-")[0]
        is_ours = not hasattr(os, "geteuid") or one.lstat().st_uid == os.geteuid()
        if is_ours and pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(one, ignore_errors=True)


def refuse_past(settings: Settings, folder: Path) -> None:
    """Raises UsageError where the installation holds anything that restoring would mix with; writes nothing.

    What an earlier attempt with the same backup has left, before it was killed, is none.
    """
    from decisionloop.snapshots import SnapshotStore

    if rows := _rows_of(settings):
        raise UsageError(f"the ledger holds rows already ({rows}). {_REMEDY}")
    if _is_begun(settings, folder):
        return
    if (stored := SnapshotStore(settings.resolved_snapshots_url()).stored()) and _is_foreign(stored, folder):
        raise UsageError(f"{settings.resolved_snapshots_url()} holds {len(stored)} files of another past. {_REMEDY}")
    if not settings.mlflow_tracking_uri and (settings.home / MLFLOW_DB).exists():
        raise UsageError(f"{settings.home / MLFLOW_DB} is there already. {_REMEDY}")


_REMEDY = "Restore into a home, a ledger and a snapshot store that are empty: name new ones, or move the old ones away."


def install(settings: Settings, backup: ReadBackup) -> None:
    """Put it in place: snapshots, MLflow's store and, at last and all at once, the ledger as ``backup`` has its copy.

    `refuse_past` has found nothing. Killed in between, no ledger is there, and the same may be done again.
    """
    make_private(settings.home)
    begun = settings.home / BEGUN
    begun.write_text(_identity(backup.folder), encoding="utf-8")
    sync(begun)
    _install_snapshots(settings, backup)
    if backup.manifest.mlflow == "copied" and not settings.mlflow_tracking_uri:
        _install_mlflow(settings, backup)
    _install_ledger(settings, backup)
    begun.unlink()


def _install_snapshots(settings: Settings, backup: ReadBackup) -> None:
    from decisionloop.snapshots import SnapshotStore, stored_file

    store = SnapshotStore(settings.resolved_snapshots_url())
    for one in backup.manifest.below(SNAPSHOTS):
        store.put_stored(stored_file(one.path), (backup.folder / one.path).read_bytes())


def _install_mlflow(settings: Settings, backup: ReadBackup) -> None:
    """MLflow writes down where its files are, so these places move with the home."""
    database, files = settings.home / MLFLOW_DB, settings.home / MLFLOW_FILES
    part = backup.ledger_file.parent / MLFLOW_DB
    shutil.copyfile(backup.folder / MLFLOW_DB, part)
    part.chmod(0o600)
    old, new = Path(backup.manifest.home, MLFLOW_FILES).as_uri(), files.resolve().as_uri()
    move_places(part, old, new)
    shutil.rmtree(files, ignore_errors=True)
    if (source := backup.folder / MLFLOW_FILES).is_dir():
        shutil.copytree(source, files)
    shutil.move(part, database)


def _install_ledger(settings: Settings, backup: ReadBackup) -> None:
    """A file that is not there yet is renamed into its place; into a ledger without rows they go in one transaction."""
    from sqlalchemy import make_url

    from decisionloop.ledger.storage.copying import close_journal, copy_from_file
    from decisionloop.ledger.storage.engine import create_or_upgrade

    url = settings.resolved_ledger_url()
    place = Path(str(make_url(url).database)) if make_url(url).get_backend_name() == "sqlite" else None
    if place is not None and not place.exists():
        close_journal(backup.ledger_file)
        make_private(place.parent)
        for abandoned in place.parent.glob(f".{place.name}.*.part"):
            abandoned.unlink()
        part = place.with_name(f".{place.name}.{os.getpid()}.part")
        shutil.copyfile(backup.ledger_file, part)
        part.chmod(0o600)
        sync(part)
        try:
            os.link(part, place)  # unlike a rename it replaces nothing that has come meanwhile
        except FileExistsError as error:
            raise UsageError(f"{place} was made meanwhile. Stop what has made it. {_REMEDY}") from error
        finally:
            part.unlink()
        sync(place.parent)
        return
    with create_or_upgrade(url, settings.ledger_tuning) as ledger:
        copy_from_file(backup.ledger_file, ledger)


def _rows_of(settings: Settings) -> str:
    """The tables of the installation's ledger that hold rows, "" for none; no ledger is made to look."""
    from decisionloop.ledger.storage.copying import tables_with_rows
    from decisionloop.ledger.storage.engine import ledger_there

    with ledger_there(settings.resolved_ledger_url(), settings.ledger_tuning) as ledger:
        if ledger is None:
            return ""
        with ledger.connect() as connection:
            return ", ".join(tables_with_rows(connection))


def _is_foreign(stored: Sequence[StoredFile], folder: Path) -> bool:
    known = {one.path for one in read_manifest(folder).files}
    return any(f"{SNAPSHOTS}/{one.path}" not in known for one in stored)


def _is_begun(settings: Settings, folder: Path) -> bool:
    begun = settings.home / BEGUN
    return begun.is_file() and begun.read_text(encoding="utf-8") == _identity(folder)


def _identity(folder: Path) -> str:
    return sha256_of(folder / MANIFEST)
