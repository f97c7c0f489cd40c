"""Content-addressed files: what a decision was made from, kept under the sha256 of its bytes on any fsspec URL.

The same table gives the same bytes, hence the same digest; what is read is checked against it. Which snapshots
exist and what they are is in the ledger, not here; where their bytes lie is a `StoragePlace`.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet

from decisionloop.errors import IntegrityError
from decisionloop.storage_place import PART_SUFFIX, StoragePlace, open_place

ROW_GROUP_ROWS = 131_072
TABLE_SUFFIX = ".parquet"
PROBE_SUFFIX = ".probe"
"""What earlier versions of `decisionloop doctor` left behind."""
REWRITTEN_SUFFIX = ".rewritten"
"""Beside a file that lost rows to an erasure: the sha256 of the bytes that it has since."""


_NAME = re.compile(r"/(?P<digest>[0-9a-f]{64})(?P<suffix>[^/]*)$")


@dataclass(frozen=True)
class SnapshotRef:
    """A stored file: sha256 of its bytes, where it lies, its rows (0 where it is no table) and its size."""

    digest: str
    uri: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class StoredFile:
    """A file as it lies in the store: by its name, the sha256 of its bytes and its suffix."""

    digest: str
    suffix: str

    @property
    def path(self) -> str:
        """Where it lies below the store's URL."""
        return f"{self.digest[:2]}/{self.digest}{self.suffix}"


def stored_file(path: str) -> StoredFile:
    """The file of a path that ends as one of a store. Raises IntegrityError where it does not."""
    found = _NAME.search(path)
    if found is None:
        raise IntegrityError(f"{path} is no file of a snapshot store: its name is no sha256. Use another backup.")
    return StoredFile(found["digest"], found["suffix"])


