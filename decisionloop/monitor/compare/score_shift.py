"""Score shift: how far a batch's scores moved from the release's reference, judged alike at any batch size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisionloop.errors import UsageError
from decisionloop.monitor.compare.bins import quantile_edges

NOISE_DRAWS = 4000
"""Simulated batches behind the noise quantile; its own error is then about 0.2 percentage points of rate."""


@dataclass(frozen=True)
class ScoreReference:
    """Histogram of a release's reference scores: bin k holds bin_edges[k-1] <= score < bin_edges[k], ends open.

    ``shares`` has one entry more than ``bin_edges``; plain numbers, so it travels as JSON.
    """

    bin_edges: tuple[float, ...]
    shares: tuple[float, ...]
    mean: float
    n: int


@dataclass(frozen=True)
class ScoreShift:
    """Total variation distance (0 to 1: the share of scores that moved), the part that sampling noise explains
    removed. ``low`` is a one-sided lower bound at ``confidence``; ``is_exceeded`` means ``low`` > ``threshold``.
    ``distance`` None: no score to judge. ``missing`` counts NaN scores, which are left out."""

    distance: float | None
    low: float | None
    threshold: float
    is_exceeded: bool
    confidence: float
    n: int
    missing: int
    mean: float | None
    reference_mean: float


def reference_scores(scores: npt.ArrayLike, bins: int = 20) -> ScoreReference:
    """Histogram of ``scores`` (n,) over ``bins`` quantile bins; a value shared by many rows gets a bin of its own.

    Raises UsageError without a finite score.
    """
    x = np.asarray(scores, dtype=float)
    x = x[np.isfinite(x)]
    if x.size == 0:
        raise UsageError("a score reference needs at least one finite score. Score the training set first.")
    edges = quantile_edges(x, bins)
    shares = np.bincount(np.searchsorted(edges, x, side="right"), minlength=len(edges) + 1) / x.size
    return ScoreReference(tuple(edges.tolist()), tuple(shares.tolist()), float(x.mean()), int(x.size))


@dataclass(frozen=True)
class ScoreProfile:
    """Scores of a part of a batch in the reference's bins: ``counts`` (bins,), their ``total``, how many are NaN.

    Plain numbers, so it travels as JSON; the profile of two parts is the sum.
    """

    counts: tuple[int, ...]
    total: float
    missing: int

    @classmethod
    def of(cls, scores: npt.ArrayLike, reference: ScoreReference) -> ScoreProfile:
        """Count ``scores`` (n,)."""
        x = np.asarray(scores, dtype=float)
        known = x[~np.isnan(x)]
        bins = np.searchsorted(np.asarray(reference.bin_edges), known, side="right")
        counts = np.bincount(bins, minlength=len(reference.shares))
        return cls(tuple(counts.tolist()), float(known.sum()), len(x) - len(known))

    def __add__(self, other: ScoreProfile) -> ScoreProfile:
        """Both together; they must be of one reference."""
        counts = tuple(mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True))
        return ScoreProfile(counts, self.total + other.total, self.missing + other.missing)


def score_shift(
    scores: npt.ArrayLike | ScoreProfile, reference: ScoreReference, threshold: float = 0.25, confidence: float = 0.99
) -> ScoreShift:
    """Distance of a batch's ``scores``, (n,) or already counted, to the reference.

    The raw distance of n scores from an unchanged distribution is not 0 but about sqrt(bins / n). With q the
    ``confidence`` quantile of that noise for these n (and the reference's own), simulated from the pooled
    histogram, the triangle inequality gives P(raw - q > true distance) <= 1 - confidence whatever the true
    distance: so the false-alarm rate is the same for 500 rows and for 5 million, and a shift below ``threshold``
    does not alarm however many rows there are.
    """
    profile = scores if isinstance(scores, ScoreProfile) else ScoreProfile.of(scores, reference)
    counts = np.asarray(profile.counts, dtype=np.int64)
    n = int(counts.sum())
    if n == 0:
        return ScoreShift(None, None, threshold, False, confidence, 0, profile.missing, None, reference.mean)
    raw = float(np.abs(counts / n - np.asarray(reference.shares)).sum() / 2)
    noise = _noise(counts, reference)
    distance = max(raw - float(noise.mean()), 0.0)
    low = max(raw - float(np.quantile(noise, confidence)), 0.0)
    mean = profile.total / n
    return ScoreShift(distance, low, threshold, low > threshold, confidence, n, profile.missing, mean, reference.mean)


def _noise(counts: npt.NDArray[np.int64], reference: ScoreReference) -> npt.NDArray[np.float64]:
    """Distances (draws,) between a batch and a reference of these sizes from one common distribution."""
    n = int(counts.sum())
    pooled = counts + np.asarray(reference.shares) * reference.n
    rng = np.random.default_rng(20050508)  # fixed: the same batch always gets the same verdict
    batch = rng.multinomial(n, pooled / pooled.sum(), size=NOISE_DRAWS) / n
    other = rng.multinomial(reference.n, pooled / pooled.sum(), size=NOISE_DRAWS) / reference.n
    return np.asarray(np.abs(batch - other).sum(axis=1) / 2, dtype=float)
