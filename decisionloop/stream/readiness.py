"""Whether a use case can be decided, by what was seen last: of made-up rows, and of those who asked."""

from __future__ import annotations

import logging

from sqlalchemy.exc import SQLAlchemyError

from decisionloop.errors import ConfigurationError, ContractError
from decisionloop.ledger.storage.refusals import LedgerRefuses, is_refusal, refusal_sentences
from decisionloop.masking import masked

LOG = logging.getLogger("decisionloop.stream")
FIRST_REQUESTS = 3
"""On so many the rules must fail, after all made-up rows and before anybody is decided, to be taken for broken."""


class Readiness:
    """What is known of whether somebody who asks now is decided.

    Made-up rows alone block nobody: rules may not understand them and decide real ones. Nor does any request once
    somebody was decided, for it may be the only one of its kind.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.is_warm = False
        self._why_not, self._has_succeeded, self._failed = "", False, 0

    def succeeded(self) -> None:
        """Somebody was decided, or made-up rows were."""
        self.is_warm, self._why_not, self._has_succeeded = True, "", True

    def made_up_rows_failed(self, error: Exception) -> None:
        """Without its ledger or contract nobody can be decided; any other failure tells only of these rows."""
        if isinstance(error, ConfigurationError | SQLAlchemyError):
            self._is_kept_back(error)
            return
        self.is_warm, self._why_not = True, ""
        told = "made-up rows could not be decided; whoever asks is tried all the same"
        LOG.warning(told, exc_info=error, extra={"detail": self._name})

    def request_failed(self, error: Exception) -> Exception:
        """What whoever asked is told in the place of an error."""
        if isinstance(error, SQLAlchemyError) and is_refusal(error):
            self._is_kept_back(error)
            return LedgerRefuses(refusal_sentences(error))
        if isinstance(error, ContractError) and not self._has_succeeded:
            self._failed += 1
        return error

    def why_not(self) -> str:
        """Why nobody can be decided; "" where somebody can, as far as is known."""
        if not self.is_warm:
            return self._why_not or "what decides is being loaded. Ask again in a moment."
        if self._has_succeeded or self._failed < FIRST_REQUESTS:
            return ""
        return (
            f"the rules failed on made-up rows and on {self._failed} requests, and have decided nobody; the log says "
            "where. Mend them, and restart the service."
        )

    def _is_kept_back(self, error: ConfigurationError | SQLAlchemyError) -> None:
        """It is told once, however often it is tried."""
        why = refusal_sentences(error) if isinstance(error, SQLAlchemyError) else masked(str(error))
        if self.is_warm or why != self._why_not:
            LOG.warning(
                "nobody can be decided", extra={"error": type(error).__name__, "detail": f"{self._name}: {why}"}
            )
        self.is_warm, self._why_not = False, why