@dataclass(frozen=True)
class SnapshotStore:
    """Files by their digest under an fsspec URL (`/var/lib/decisionloop`, `s3://bucket/decisionloop`, …)."""

    url: str

    @property
    def _place(self) -> StoragePlace:
        return open_place(self.url)

    def put_table(self, table: pa.Table) -> SnapshotRef:
        """Store a table as Parquet. Its digest depends on names, types, values and row order, not on chunks."""
        return self._put(parquet_bytes(table), TABLE_SUFFIX, len(table))

    def put_bytes(self, data: bytes, suffix: str) -> SnapshotRef:
        """Store bytes; `suffix` (".json") is for people who look into the folder."""
        return self._put(data, suffix, 0)

    def get_table(self, snapshot: SnapshotRef | str, columns: Sequence[str] | None = None) -> pa.Table:
        """The table of a reference or digest, or some of its columns, those of them that it has.

        Raises `IntegrityError` where it is missing or has changed.
        """
        file = pyarrow.parquet.ParquetFile(pa.BufferReader(self.get_bytes(snapshot)))
        wanted = None if columns is None else [name for name in columns if name in file.schema_arrow.names]
        return file.read(wanted, use_threads=False)  # one thread reads a table in four fifths of what two take together

    def get_bytes(self, snapshot: SnapshotRef | str) -> bytes:
        """The bytes of a reference or digest. Raises `IntegrityError` where they are missing or have changed."""
        digest = snapshot if isinstance(snapshot, str) else snapshot.digest
        path = self._find(digest)
        try:
            data = self._place.read(path)
        except OSError as error:
            raise IntegrityError(f"{path} cannot be read ({error}). Restore it from a backup.") from error
        found = hashlib.sha256(data).hexdigest()
        if found != digest and found != self.rewritten_content(digest):
            raise IntegrityError(
                f"{path} holds {len(data)} bytes of sha256 {found}, not the {digest} that its name says: the file "
                "was damaged or changed. Restore it from a backup; nothing was computed from it."
            )
        return data

    def content_of(self, digest: str) -> str:
        """The sha256 of what a file holds: its name, or another where an erasure rewrote it. Raises as `get_bytes`."""
        return hashlib.sha256(self.get_bytes(digest)).hexdigest()

    def read_stored(self, stored: StoredFile) -> bytes:
        """What lies under a name, also what an erasure left there. Raises as `get_bytes`."""
        if stored.suffix == REWRITTEN_SUFFIX:
            return self.rewritten_content(stored.digest).encode()
        return self.get_bytes(stored.digest)

    def put_stored(self, stored: StoredFile, data: bytes) -> None:
        """Let a file of a backup lie where it lay: an erasure may have left other bytes under a name than it says."""
        self._place.write(f"{self._place.root}/{stored.path}", data)

    def rewrite_table(self, digest: str, table: pa.Table) -> str:
        """Let a table take the place of the one of that name, for an erasure; returns the sha256 of its bytes.

        Killed in between, the file is the old or the new one, and both are read; `forget_earlier` then finds what a
        bucket with versions has kept.
        """
        data = parquet_bytes(table)
        content = hashlib.sha256(data).hexdigest()
        for where, what in ((self._note(digest), content.encode()), (self._find(digest), data)):
            self._place.write(where, what)
        self.forget_earlier(digest)
        return content

    def forget_earlier(self, digest: str) -> None:
        """Let go what a bucket with versions has kept of a file besides what lies there now."""
        self._place.forget_versions(self._find(digest))

    def remove(self, digest: str) -> bool:
        """Let a file go for good, with what an erasure left beside it; False where it is not there."""
        found = [name for name in self._names(digest) if not name.endswith(PART_SUFFIX)]
        for name in sorted(found, key=lambda name: name.endswith(REWRITTEN_SUFFIX)):  # killed, it is found again
            self._place.remove(name)
        return bool(found)

    def _names(self, digest: str) -> list[str]:
        return [name for name in self._place.names(f"{self._place.root}/{digest[:2]}") if f"/{digest}" in name]

    def _note(self, digest: str) -> str:
        return f"{self._place.root}/{digest[:2]}/{digest}{REWRITTEN_SUFFIX}"

    def rewritten_content(self, digest: str) -> str:
        """The sha256 of what an erasure left under a name, "" where there was none."""
        note = self._note(digest)
        return self._place.read(note).decode() if self._place.exists(note) else ""

    def bytes_of(self, digest: str) -> int:
        """How many bytes a stored file has. Raises `IntegrityError` where it is missing."""
        return self._place.size(self._find(digest))

    def reach(self) -> None:
        """Ask the store whether it is there. Raises ConfigurationError, or what its file system raises."""
        self._place.reach()

    @property
    def keeps_versions(self) -> bool:
        """Whether the store keeps what was replaced or removed, unless it is told to forget it. Raises as `reach`."""
        return self._place.keeps_versions

    def stored(self) -> tuple[StoredFile, ...]:
        """Every whole file of the store, by digest."""
        found = (_NAME.search(name) for name in self._place.files())
        files = [StoredFile(one["digest"], one["suffix"]) for one in found if one is not None]
        kept = (one for one in files if not one.suffix.endswith((PART_SUFFIX, PROBE_SUFFIX)))
        return tuple(sorted(kept, key=lambda one: one.path))

    def _find(self, digest: str) -> str:
        """The path of a digest, whatever its suffix."""
        folder = f"{self._place.root}/{digest[:2]}"
        table = f"{folder}/{digest}{TABLE_SUFFIX}"
        if self._place.exists(table):
            return table
        found = [name for name in self._names(digest) if not name.endswith((PART_SUFFIX, REWRITTEN_SUFFIX))]
        if not found:
            raise IntegrityError(
                f"snapshot {digest} is not in {self.url}. Restore {folder}/{digest}.* from a backup, or check "
                "DECISIONLOOP_SNAPSHOTS_URL."
            )
        return found[0]

    def _put(self, data: bytes, suffix: str, rows: int) -> SnapshotRef:
        digest = hashlib.sha256(data).hexdigest()
        path = f"{self._place.root}/{digest[:2]}/{digest}{suffix}"
        if not self._holds(path, digest):  # also where an erasure rewrote it: whoever is decided again is stored again
            self._place.write(path, data)
        return SnapshotRef(digest, self._place.url_of(path), rows, len(data))

    def _holds(self, path: str, digest: str) -> bool:
        """Whether the very bytes are there; a damaged file is not, and is written again."""
        return self._place.exists(path) and hashlib.sha256(self._place.read(path)).hexdigest() == digest


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as Parquet bytes that depend on nothing but its column names, types and values."""
    plain = table.replace_schema_metadata(None)
    for i, field in enumerate(plain.schema):
        if pa.types.is_large_string(field.type) or pa.types.is_string_view(field.type):
            plain = plain.set_column(i, pa.field(field.name, pa.string()), plain.column(i).cast(pa.string()))
        else:
            plain = plain.set_column(i, pa.field(field.name, field.type), plain.column(i))
    sink = io.BytesIO()
    # Numbers rarely repeat enough for a dictionary to pay, and looking for one takes half of the time.
    repeating = [field.name for field in plain.schema if not pa.types.is_floating(field.type)]
    pyarrow.parquet.write_table(
        plain.combine_chunks(),
        sink,
        row_group_size=ROW_GROUP_ROWS,
        compression="zstd",
        compression_level=1,
        use_dictionary=repeating,
        write_statistics=False,
    )
    return sink.getvalue()
