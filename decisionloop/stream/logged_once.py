"""What is wrong with the reasons of rules is logged once, for it may be so in every request."""

from __future__ import annotations

import logging

from decisionloop.errors import ContractError

LOG = logging.getLogger("decisionloop.stream")


class LoggedOnce:
    """Logs each fault of the rules of a use case once in a process, without what their code or the rows said."""

    def __init__(self, use_case: str) -> None:
        self._use_case = use_case
        self._logged: set[tuple[str, str]] = set()

    def __call__(self, failed: ContractError) -> None:
        """Log what is new in ``failed``."""
        for fault in failed.without_quotes().faults:
            if (fault.path, fault.value) not in self._logged:
                self._logged.add((fault.path, fault.value))
                told = "rules gave no reason; their action stands, and decisions say that they gave none"
                LOG.warning(told, extra={"detail": f"{self._use_case}: {fault}"})
