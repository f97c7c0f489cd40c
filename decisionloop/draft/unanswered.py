"""What a table does not say of itself and a person must: which column has a role, and what can be answered."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.errors import UsageError


class Unanswered(UsageError):
    """No column is known to have a role: ``role`` is the option that names it, ``choices`` what it may name.

    ``left``: how many such questions are open, this one included.
    """

    def __init__(self, role: str, choices: Sequence[str], message: str, left: int = 1) -> None:
        self.role, self.choices, self.left = role, tuple(choices), left
        super().__init__(message)
