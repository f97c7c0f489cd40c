"""What a backup says of itself: when and by which version it was taken, and every file with its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from decisionloop.errors import IntegrityError, UsageError
from decisionloop.private_files import sync

MANIFEST = "manifest.json"
LEDGER, SNAPSHOTS, MLFLOW_DB, MLFLOW_FILES = "ledger.db", "snapshots", "mlflow.db", "mlflow"
CHUNK_BYTES = 1 << 20


class FileEntry(BaseModel):
    """A file of a backup: its path in it with slashes, its size and the sha256 of its bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What is in a backup. ``version``: of decisionloop; ``revision``: of the ledger's tables.

    ``engine``: which one kept the ledger, whose copy is a SQLite file at any rate. ``rows``: of each of its tables.
    ``home``: where the installation lay. ``mlflow``: how its MLflow store is kept, "copied", or "elsewhere" where a
    server has it, or "none".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    version: str
    revision: str
    taken_at: datetime
    engine: Literal["sqlite", "postgresql"]
    home: str
    mlflow: Literal["copied", "elsewhere", "none"]
    rows: dict[str, int]
    files: tuple[FileEntry, ...]

    @property
    def bytes(self) -> int:
        """How large all files are together."""
        return sum(one.bytes for one in self.files)

    def below(self, folder: str) -> tuple[FileEntry, ...]:
        """The files in a folder of the backup."""
        return tuple(one for one in self.files if one.path.startswith(f"{folder}/"))


def entry_of(root: Path, file: Path) -> FileEntry:
    """A file below ``root`` as a manifest names it; raises OSError where it cannot be read."""
    return FileEntry(path=file.relative_to(root).as_posix(), bytes=file.stat().st_size, sha256=sha256_of(file))


def sha256_of(file: Path) -> str:
    """The sha256 of a file's bytes in hexadecimal, read piece by piece."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it durably: it is the last file of a backup."""
    file = folder / MANIFEST
    file.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    file.chmod(0o600)
    sync(file)


def read_manifest(folder: Path) -> Manifest:
    """Read it. Raises UsageError where ``folder`` is no backup, IntegrityError where its manifest is damaged."""
    file = folder / MANIFEST
    if not file.is_file():
        raise UsageError(
            f"{folder} is no backup: it holds no {MANIFEST}. Name a folder that `decisionloop backup` made."
        )
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its text"
        raise IntegrityError(
            f"{file} cannot be read ({where}: {first['msg']}). It was damaged, or a newer version wrote it. Take "
            "another backup, or that version."
        ) from error


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Read every file. Raises IntegrityError that names each one that is missing, changed, or not of this backup."""
    known = {one.path: one for one in manifest.files}
    found = {file.relative_to(folder).as_posix(): file for file in files_below(folder)}
    faults = [f"{path} is missing" for path in known if path not in found]
    faults += [f"{path} is not of it" for path in sorted(found) if path not in known and path != MANIFEST]
    faults += [f"{path} has changed" for path, one in known.items() if path in found and _is_other(found[path], one)]
    if faults:
        raise IntegrityError(
            f"{folder} is not what was backed up: {_some(faults)}. Use another backup; nothing was restored."
        )


def files_below(folder: Path) -> tuple[Path, ...]:
    """Every file below a folder, links included, by path."""
    return tuple(sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()))


def newest_backup(folder: Path) -> Path:
    """The folder itself where it is a backup, else the one in it that was taken last. Raises UsageError for none."""
    if (folder / MANIFEST).is_file():
        return folder
    found = [file.parent for file in folder.glob(f"*/{MANIFEST}") if not file.parent.name.startswith(".")]
    if not found:
        raise UsageError(f"there is no backup in {folder}. Make one with `decisionloop backup {folder}/NAME`.")
    return max(found, key=lambda one: read_manifest(one).taken_at)


def _is_other(file: Path, known: FileEntry) -> bool:
    if file.is_symlink() or not file.is_file() or file.stat().st_size != known.bytes:
        return True
    return sha256_of(file) != known.sha256


def _some(faults: Sequence[str], shown: int = 5) -> str:
    more = len(faults) - shown
    return "; ".join(faults[:shown]) + (f"; and {more} more" if more > 0 else "")
