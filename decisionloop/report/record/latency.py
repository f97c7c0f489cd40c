"""What became of decisions beside how long their answers took, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.report.record.estimate import Estimate


@dataclass(frozen=True)
class LatencyBand:
    """Decisions whose answer took longer than ``above_ms`` and at most ``to_ms`` (None: no limit).

    Of ``decisions`` ``revealing`` took an action that shows the outcome, and of ``known`` of these it has come:
    ``conversion`` is of them, a share. ``money`` is of a decision, in currency.
    """

    above_ms: float
    to_ms: float | None
    decisions: int
    revealing: int
    known: int
    conversion: Estimate
    money: Estimate


@dataclass(frozen=True)
class AnswerLatency:
    """The last decisions whose outcomes are due and whose answers were timed, in bands of the time that they took.

    ``within`` and ``late``: those within ``budget_ms`` and those beyond; ``change``: how much the rate of yes is higher
    among the late ones, a share. ``is_cut``: there are more than were read. Money unknown: nobody asked for it.
    """

    budget_ms: float
    bands: tuple[LatencyBand, ...]
    within: LatencyBand
    late: LatencyBand
    change: Estimate
    is_cut: bool

    @property
    def decisions(self) -> int:
        """All of them."""
        return self.within.decisions + self.late.decisions
