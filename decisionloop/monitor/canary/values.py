"""Harm that is seen in what a release says: nothing of some rows, the wrong order, other scores than in training."""

from __future__ import annotations

from collections.abc import Iterator

from decisionloop.contract import UseCase
from decisionloop.monitor.canary.looks import Look
from decisionloop.monitor.compare.distance import distance
from decisionloop.monitor.shadow.counts import BesideCounts, ScoreCounts

SILENT_ROWS = 20
"""Entities of a slice after which it is no chance that a release values none of them and the champion does."""
AGAINST = 0.6
"""Share of pairs that a release puts in the opposite order to the champion's; chance alone would make it half."""


def value_harm(use_case: UseCase, counts: BesideCounts, look: Look) -> Iterator[str]:
    """What is surely wrong with what it says of the rows, in sentences."""
    most = use_case.shadow.maximum_nan_share
    whole = [one for one in counts.silence if one.silent == one.rows and one.rows / look.repetition >= SILENT_ROWS]
    if whole:
        worst = max(whole, key=lambda one: one.rows)
        yield f"It values nobody with {worst.slice} ({worst.rows:,} rows), whom the champion values."
    if look.surely_above(counts.silent, counts.rows) > most:
        share = f"{counts.silent / counts.rows:.1%} of the rows"
        yield f"It values {share} at NaN that the champion values, and {most:.1%} are allowed."
    pairs = counts.agreeing + counts.against
    if look.surely_above(counts.against, pairs) > AGAINST:
        share = f"{counts.against / pairs:.0%} of {pairs:,} pairs of rows"
        yield f"It puts {share} in the opposite order to the champion's."


def score_harm(use_case: UseCase, scores: ScoreCounts, look: Look) -> Iterator[str]:
    """That its scores are surely not those of its training, by more than a champion's may be before it is stopped."""
    if not sum(scores.now) or not sum(scores.reference):
        return
    most = use_case.guardrails.maximum_score_shift
    found = distance(scores.now, scores.reference, look.alpha(), look.repetition)
    if found.bound > most:
        moved = f"{found.figure.value or 0.0:.0%} of its scores have moved from those of its training"
        yield f"{moved}, more than the {most:.0%} for which a champion is stopped, and the inputs have not."
