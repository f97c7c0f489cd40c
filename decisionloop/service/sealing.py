"""Sealing what was decided, every few minutes, in a process of its own: no request waits for it."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from decisionloop.errors import ConfigurationError
from decisionloop.service.deciding import OnlineUseCase
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.stream.periods import has_to_seal

LOG = logging.getLogger("decisionloop.service")
LOOK_SECONDS = 30.0
"""How often it is looked whether something is to be sealed."""


class Sealer:
    """A thread that runs ``decisionloop seal`` for every use case whose minutes are over."""

    def __init__(self, access: LedgerAccess, online: Sequence[OnlineUseCase]) -> None:
        self._access, self._online = access, online
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="sealer", daemon=True)

    def begin(self) -> None:
        """Seal what waits from earlier, and go on."""
        self._thread.start()

    def end(self) -> None:
        """Stop; what is not sealed waits in the ledger."""
        self._is_over.set()
        self._thread.join(timeout=5)

    def _go_on(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            for one in self._online:
                self._seal(one)

    def _seal(self, one: OnlineUseCase) -> None:
        name = one.use_case.name
        try:
            if not has_to_seal(self._access.opened(), one.use_case):
                return
        except (ConfigurationError, SQLAlchemyError) as error:
            LOG.warning("the ledger cannot be used", extra={"error": type(error).__name__})
            return
        command = [sys.executable, "-m", "decisionloop.cli", "seal", name, "--ended"]
        # What it says may name people: it is not for this log.
        ended = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while ended.poll() is None:
            if self._is_over.wait(0.5):
                return  # it goes on by itself, and so would another one
        if ended.returncode:
            LOG.error("sealing failed; `decisionloop seal` says why", extra={"detail": name})
        else:
            LOG.info("sealed", extra={"detail": name})
