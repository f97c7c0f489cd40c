"""Outputs before anything acts: scores against the release's reference, scores and actions against the last batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.monitor.alarm.share_limit import ShareLimit
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.bins import range_labels
from decisionloop.monitor.compare.distance import CONFIDENCE, distance, largest_rate, smallest_rate
from decisionloop.monitor.compare.output_profile import ALL, ActionProfile, Cells
from decisionloop.monitor.compare.score_shift import ScoreProfile, ScoreReference
from decisionloop.monitor.compare.shift_words import chart, percent, what_changed
from decisionloop.monitor.compare.variation import tolerated_shift, variation_of
from decisionloop.observe.cohort import Figure
from decisionloop.observe.estimate import Estimate

_MODEL = "Look at the inputs' findings first; where no input moved, compare the model that was loaded with the release."
_POLICY = "Compare with the scores' findings; if the scores are as usual, look at what changed in the policy."


@dataclass(frozen=True)
class ReleaseScores:
    """The batch's scores in the bins of its release's reference."""

    current: ScoreProfile
    reference: ScoreReference


@dataclass(frozen=True)
class _Kind:
    """What is asked of scores or of actions, and how it is told; ``words`` has a place for the share that moved.

    ``halting``: the share from which a change stops the batch.
    """

    monitor: str
    labels: tuple[str, ...]
    against: str
    words: str
    suggestion: str
    halting: float = 1.0


@dataclass(frozen=True)
class _Check:
    """One question about one slice, a ``part`` of the batch: counts (cells,) now and before."""

    kind: _Kind
    slice: str
    now: Cells
    before: Cells
    part: float = 1.0
    natural: float | None = None


def judge_outputs(
    terms: Terms, current: ActionProfile, recent: Sequence[ActionProfile], scores: ReleaseScores | None
) -> tuple[Finding, ...]:
    """Findings about the scores and actions of a batch before it acts; none about an empty batch.

    Args:
        current: what the policy chose.
        recent: the same of the last batches that this release decided, oldest first.
        scores: the deciding model's scores; None for rules.

    Monitors: ``score_shift`` of all scores against "release", and of each slice against "recent" where the profiles
    count scores; it never halts, guardrails.maximum_score_shift does. ``action_shift`` of all decisions and of each
    slice against "recent"; that of all decisions halts above guardrails.maximum_action_shift. What is usual between
    the batches of ``recent`` is tolerated (`monitor.variation`). Each check that is made has the same part of the
    family's budget. A slice's money at stake counts only its part of the batch. Raises UsageError where profiles
    are of different actions, slices or bins.
    """
    if not current.rows:
        return ()
    checks = [*_release_checks(scores), *_recent_checks(terms.use_case, current, recent, scores)]
    if not checks:
        return ()
    alpha = terms.budget.alpha("outputs", len(checks))
    return tuple(_finding(terms, check, alpha) for check in checks)


def action_shares(profile: ActionProfile, release_id: str | None = None) -> Iterator[Figure]:
    """Share of each action in a batch with its exact 95 % interval; the slice is "action=name"."""
    n, half = profile.rows, (1 - CONFIDENCE) / 2
    for name, hits in zip(profile.actions, profile.counts[ALL], strict=True):
        if n:
            low, high = smallest_rate(hits, n, half), largest_rate(hits, n, half)
            share = Estimate(hits / n, low, high, n, float(n), CONFIDENCE)
            yield Figure("action_share", share, f"action={name}", release_id)


def _release_checks(scores: ReleaseScores | None) -> Iterator[_Check]:
    """All scores against the release's reference."""
    if scores is None or not sum(scores.current.counts):
        return
    now, reference = np.array(scores.current.counts, dtype=np.int64), scores.reference
    before = np.rint(np.array(reference.shares) * reference.n).astype(np.int64)
    means = f"the mean is {scores.current.total / int(now.sum()):.3g} (before {reference.mean:.3g})"
    words = f"Scores: {{moved}} of them moved since the release; {means}"
    kind = _Kind("score_shift", _score_labels(reference), "release", words, _MODEL)
    yield _Check(kind, ALL, now, before)


def _recent_checks(
    use_case: UseCase, current: ActionProfile, recent: Sequence[ActionProfile], scores: ReleaseScores | None
) -> Iterator[_Check]:
    """Actions of all decisions and of each slice, and scores of each slice, against the last batches."""
    actions = tuple(action.wording for action in use_case.actions)
    for name in current.counts:
        whom = "" if name == ALL else f" where {name.replace('=', ' is ')}"
        words = f"Decisions{whom}: {{moved}} of them got another action than in the last batches"
        halting = use_case.guardrails.maximum_action_shift if name == ALL else 1.0
        kind = _Kind("action_shift", actions, "recent", words, _POLICY, halting)
        batches = [one.cells(name) for one in recent]
        yield from _against(use_case, current, kind, name, current.cells(name), batches)
        if name != ALL and scores is not None and current.scores:
            words = f"Scores{whom}: {{moved}} of them moved since the last batches"
            kind = _Kind("score_shift", _score_labels(scores.reference), "recent", words, _MODEL)
            batches = [one.score_cells(name) for one in recent if one.scores]
            yield from _against(use_case, current, kind, name, current.score_cells(name), batches)


def _against(
    use_case: UseCase,
    current: ActionProfile,
    kind: _Kind,
    name: str,
    now: Cells,
    batches: Sequence[Cells],
) -> Iterator[_Check]:
    """The check of one slice against earlier ``batches``, oldest first, where both have rows."""
    before = np.sum(batches, axis=0) if batches else np.zeros_like(now)
    if now.sum() and before.sum():
        natural = variation_of(name, batches, use_case.monitors.minimum_shift)
        part = float(current.cells(name).sum()) / current.rows
        yield _Check(kind, name, now, before, part, None if natural is None else natural.threshold)


def _score_labels(reference: ScoreReference) -> tuple[str, ...]:
    return range_labels(reference.bin_edges, is_whole=False)


def _finding(terms: Terms, check: _Check, alpha: float) -> Finding:
    monitors, stakes = terms.use_case.monitors, terms.stakes
    tolerance = tolerated_shift(monitors.minimum_shift, check.natural)
    worth = Stakes(None if stakes.worth is None else stakes.worth * check.part)
    limit = ShareLimit.of(tolerance, check.kind.halting, worth, monitors.minimum_money)
    apart = distance(check.now, check.before, alpha)
    moved = apart.figure.value or 0.0
    words = check.kind.words.format(moved=percent(moved))
    if apart.bound > limit.threshold:
        words += f": {what_changed(check.kind.labels, check.before, check.now)}"
    return Finding(
        family="outputs",
        monitor=check.kind.monitor,
        slice=check.slice,
        figure=apart.figure,
        threshold=limit.threshold,
        bound=apart.bound,
        direction="above",
        alpha=alpha,
        words=f"{words}.",
        suggestion=check.kind.suggestion,
        against=check.kind.against,
        stake=worth.of_share(moved),
        chart=chart(check.kind.labels, check.before.tolist(), check.now.tolist()),
        release_id=terms.release_id,
        is_halting=limit.is_halting(apart.bound),
    )
