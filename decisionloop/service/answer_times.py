"""Keeping how long answers took: behind them, so that nobody waits for it, and a second's worth at a time."""

from __future__ import annotations

import collections
import logging
import threading
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from decisionloop.errors import ConfigurationError
from decisionloop.ledger.answer_times import AnswerTime, append_answer_times
from decisionloop.ledger.schema import utc_now
from decisionloop.service.ledger_access import LedgerAccess

LOG = logging.getLogger("decisionloop.service")
KEEP_SECONDS = 1.0
MOST_WAITING = 20_000
"""While the ledger is away so many are remembered; the oldest are forgotten."""


class AnswerTimes:
    """A thread that keeps how long answers took; what a killed process had not kept yet nobody knows."""

    def __init__(self, access: LedgerAccess) -> None:
        self._access = access
        self._waiting: collections.deque[AnswerTime] = collections.deque(maxlen=MOST_WAITING)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="answer times", daemon=True)

    def begin(self) -> None:
        """Start keeping."""
        self._thread.start()

    def end(self) -> None:
        """Keep what waits, and stop."""
        self._is_over.set()
        self._thread.join(timeout=5)

    def tell(self, decision_ids: Sequence[str], waited_ms: float) -> None:
        """Let it be kept that these decisions were answered after so many milliseconds."""
        now = utc_now()
        self._waiting.extend(AnswerTime(one, round(waited_ms, 3), now) for one in decision_ids)

    def _go_on(self) -> None:
        while not self._is_over.wait(KEEP_SECONDS):
            self._keep()
        self._keep()

    def _keep(self) -> None:
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not waiting:
            return
        try:
            append_answer_times(self._access.opened(), waiting)
        except (ConfigurationError, SQLAlchemyError) as error:
            LOG.warning("how long answers took is not kept yet", extra={"error": type(error).__name__})
            self._waiting.extendleft(reversed(waiting))
