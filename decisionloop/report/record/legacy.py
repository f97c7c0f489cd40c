"""What the page says beside another system: who agrees with it, and what others would have earned, if that is known."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.report.record.estimate import Estimate


@dataclass(frozen=True)
class AgreementLine:
    """How many of another system's decisions somebody would have made alike; ``by_action``: by what was done, its name,
    decisions and those that it agrees on."""

    who: str
    release_id: str
    decisions: int
    agreed: int
    by_action: tuple[tuple[str, int, int], ...]

    @property
    def share(self) -> float:
        """Of all decisions that were counted, of which there are some."""
        return self.agreed / self.decisions


@dataclass(frozen=True)
class BesideMoney:
    """What somebody would have earned a decision, and how much more than was: of ``told`` of ``decisions``.

    ``untold``: decisions of the rest that it would have taken otherwise, by an action whose outcome nobody has seen.
    """

    who: str
    release_id: str
    value: Estimate
    gain: Estimate
    told: int
    decisions: int
    untold: int


@dataclass(frozen=True)
class LegacyLines:
    """Decisions of another system, of which ``unknown`` have a propensity that nobody knows.

    ``left_out``: those that could not be told, by why, with the remedy.
    """

    decisions: int
    unknown: int
    left_out: tuple[tuple[str, int, str], ...]
    agreements: tuple[AgreementLine, ...]
    money: tuple[BesideMoney, ...]
