"""Work that may not take longer than so many seconds: whoever asked goes on without it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")


class TimeIsUp(Exception):
    """Work did not end in its time. It is for whoever asked to say what follows."""


class TimeLimited:
    """Work under a name, each time in a thread of its own that is waited for no longer than ``seconds``.

    What hangs cannot be ended from outside: it is left behind, and dies with the process. As long as ``most_left`` of
    a name are there nothing else of it is begun, so that what hangs does not pile up, nor cost its time again.
    """

    def __init__(self, most_left: int = 1) -> None:
        self._most_left = most_left
        self._left: dict[str, list[threading.Thread]] = {}

    def run(self, name: str, work: Callable[[], R], seconds: float) -> R:
        """What ``work`` returns or raises. Raises TimeIsUp where it does not end in ``seconds``, or ``most_left``
        earlier ones of this name still have not."""
        self._left[name] = [one for one in self._left.get(name, ()) if one.is_alive()]
        if len(self._left[name]) >= self._most_left:
            raise TimeIsUp("it still has not ended what it was asked before")
        told: list[R] = []
        failed: list[BaseException] = []

        def answer() -> None:
            try:
                told.append(work())
            except BaseException as failure:  # raised again where it was asked for
                failed.append(failure)

        thread = threading.Thread(target=answer, name=f"limited {name}", daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            self._left[name].append(thread)
            raise TimeIsUp(f"it did not end within {seconds:g} s")
        if failed:
            raise failed[0]
        return told[0]


CHALLENGERS = TimeLimited()
"""Releases that are asked beside the champion: which of them hangs in this process is known to all that ask."""
