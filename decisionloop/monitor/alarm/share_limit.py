"""Limits of the checks that look before anything acts, in shares of a batch: tolerance, money, and the halt."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.monitor.alarm.finding import Stakes


@dataclass(frozen=True)
class ShareLimit:
    """A change is an alarm where it surely exceeds ``threshold``, and halts where it surely exceeds ``halting``."""

    threshold: float
    halting: float

    @classmethod
    def of(cls, tolerance: float, halting: float, stakes: Stakes, minimum_money: float) -> ShareLimit:
        """The limit for a ``tolerance`` (a share), raised to the share from which ``minimum_money`` is at stake.

        What must halt is always an alarm too, so the threshold never exceeds ``halting``.
        """
        return cls(min(max(tolerance, _share_worth(minimum_money, stakes)), halting), halting)

    def is_halting(self, bound: float | None) -> bool:
        """Whether a change whose lower bound this is must stop the batch."""
        return bound is not None and bound > self.halting


def _share_worth(money: float, stakes: Stakes) -> float:
    """The share of decisions whose wrong choice costs so much money a decision; 0 where nobody can say."""
    if money <= 0 or stakes.worth is None:
        return 0.0
    return money / stakes.worth if stakes.worth > 0 else float("inf")
