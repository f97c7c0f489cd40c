"""Under which agreement the parts of a batch log what was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from decisionloop.ledger.batch_parts import PartKind


@dataclass(frozen=True)
class Signature:
    """By whom and when a batch is decided, and which choice counts: the policy's, or the rules' in its place.

    ``trial``: the release that was on trial where anybody was chosen for by it, whatever has become of it since.
    ``beside``: the batches that had decided in an overlapping span when it was last made sure that they share nobody.
    """

    champion: str
    rules: str
    decided_at: datetime
    choice: PartKind
    beside: frozenset[str]
    trial: str | None = None

    @property
    def is_of_others(self) -> bool:
        """Whether another system has decided: then nothing here could have decided otherwise."""
        return self.choice == "legacy_choice"

    @property
    def is_by_rules(self) -> bool:
        """Whether the rules decide everything and explore nothing, as under the kill switch or after a rollback."""
        return self.choice == "rules_choice"

    @property
    def is_default_for_all(self) -> bool:
        """Whether everybody gets the default action."""
        return self.choice == "default_choice"
