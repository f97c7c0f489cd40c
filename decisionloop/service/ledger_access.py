"""The ledger of a process that goes on living while its database does not."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from decisionloop.errors import ConfigurationError
from decisionloop.settings import Settings

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger


@dataclass
class LedgerAccess:
    """The ledger of an installation, opened when it is first needed and can be. It is never migrated from here."""

    settings: Settings
    _ledger: Ledger | None = None
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def opened(self) -> Ledger:
        """The ledger. Raises ConfigurationError while it cannot be opened, or is not at this version's revision."""
        from decisionloop.ledger.storage.engine import open_ledger

        with self._opening:
            if self._ledger is None:
                impatient = replace(self.settings.ledger_tuning, retry_seconds=0.0)
                self._ledger = open_ledger(self.settings.resolved_ledger_url(), impatient)
            return self._ledger

    def why_not_ready(self) -> str:
        """Why nothing can be read or stored now; empty where it can."""
        from sqlalchemy.exc import DBAPIError

        from decisionloop.ledger.storage.refusals import refusal_sentences
        from decisionloop.ledger.storage.revision import check_revision, current_revision

        try:
            ledger = self.opened()
            with ledger.connect() as connection:
                check_revision(current_revision(connection), ledger.name)
        except ConfigurationError as error:
            return str(error)
        except DBAPIError as error:
            return f"{refusal_sentences(error)} `decisionloop doctor` says which it is."
        return ""

    def close(self) -> None:
        """Give the connections back."""
        if self._ledger is not None:
            self._ledger.close()
