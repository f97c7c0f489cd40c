"""Actions leave as JSON lines, one file a chunk, written whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from decisionloop.dispatch.messages import OutgoingAction, Receipt, chunk_digest, delivered
from decisionloop.errors import DeliveryError


@dataclass(frozen=True)
class FileActuator:
    """Writes ``<folder>/<batch>/chunk-00000-<digest>.jsonl``; the same chunk sent again is the same file."""

    folder: Path
    longest_seconds: float = 60.0

    def send(self, messages: Sequence[OutgoingAction], batch_id: str, chunk: int) -> tuple[Receipt, ...]:
        """Write one chunk durably. Raises DeliveryError when the disk refuses."""
        texts = [message.to_json() for message in messages]
        path = folder_of_batch(self.folder, batch_id) / f"chunk-{chunk:05d}-{chunk_digest(texts)[:16]}.jsonl"
        try:
            _write_durably(path, "".join(text + "\n" for text in texts).encode())
        except OSError as error:
            raise DeliveryError(
                f"batch {batch_id}, chunk {chunk}: {path} could not be written ({error}). Free the disk or "
                "correct actuator.folder; the actions stay in the outbox."
            ) from error
        return delivered(messages, str(path))


def folder_of_batch(folder: Path, batch_id: str) -> Path:
    """``credit_line/2005-07-08`` stays a path of two folders; nothing in an id can lead out of the outbox."""
    return folder.joinpath(*(re.sub(r"[^A-Za-z0-9_-]", "-", part) or "-" for part in batch_id.split("/")))


def _write_durably(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Readers look for *.jsonl, so what a crash leaves under this name is never read.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    for folder in (path.parent, path.parent.parent):
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; not every system lets a folder be opened."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
