"""A folder that is there whole or not at all: made beside its place under another name, and renamed at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decisionloop.errors import UsageError
from decisionloop.private_files import FOLDER, make_private, sync

PART_SUFFIX = ".part"


@contextmanager
def whole_folder(to: Path) -> Iterator[Path]:
    """A new private folder that becomes ``to`` at the end, where nothing may be yet; a killed one leaves `.*.part`.

    Raises UsageError where ``to`` is there already, or cannot be made.
    """
    refuse_existing(to)
    part = to.parent / f".{to.name}.{os.getpid()}-{os.urandom(4).hex()}{PART_SUFFIX}"
    try:
        make_private(to.parent)
        part.mkdir(FOLDER)
    except OSError as error:
        raise UsageError(f"{to} cannot be made: {error.strerror}. Name a place that you may write to.") from error
    try:
        yield part
        _sync_folders(part)
        refuse_existing(to)
        part.rename(to)
        sync(to.parent)
    except OSError as error:
        if to.exists():  # somebody else made it meanwhile: a folder that is not empty is not replaced
            refuse_existing(to)
        raise error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def refuse_existing(to: Path) -> None:
    """Raises UsageError where anything has that name, also an empty folder."""
    if to.is_symlink() or to.exists():
        raise UsageError(f"{to} is there already, and a backup replaces nothing. Name a folder that is not there yet.")


def _sync_folders(folder: Path) -> None:
    for one in (*sorted(folder.rglob("*")), folder):
        if one.is_dir():
            sync(one)
