"""The second tier of inputs: features that have surely changed by less than would be an alarm.

It raises nothing, halts nothing and starts no training: nearly everything changes a little. It is kept beside the other
figures, for whoever asks later since when a feature is not what the model learnt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from decisionloop.contract.problem import Feature
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.distance import distance
from decisionloop.monitor.compare.profile import FrameProfile, Reference
from decisionloop.monitor.compare.shift_words import percent
from decisionloop.monitor.compare.small_change import evidence_of_change
from decisionloop.monitor.compare.windows import Watched, Window, window_of

MONITOR = "input_change"


def changing_features(terms: Terms, reference: Reference) -> tuple[Feature, ...]:
    """The features that can be asked: each is one check of the family's budget."""
    return tuple(one for one in terms.use_case.features if one.name in reference.bins.by_name)


def judge_input_change(
    terms: Terms, batches: Sequence[Watched[FrameProfile]], reference: Reference, alpha: float
) -> Iterator[Finding]:
    """One finding a feature: the share of its values that moved, and whether it is sure that any did.

    ``batches``: in the bins of the reference, newest last, the one at hand among them. The figure is of the last so
    many of them that gave most of the evidence.
    """
    entities = accumulate((one.entities for one in reversed(batches)), lambda one, other: one + other)
    returning = [one.repetition for one in entities]
    windows: dict[int, Window[FrameProfile]] = {}
    for feature in changing_features(terms, reference):
        bins, before = reference.bins.by_name[feature.name], reference.profile.cells(feature.name)
        counts = [one.counts.cells(feature.name) for one in batches]
        evidence = evidence_of_change(counts, returning, before, not bins.is_category, alpha)
        window = windows.setdefault(evidence.batches, window_of(batches[-evidence.batches :]))
        apart = distance(window.counts.cells(feature.name), before, alpha, window.repetition)
        is_sure, moved = evidence.is_sure(alpha), apart.figure.value or 0.0
        words = f"{window.words}{feature.wording}: has not surely changed at all."
        if is_sure:
            words = f"{window.words}{feature.wording}: surely changed; small, {percent(moved)} of the values moved."
        yield Finding(
            family="inputs",
            monitor=MONITOR,
            slice=f"feature={feature.name}",
            figure=apart.figure,
            threshold=0.0,
            bound=max(moved, 1e-9) if is_sure else 0.0,
            direction="above",
            alpha=alpha,
            words=words,
            suggestion="Nothing needs to be done. Remember it where something else is not as it was.",
            against=reference.against,
            stake=terms.stakes.of_feature(feature.name).of_share(moved),
            batches=window.batches,
            is_notice=True,
        )
