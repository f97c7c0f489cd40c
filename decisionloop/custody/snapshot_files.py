"""Whether the files of the snapshot store are those that the ledger recorded, or what an erasure made of them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from decisionloop.errors import IntegrityError
from decisionloop.ledger.expiring_files import files_gone
from decisionloop.ledger.schema import rewritten_snapshot, snapshot
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.settings import Settings
from decisionloop.snapshots import SnapshotStore


@dataclass(frozen=True)
class VerifiedFiles:
    """How many files were read, and what is wrong with which."""

    files: int
    faults: tuple[str, ...]

    def as_text(self) -> str:
        """One line."""
        return f"{self.files:,} files of the snapshot store read, {len(self.faults)} not as they were recorded."


def verify_snapshots(settings: Settings, ledger: Ledger) -> VerifiedFiles:
    """Read every file that the ledger recorded, those that an erasure rewrote as it left them.

    What went by retention, and nothing needs, may be missing.
    """
    gone, store, faults = files_gone(ledger), SnapshotStore(settings.resolved_snapshots_url()), list[str]()
    with ledger.connect() as connection:
        digests = list(connection.execute(select(snapshot.c.digest).order_by(snapshot.c.digest)).scalars())
        rewritten = connection.execute(select(rewritten_snapshot.c.digest, rewritten_snapshot.c.content)).all()
    contents: dict[str, set[str]] = {}
    for digest, content in rewritten:
        contents.setdefault(digest, set()).add(content)
    for digest in digests:
        try:
            content = store.content_of(digest)
        except IntegrityError as error:
            if digest not in gone:
                faults.append(str(error))
            continue
        if content not in contents.get(digest, set()) | {digest}:
            faults.append(f"{digest} was rewritten, and no erasure of the ledger says so.")
    return VerifiedFiles(len(digests) - len(gone), tuple(faults))
