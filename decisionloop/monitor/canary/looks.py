"""How the chance of stopping a harmless release is spent: on every check, and on every batch that may come."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.monitor.compare.distance import largest_rate, smallest_rate

CHECKS = 8
"""Kinds of harm that chance could feign, the sample ratio among them: each has the same part of the error."""
WINDOWS = 2
"""At each look the batch at hand is judged alone, and with those before it."""
TOGETHER = 52
"""So many batches are judged together at most, the last ones; looks are counted from the first."""


def alpha_at(error: float, look: int, questions: int = 1) -> float:
    """The chance of error of each of so many ``questions`` that a check asks at the ``look``-th batch, from 1.

    1 / (k (k + 1)) sums to 1 over all looks k. So whatever later batches have in common with earlier ones, all checks
    at all looks together err with a chance of ``error`` at most (Bonferroni).
    """
    return error / (CHECKS * WINDOWS * max(1, questions) * look * (look + 1))


@dataclass(frozen=True)
class Look:
    """The ``number``-th look, from 1, at counts in which each entity is ``repetition`` times, and counts once."""

    number: int
    error: float
    repetition: float = 1.0

    def alpha(self, questions: int = 1) -> float:
        """The chance of error of each of so many questions."""
        return alpha_at(self.error, self.number, questions)

    def surely_above(self, hits: int, rows: int, questions: int = 1) -> float:
        """What a rate is surely above; 0 without a row."""
        return smallest_rate(hits / self.repetition, rows / self.repetition, self.alpha(questions)) if rows else 0.0

    def surely_below(self, hits: int, rows: int, questions: int = 1) -> float:
        """What a rate is surely below; 1 without a row."""
        return largest_rate(hits / self.repetition, rows / self.repetition, self.alpha(questions)) if rows else 1.0
