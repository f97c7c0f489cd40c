"""What keeps decisionloop from writing and is no defect of it: a full disk, a place that is read-only."""

from __future__ import annotations

import errno
import sqlite3

_FILES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk's quota is used up",
    errno.EROFS: "the file system is read-only",
}
_SQLITE = {
    sqlite3.SQLITE_FULL: "the disk of the ledger is full",
    sqlite3.SQLITE_READONLY: "the ledger's file or folder is read-only",
}
_SQLSTATES = {"53100": "the disk of the ledger's server is full", "25006": "the ledger's database is read-only"}
_PRIMARY = 0xFF
"""SQLite's extended codes keep their primary one in the lowest byte: https://www.sqlite.org/rescode.html."""


def why_unwritable(error: BaseException) -> str | None:
    """What was in the way, of an error or of any that it came of, with the remedy; None where it was something else."""
    one: BaseException | None = error
    while one is not None:
        found = _found(one)
        if found:
            return f"{found} ({one}). Make room or let it be written, and repeat the command: it goes on where it was."
        one = one.__cause__ or one.__context__
    return None


def _found(one: BaseException) -> str | None:
    if isinstance(one, sqlite3.Error):
        return _SQLITE.get((getattr(one, "sqlite_errorcode", None) or 0) & _PRIMARY)
    if isinstance(one, OSError):
        return _FILES.get(one.errno or 0)
    return _SQLSTATES.get(getattr(one, "sqlstate", None) or "")
