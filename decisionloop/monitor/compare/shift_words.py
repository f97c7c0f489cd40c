"""A change of a distribution in plain words, and as a chart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from decisionloop.monitor.alarm.finding import Chart

Shares = npt.NDArray[np.float64]


def percent(share: float) -> str:
    """``34%``; below 10% with one decimal, unless that is 0."""
    written = f"{100 * share:.1f}" if 0 < abs(share) < 0.0995 else f"{100 * share:.0f}"
    return f"{written.removesuffix('.0')}%"


def shares(counts: npt.ArrayLike) -> Shares:
    """Counts (k,) as shares that sum to 1; all 0 without a row."""
    x = np.asarray(counts, dtype=np.float64)
    return x / max(float(x.sum()), 1.0)


def chart(labels: Sequence[str], before: Sequence[int], now: Sequence[int]) -> Chart:
    """Both count vectors (k,) as shares under their labels; cells that are empty in both are left out."""
    m, n = max(sum(before), 1), max(sum(now), 1)
    kept = [(label, was, has) for label, was, has in zip(labels, before, now, strict=True) if was or has]
    return Chart(
        tuple(label for label, _, _ in kept),
        tuple(round(was / m, 6) for _, was, _ in kept),
        tuple(round(has / n, 6) for _, _, has in kept),
    )


def what_changed(labels: Sequence[str], before: npt.ArrayLike, now: npt.ArrayLike) -> str:
    """The cell that gained most and the one that lost most: ``“0” has 34% (before 2%), “3 to 5” 3% (10%)``."""
    was, is_ = shares(before), shares(now)
    gained, lost = int(np.argmax(is_ - was)), int(np.argmin(is_ - was))
    return (
        f"“{labels[gained]}” has {percent(is_[gained])} (before {percent(was[gained])}), "
        f"“{labels[lost]}” {percent(is_[lost])} (before {percent(was[lost])})"
    )


def median_label(labels: Sequence[str], counts: npt.ArrayLike) -> str | None:
    """The cell of ordered cells (k,) in which the median lies; None without a row."""
    below = np.cumsum(np.asarray(counts, dtype=np.int64))
    return labels[int(np.searchsorted(below, below[-1] / 2))] if below.size and below[-1] else None
