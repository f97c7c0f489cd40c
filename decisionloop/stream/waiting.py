"""Who waits to be decided, and who of them is decided together."""

from __future__ import annotations

import collections
import threading
from collections.abc import Sequence

from decisionloop.stream.asked import Asked, AskedRow, Busy

MOST_WAITING, MOST_ROWS_WAITING = 256, 20_000
"""Requests that wait, and their rows; whoever comes then is told to come again."""
MOST_ROWS = 500
"""Rows that are decided together."""
LARGE_ROWS = 100
"""A request of more rows stands alone: others are decided in between (`stream/decider.py`)."""
PAUSE_SHARE, LONGEST_PAUSE_SECONDS = 0.25, 0.02
"""How long it is waited for another request to be decided together with those that wait: a share of what deciding the
last group took."""


class Waiting:
    """Requests in the order in which they came; one thread takes them."""

    def __init__(self) -> None:
        self._waiting: collections.deque[Asked] = collections.deque()
        self._rows = 0
        self._news, self._is_over, self._is_called = threading.Condition(), False, False
        self._wanted, self._pause = 1, 0.0

    def add(self, asked: Asked) -> None:
        """Let a request wait. Raises Busy where too many do."""
        with self._news:
            rows = len(asked.rows) + self._rows
            if len(self._waiting) >= MOST_WAITING or rows > MOST_ROWS_WAITING or self._is_over:
                raise Busy
            self._waiting.append(asked)
            self._rows = rows
            if len(self._waiting) >= self._wanted:
                self._news.notify()

    def end(self) -> None:
        """Let nobody come any more."""
        with self._news:
            self._is_over = True
            self._news.notify()

    def call(self) -> None:
        """Let :meth:`next` return, although nobody waits."""
        with self._news:
            self._is_called = True
            self._news.notify()

    def took(self, seconds: float) -> None:
        """Say how long deciding the last group took."""
        self._pause = min(PAUSE_SHARE * seconds, LONGEST_PAUSE_SECONDS)

    def next(self) -> list[Asked] | None:
        """Who is decided together: requests as of now, of different entities; None at the end.

        It waits for somebody; nobody is in it where :meth:`call` was called.
        """
        with self._news:
            self._await_company()
            if not self._waiting:
                return None if self._is_over else []
            group = self._together([*self._waiting])
            self._wanted = max(1, len(group))
            return group

    def meanwhile(self) -> list[Asked]:
        """Who is decided between two parts of a large request, none of them large; it waits for nobody."""
        with self._news:
            return self._together([one for one in self._waiting if not is_large(one)])

    def _await_company(self) -> None:
        """Wait for somebody, and, where the last group was several, until as many are there or nobody else comes.

        Those who were just answered ask again. To decide many takes hardly longer than one, so that without this pause
        two halves would take turns at twice the work. Who asks alone never waits.
        """
        wanted, self._wanted = self._wanted, 1
        while not self._waiting and not self._is_over and not self._is_called:
            self._news.wait()
        self._wanted, self._is_called, seen = wanted, False, 0
        while seen < len(self._waiting) < wanted and not self._is_over:
            seen = len(self._waiting)
            self._news.wait(self._pause)

    def _together(self, candidates: Sequence[Asked]) -> list[Asked]:
        """Take out the first of them, and those next to it that may be decided with it."""
        group: list[Asked] = []
        entities: set[str] = set()
        for one in candidates:
            own = {row.entity for row in one.rows}
            if group and (_is_apart(one, group) or len(entities) + len(own) > MOST_ROWS or entities & own):
                break
            self._waiting.remove(one)
            self._rows -= len(one.rows)
            if one.told.set_running_or_notify_cancel():  # else nobody waits for it any more
                group.append(one)
                entities |= own
        return group


def is_large(asked: Asked) -> bool:
    """Whether a request is decided in parts, with others in between."""
    return len(asked.rows) > LARGE_ROWS


def parts_of(rows: Sequence[AskedRow]) -> list[Sequence[AskedRow]]:
    """The rows of a large request part by part, in their order."""
    return [rows[start : start + LARGE_ROWS] for start in range(0, len(rows), LARGE_ROWS)]


def _is_apart(one: Asked, group: Sequence[Asked]) -> bool:
    return one.decided_at is not None or group[0].decided_at is not None or is_large(one) or is_large(group[0])
