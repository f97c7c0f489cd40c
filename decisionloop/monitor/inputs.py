"""Inputs before the model acts: every feature against the training reference and the last accepted batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisionloop.contract.problem import Feature
from decisionloop.monitor.alarm.finding import Chart, Finding, Stakes
from decisionloop.monitor.alarm.share_limit import ShareLimit
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.distance import CONFIDENCE, Apart, distance, largest_rate, rise, smallest_rate
from decisionloop.monitor.compare.profile import FIRST_BATCH, TRAINING, FeatureBins, FrameProfile, Reference
from decisionloop.monitor.compare.shift_words import chart, median_label, percent, what_changed
from decisionloop.monitor.compare.variation import tolerated_shift
from decisionloop.monitor.compare.windows import Watched, Window, one_of_each
from decisionloop.monitor.input_change import changing_features, judge_input_change
from decisionloop.observe.estimate import Estimate

Counts = npt.NDArray[np.int64]

FAULT_SHARE = 0.5
"""Missing, unseen and vanished values are faults of the data more often than changes of the world: half of
the tolerated shift is an alarm."""
_CAUSE = "Ask who fills {name} whether its unit, coding or default changed. If the world did, retrain."
_GAP = "Ask who fills {name} why values are missing; the rules decide where the contract says never missing."
_NAMES = "Ask who fills {name} about its values; add new ones to the contract and retrain."


@dataclass(frozen=True)
class _Check:
    """One question about one feature: its counts (cells,) now and before, and what is at stake in it; over which
    window."""

    monitor: str
    feature: Feature
    bins: FeatureBins
    now: Counts
    before: Counts
    against: str
    limit: ShareLimit
    stakes: Stakes
    window: Window[FrameProfile]


def judge_inputs(
    terms: Terms,
    windows: Sequence[Window[FrameProfile]],
    reference: Reference,
    recent: Sequence[FrameProfile],
    variation: Mapping[str, float],
    together: Sequence[Watched[FrameProfile]] = (),
) -> tuple[Finding, ...]:
    """Findings about a batch's features; none about an empty batch.

    Args:
        windows: the batch at hand, then longer ones that end with it, in the bins of ``reference`` (the training set
            of the release that decides).
        recent: profiles of the last accepted batches in the same bins; together they are what was usual lately.
        variation: for some features the distance that is natural between batches (see `monitor.variation`).
        together: the batches of the longest window, oldest first; with them it is asked whether anything has changed
            at all (`monitor.input_change`).

    Monitors: ``input_shift`` (against the reference) and ``input_shift_recent`` ask for the share of values that moved,
    ``missing_share`` for a rise of it, ``unseen_categories`` for a rise of the share outside the contract, and
    ``vanished_categories`` for the reference's share of categories of which not one is left. What is compared with
    training is asked in every window, and told of the shortest that is sure. The checks of the batch at hand share a
    part of the family's budget, those of the windows the other (`AlarmBudget.split`). What in the batch at hand surely
    exceeds guardrails.maximum_feature_shift halts.
    Protected attributes raise nothing here. Raises UsageError where the bins differ.
    """
    for one in (*(window.counts for window in windows), reference.profile, *recent):
        one.require(reference.bins.digest)
    if windows[0].counts.rows == 0 or reference.profile.rows == 0:
        return ()
    lately = FrameProfile.total(one for one in recent if one.rows)
    checks = [check for window in windows for check in _checks(terms, window, reference, lately, variation)]
    first = sum(check.window.batches == 1 for check in checks)
    changing = changing_features(terms, reference) if together else ()
    alpha, of_windows = terms.budget.split("inputs", first, len(checks) - first + len(changing))
    found = (_JUDGES[check.monitor](check, alpha if check.window.batches == 1 else of_windows) for check in checks)
    # The value of an even shift lies below the truth in a small batch, so half of the limit has to show there.
    alarms = one_of_each(found, lambda shorter: (shorter.figure.value or 0.0) > shorter.threshold / 2)
    return (*alarms, *(judge_input_change(terms, together, reference, of_windows) if together else ()))


def _checks(
    terms: Terms,
    window: Window[FrameProfile],
    reference: Reference,
    lately: FrameProfile | None,
    variation: Mapping[str, float],
) -> Iterator[_Check]:
    """Everything that is looked at in one window; what was usual lately is compared with the batch at hand alone."""
    use_case, profile = terms.use_case, window.counts
    monitors, halting = use_case.monitors, use_case.guardrails.maximum_feature_shift
    # A feature that is newer than the reference has nothing to be compared with.
    for feature in (one for one in use_case.features if one.name in reference.bins.by_name):
        bins, now = reference.bins.by_name[feature.name], profile.cells(feature.name)
        before, at_stake = reference.profile.cells(feature.name), terms.stakes.of_feature(feature.name)
        tolerance = tolerated_shift(monitors.minimum_shift, variation.get(feature.name))
        shift, gaps, fault = (
            ShareLimit.of(tolerated, halting, at_stake, monitors.minimum_money)
            for tolerated in (tolerance, FAULT_SHARE * tolerance, FAULT_SHARE * monitors.minimum_shift)
        )
        yield _Check("input_shift", feature, bins, now, before, reference.against, shift, at_stake, window)
        if lately is not None and window.batches == 1:
            usual = lately.cells(feature.name)
            yield _Check("input_shift_recent", feature, bins, now, usual, "recent", shift, at_stake, window)
        yield _Check("missing_share", feature, bins, now, before, reference.against, gaps, at_stake, window)
        for monitor in ("unseen_categories", "vanished_categories") if bins.is_category else ():
            yield _Check(monitor, feature, bins, now, before, reference.against, fault, at_stake, window)


def _shift(check: _Check, alpha: float) -> Finding:
    apart = distance(check.now, check.before, alpha, check.window.repetition)
    labels, since = check.bins.labels, _name(check.against)
    words = f"{check.feature.wording}: {percent(apart.figure.value or 0.0)} of the values moved since {since}"
    if apart.bound > check.limit.threshold:
        words += f": {what_changed(labels, check.before, check.now)}"
        medians = [median_label(labels[:-1], counts[:-1]) for counts in (check.before, check.now)]
        if not check.bins.is_category and None not in medians and medians[0] != medians[1]:
            words += f"; the median was in “{medians[0]}”, now in “{medians[1]}”"
    return _finding(check, apart, alpha, words, _CAUSE, _chart(check))


def _name(against: str) -> str:
    """A reference in words."""
    return {TRAINING: "training", FIRST_BATCH: "the first batch"}.get(against, "the last batches")


def _missing(check: _Check, alpha: float) -> Finding:
    return _rise(check, -1, alpha, "are missing", _GAP)


def _unseen(check: _Check, alpha: float) -> Finding:
    return _rise(check, -2, alpha, "are none of the contract's categories", _NAMES)


def _rise(check: _Check, cell: int, alpha: float, what: str, suggestion: str) -> Finding:
    """A rise of the share of one cell."""
    (x, n), (y, m) = ((int(counts[cell]), int(counts.sum())) for counts in (check.now, check.before))
    seen = (x / check.window.repetition, n / check.window.repetition)
    words = f"{check.feature.wording}: {percent(x / n)} {what} (in {_name(check.against)} {percent(y / m)})"
    drawn = chart((check.bins.labels[cell], "all others"), (y, m - y), (x, n - x))
    return _finding(check, rise(seen, (y, m), alpha), alpha, words, suggestion, drawn)


def _vanished(check: _Check, alpha: float) -> Finding:
    """The reference's share of the contract's categories of which no row is left, and of those that surely vanished.

    A category surely vanished where even the exact lower limit of its share in the reference leaves a chance below
    half of its part of alpha that n rows have none, (1 - share)^n; the limit has the other half.
    """
    now, before = check.now[:-2], check.before[:-2]
    n, m, part = int(check.now.sum()), int(check.before.sum()), alpha / (2 * max(1, len(now)))
    different = n / check.window.repetition
    gone = np.flatnonzero((now == 0) & (before > 0))
    sure = [i for i in gone if different * np.log1p(-smallest_rate(int(before[i]), m, part)) <= np.log(part)]
    share, bound = float(before[gone].sum() / m), float(before[sure].sum() / m)
    half = (1 - CONFIDENCE) / 2
    low, high = (limit(int(before[gone].sum()), m, half) for limit in (smallest_rate, largest_rate))
    figure = Estimate(share, low, high, n, different, CONFIDENCE)
    names = ", ".join(f"“{check.bins.categories[i]}”" for i in gone)
    words = f"{check.feature.wording}: no category has vanished"
    if len(gone):
        verb = "has" if len(gone) == 1 else "have"
        words = f"{check.feature.wording}: {names} {verb} vanished (it had {percent(share)} in {_name(check.against)})"
    return _finding(check, Apart(figure, bound), alpha, words, _NAMES, _chart(check))


_JUDGES = {
    "input_shift": _shift,
    "input_shift_recent": _shift,
    "missing_share": _missing,
    "unseen_categories": _unseen,
    "vanished_categories": _vanished,
}


def _chart(check: _Check) -> Chart:
    return chart(check.bins.labels, check.before.tolist(), check.now.tolist())


def _finding(check: _Check, apart: Apart, alpha: float, words: str, suggestion: str, drawn: Chart) -> Finding:
    return Finding(
        family="inputs",
        monitor=check.monitor,
        slice=f"feature={check.feature.name}",
        figure=apart.figure,
        threshold=check.limit.threshold,
        bound=apart.bound,
        direction="above",
        alpha=alpha,
        words=f"{check.window.words}{words[0].upper()}{words[1:]}.",
        suggestion=suggestion.format(name=check.feature.name),
        against=check.against,
        stake=check.stakes.of_share(max(apart.figure.value or 0.0, 0.0)),
        chart=drawn,
        is_halting=check.window.batches == 1 and check.limit.is_halting(apart.bound),
        batches=check.window.batches,
    )
