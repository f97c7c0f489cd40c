"""Do two releases say the same of the same rows? What differs by more than their noise.

Three questions, of each output. How many rows differ: two releases that are the same say the same to the bit, but for
the order in which numbers are added up. Does the distribution lie apart: beyond what the champion's own batches would
by chance, by a bound that holds at any number of rows (`compare.distance`). Do more rows differ by much than in its
batches before: by the exact limits of two rates (`compare.distance.rise`); the limit of "much" is an order statistic of
the first batch, so that how many of later rows exceed it is known exactly whatever the law of the differences (Wilks
1941).

The chances of error of all questions together add up to `shadow.error` of the contract (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from decisionloop.monitor.compare.bins import number_counts, quantile_edges
from decisionloop.monitor.compare.distance import distance, rise
from decisionloop.monitor.shadow.record import OutputDifference

Floats = npt.NDArray[np.float64]

SAME = 1e-9
"""Of the champion's largest output, at least of 1: closer numbers are the same. Adding up in another order makes less,
and nobody's decision turns on it."""
TAIL = 0.001
"""Share of rows that may differ by more than the limit; what rises by less than so much is no news."""
BINS = 20
_TESTS = 2
"""Questions of each output that chance could answer wrongly; whether a row differs is no such one."""


def output_differences(
    outputs: Mapping[str, tuple[Floats, Floats]], before: Sequence[Sequence[OutputDifference]], error: float
) -> tuple[OutputDifference, ...]:
    """What each output says of n rows, champion's and release's (n,), beside earlier audits of the same two.

    Outputs that neither of them has of any row are left out.
    """
    spoken = {name: pair for name, pair in outputs.items() if any(np.isfinite(one).any() for one in pair)}
    alpha = error / max(1, _TESTS * len(spoken))
    return tuple(_difference(name, pair, _of(before, name), alpha) for name, pair in spoken.items())


def _of(before: Sequence[Sequence[OutputDifference]], name: str) -> list[OutputDifference]:
    return [one for audit in before for one in audit if one.output == name]


def _difference(
    name: str, pair: tuple[Floats, Floats], before: Sequence[OutputDifference], alpha: float
) -> OutputDifference:
    theirs, ours = pair
    says_theirs, says_ours = np.isfinite(theirs), np.isfinite(ours)
    both, alone = says_theirs & says_ours, int((says_theirs != says_ours).sum())
    size = np.abs(ours[both] - theirs[both])
    same = SAME * max(1.0, float(np.abs(theirs[says_theirs]).max(initial=0.0)))
    limit = before[0].tail_limit if before else max(_tail_limit(size), same)
    beyond, n = int((size > limit).sum()) + alone, int((says_theirs | says_ours).sum())
    usual, is_unusual = _rise(beyond, n, before, alpha)
    moved, is_moved = _apart(theirs[both], ours[both], alpha)
    return OutputDifference(
        output=name,
        n=n,
        differing=int((size > same).sum()) + alone,
        median=float(np.median(size)) if size.size else None,
        largest=float(size.max()) if size.size else None,
        moved=moved,
        is_moved=is_moved,
        tail_limit=limit,
        beyond=beyond,
        usual_beyond=usual,
        is_unusual=is_unusual,
    )


def _tail_limit(size: Floats) -> float:
    """What one row in a thousand exceeds: one of the differences themselves."""
    return float(np.quantile(size, 1 - TAIL, method="higher")) if size.size else 0.0


def _rise(beyond: int, n: int, before: Sequence[OutputDifference], alpha: float) -> tuple[float | None, bool]:
    """The usual share of rows beyond the limit, and whether it has surely risen by more than is tolerated."""
    rows = sum(one.n for one in before)
    if not rows:
        return None, False
    usual = sum(one.beyond for one in before)
    return usual / rows, rise((beyond, n), (usual, rows), alpha).bound > TAIL


def _apart(theirs: Floats, ours: Floats, alpha: float) -> tuple[float | None, bool]:
    """How far two distributions lie apart, in the champion's quantiles, and whether by more than its own batches do."""
    if not theirs.size:
        return None, False
    edges = quantile_edges(theirs, BINS)
    # The rows are the same, and its own batches would have others: that makes the bound wider than it need be.
    found = distance(number_counts(ours, edges), number_counts(theirs, edges), alpha)
    return float(found.figure.value or 0.0), found.bound > 0
