"""The connection of whoever writes to SQLite again and again.

To take one from the pool and to give it back takes as long as the transaction that keeps a single row. A server is
asked each time whether it still answers: else a connection that it has cut would cost somebody an answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from decisionloop.ledger.storage.engine import Ledger

KEPT_SECONDS = 1.0
"""One that was not used for so long goes back to the pool."""


class KeptConnection:
    """Write transactions on one connection, one after another; whoever comes meanwhile gets another one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._turn = ledger, threading.Lock()
        self._kept: Connection | None = None
        self._used_at = 0.0

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """What `Ledger.begin` does. After an error the next transaction begins on another one."""
        if not self._turn.acquire(blocking=False):
            with self._ledger.begin() as connection:
                yield connection
            return
        try:
            with self._ledger.writing_on(self._fresh()) as connection:
                yield connection
            self._used_at = time.monotonic()
        except BaseException:
            self._give_back()
            raise
        finally:
            self._turn.release()

    def _fresh(self) -> Connection:
        if not self._ledger.is_sqlite or time.monotonic() - self._used_at > KEPT_SECONDS:
            self._give_back()
        if self._kept is None:
            self._kept = self._ledger.connected()
        return self._kept

    def close(self) -> None:
        """Give it back to the pool."""
        with self._turn:
            self._give_back()

    def _give_back(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()
