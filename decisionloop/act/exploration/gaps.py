"""What trying another action may lose against the preferred one: pessimistic where little has been seen of it.

The money of an action for a row is estimated by what has been seen of its kind (`SeenMoney`), from the coarse to the
fine: the action, within it the rules' reason, within that the band of the place that the model expects. Each level is
shrunk towards the one above as though `PSEUDO_OBSERVATIONS` had been seen there (a normal mean with a normal prior, as
in credibility: Buhlmann 1967), and the coarsest towards the economics' worst case for what would be tried, towards the
best for what is preferred. So before anything has been seen a gap is all that the contract makes possible, and a model
that has hardly seen a kind of row cannot price it by its own point estimate: of its gap and of this one the larger
counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.act.economics import known_values, money_range
from decisionloop.act.exploration.seen_money import BANDS, SeenMoney, band_of
from decisionloop.contract import UseCase

PSEUDO_OBSERVATIONS = 20.0
"""Outcomes that what is assumed counts for: with so many of its own a kind is believed half."""

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SeenValues:
    """Money (n, A) by what has been seen of the kind of each row: ``cautious`` for what would be tried, ``hopeful``
    for what is preferred, ``best`` possible; NaN where nothing tells it. ``is_unseen``: of how few it speaks."""

    cautious: Floats
    hopeful: Floats
    best: Floats
    is_unseen: Flags


def seen_values(
    use_case: UseCase,
    frame: pd.DataFrame,
    seen: SeenMoney,
    reason: npt.NDArray[np.object_],
    rules_action: npt.NDArray[np.int64],
    values: Floats | None,
) -> SeenValues:
    """The money of every action for n rows of the canonical ``frame``, by what has been seen.

    Args:
        reason, rules_action: why the rules chose what for each row (n,).
        values: money (n, A) that a model expects, None where rules decide.
    """
    actions = len(use_case.actions)
    worst, best = money_range(use_case, frame, spanning(use_case, seen))
    reach = best - worst
    expected = np.full(worst.shape, np.nan)
    if values is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = (values - worst) / reach
    is_rules = (rules_action[:, None] == np.arange(actions)).astype(np.int64)
    row_reason = pd.Index(seen.reasons, dtype=object).get_indexer(pd.Index(reason, dtype=object))
    row_reason = np.where(row_reason < 0, len(seen.reasons), row_reason)
    at = is_rules, np.arange(actions)[None, :], row_reason[:, None]
    cautious, hopeful, many = _places(seen.sums(use_case.action_names))
    band, known = band_of(expected), known_values(use_case, frame)
    is_known = ~np.isnan(known)
    return SeenValues(
        cautious=np.where(is_known, known, worst + cautious[(*at, band)] * reach),
        hopeful=np.where(is_known, known, worst + hopeful[(*at, band)] * reach),
        best=np.where(is_known, known, best),
        is_unseen=(many[at] < PSEUDO_OBSERVATIONS) & ~is_known,
    )


def spanning(use_case: UseCase, seen: SeenMoney) -> tuple[tuple[float, float], ...]:
    """The outcomes (class, amount) that money lies between: a yes and a no need not have been seen for that."""
    if seen.outcomes or use_case.outcome.amount is not None:
        return seen.outcomes
    return (0.0, np.nan), (1.0, np.nan)


def gaps(seen: SeenValues, greedy: npt.NDArray[np.int64], values: Floats | None, charge: Floats) -> Floats:
    """Money (n, A), >= 0, that each action may lose against ``greedy`` (n,); infinite where nothing bounds it.

    ``charge`` (n, A): what an action uses of the batch's limits, at their prices. ``values`` (n, A): a model's.
    """
    row = np.arange(len(greedy))
    preferred = (seen.hopeful - charge)[row, greedy]
    gap = preferred[:, None] - (seen.cautious - charge)
    if values is not None:
        net = values - charge
        gap = np.fmax(gap, net[row, greedy][:, None] - net)
    return np.maximum(np.where(np.isnan(gap), np.inf, gap), 0.0)


def _places(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Shrunk places (2, A, R + 1, `BANDS` + 1), cautious and hopeful, and how many were seen of (2, A, R + 1).

    The last band is the kind as a whole: what is known of rows for which no model speaks.
    """
    of_action, of_reason = sums.sum(axis=(3, 4)), sums.sum(axis=4)
    both = []
    for prior in (0.0, 1.0):
        place = _shrunk(of_reason, _shrunk(of_action, np.full(of_action.shape[1:], prior))[:, :, None])
        banded = _shrunk(sums, np.broadcast_to(place[..., None], sums.shape[1:]))
        banded[..., BANDS] = place
        both.append(banded)
    return both[0], both[1], _many(of_reason)


def _shrunk(sums: Floats, towards: Floats) -> Floats:
    many = _many(sums)
    place = np.divide(sums[2], sums[3], out=np.zeros(sums.shape[1:]), where=sums[3] > 0)
    return np.asarray((many * place + PSEUDO_OBSERVATIONS * towards) / (many + PSEUDO_OBSERVATIONS))


def _many(sums: Floats) -> Floats:
    """Kish's size (sum w)^2 / sum w^2 of what was seen: so many equally weighted decisions would tell as much."""
    return np.divide(sums[0] ** 2, sums[1], out=np.zeros(sums.shape[1:]), where=sums[1] > 0)
