"""Harm of a release that no outcome is needed to see, beside the champion on the same rows, batch after batch.

Each check is a bound that holds at any number of rows, at a part of `shadow.error` (`looks`); so a release that does
no harm is stopped with a chance of so much at most, however long it is watched. Each asks two things: is a limit surely
crossed, and is it the release's doing? What the champion does on the same rows as well is the batch's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from decisionloop.contract import UseCase
from decisionloop.monitor.canary.actions import action_harm
from decisionloop.monitor.canary.calls import TimedCalls, slow_words
from decisionloop.monitor.canary.groups import group_harm
from decisionloop.monitor.canary.looks import TOGETHER, Look
from decisionloop.monitor.canary.sample_ratio import Drawn, mismatch
from decisionloop.monitor.canary.values import score_harm, value_harm
from decisionloop.monitor.compare.windows import EntitySketch, Watched, Window, window_of
from decisionloop.monitor.shadow.counts import BesideCounts, ScoreCounts

Kind = Literal["sample_ratio", "latency", "values", "actions", "adverse_impact"]


@dataclass(frozen=True)
class TrialBatch:
    """What is kept of a release on one batch; what could not be asked is None. ``entities``: who was in it.

    ``scores``: None also where the inputs have surely moved, of which other scores are no wonder.
    """

    counts: BesideCounts | None
    entities: EntitySketch | None = None
    drawn: Drawn | None = None
    calls: TimedCalls | None = None
    scores: ScoreCounts | None = None


@dataclass(frozen=True)
class Harm:
    """One kind of harm that a release surely does, in a sentence."""

    kind: Kind
    words: str


def harms(use_case: UseCase, batches: Sequence[TrialBatch]) -> tuple[Harm, ...]:
    """By what a release surely does harm, as seen at the last of its ``batches`` beside one champion, oldest first.

    One sentence of each kind, of the last batch alone where that is sure.
    """
    found = {one.kind: one for one in reversed([*_by_trial(use_case, batches), *_by_counts(use_case, batches)])}
    return tuple(
        found[kind] for kind in ("sample_ratio", "latency", "values", "actions", "adverse_impact") if kind in found
    )


def _by_trial(use_case: UseCase, batches: Sequence[TrialBatch]) -> Iterator[Harm]:
    """What is asked of a release on trial alone."""
    if not batches:
        return
    error = use_case.shadow.error
    drawn = [(one.drawn, one.entities) for one in batches if one.drawn is not None]
    found = mismatch(drawn, error) if batches[-1].drawn is not None else None
    if found is not None:
        yield Harm("sample_ratio", found.words)
    calls = [one.calls for one in batches if one.calls is not None]
    words = slow_words(calls, error) if batches[-1].calls is not None else ""
    if words:
        yield Harm("latency", words)


def _by_counts(use_case: UseCase, batches: Sequence[TrialBatch]) -> Iterator[Harm]:
    """What both said and would do, in the last batch and in all of them, as far as the contract is the same."""
    counted = [one for one in batches if one.counts is not None and one.counts.is_of(use_case)]
    if not counted or counted[-1] is not batches[-1]:
        return
    scores, entities = batches[-1].scores, batches[-1].entities
    if scores is not None:
        look = Look(len(counted), use_case.shadow.error, 1.0 if entities is None else entities.repetition)
        yield from (Harm("values", words) for words in score_harm(use_case, scores, look))
    for window in _windows(counted[-TOGETHER:]):
        look = Look(len(counted), use_case.shadow.error, window.repetition)
        yield from (Harm("values", words) for words in value_harm(use_case, window.counts, look))
        yield from (Harm("actions", words) for words in action_harm(use_case, window.counts, look))
        yield from (Harm("adverse_impact", words) for words in group_harm(use_case, window.counts.groups, look))


def _windows(batches: Sequence[TrialBatch]) -> Iterator[Window[BesideCounts]]:
    """The last batch, and all of these where it is known who is in each."""
    last = batches[-1]
    assert last.counts is not None  # these are the batches that were counted
    yield Window(1, last.counts, 1.0 if last.entities is None else last.entities.repetition)
    known = [
        Watched(one.counts, one.entities) for one in batches if one.counts is not None and one.entities is not None
    ]
    if 1 < len(known) == len(batches):
        yield window_of(known)
