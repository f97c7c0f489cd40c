"""What another thread has found out, handed over to the event loop that waits for it: a whole group at once."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

T = TypeVar("T")


class HandingOver:
    """Lets an event loop await what a thread answers.

    `asyncio.wrap_future` wakes the loop for each; a group that is answered together wakes it once.
    """

    def __init__(self) -> None:
        self._done: list[tuple[asyncio.Future[Any], Future[Any]]] = []
        self._lock = threading.Lock()

    async def awaited(self, told: Future[T]) -> T:
        """What ``told`` becomes, or raises. Whoever gives up waiting cancels it, if it was not begun."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()

        def done(ended: Future[T]) -> None:  # in the thread that answers
            with self._lock:
                self._done.append((waiting, ended))
                is_first = len(self._done) == 1
            if is_first and not loop.is_closed():
                loop.call_soon_threadsafe(self._hand_over)

        told.add_done_callback(done)
        try:
            return await waiting
        except asyncio.CancelledError:
            told.cancel()
            raise

    def _hand_over(self) -> None:
        """Everything that is done by now; what comes later wakes the loop again."""
        with self._lock:
            done, self._done = self._done, []
        for waiting, ended in done:
            if waiting.done():  # nobody waits any more
                continue
            try:
                waiting.set_result(ended.result(timeout=0))  # every question takes its lock: one is enough
            except CancelledError:
                waiting.cancel()
            except Exception as failure:
                waiting.set_exception(failure)
