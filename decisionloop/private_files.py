"""Folders and files that nobody but their owner may look into: what is decided about people is in them."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER, FILE = 0o700, 0o600


def make_private(folder: Path) -> None:
    """Make a folder, and what is missing above it, for its owner alone; one that is there stays as it is."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(FOLDER, exist_ok=True)  # two processes may make it at once


def touch_private(file: Path) -> None:
    """Make an empty file for its owner alone, in a folder made likewise; one that is there is not even opened."""
    make_private(file.parent)
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE))
    except FileExistsError:
        return


def private_opener(path: str, flags: int) -> int:
    """For `open`: a file that is made so is its owner's alone."""
    return os.open(path, flags, FILE)


def write_private(file: Path, text: str) -> None:
    """The whole text in a file for its owner alone, or what it held before; its folder is made where it is missing."""
    make_private(file.parent)
    new = file.with_suffix(f".{os.getpid()}.unfinished")
    with open(new, "w", encoding="utf-8", opener=private_opener) as written:
        written.write(text)
    new.replace(file)


def sync(path: Path) -> None:
    """Have what is written of a file, or the names in a folder, on disk (there is no such call for folders on Windows).

    Never of the ledger's own file: closing it here would drop the locks of its connections.
    """
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_open_to_others(path: Path) -> bool:
    """Whether anybody but its owner may read it, or look into it."""
    return os.name != "nt" and bool(path.stat().st_mode & 0o077)
