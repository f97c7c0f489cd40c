"""Means of what has a known range, such as rates: never an interval of no width, and none beyond the range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from decisionloop.observe.estimate import (
    Codes,
    Estimate,
    Floats,
    cannot_say,
    effective_sample_size,
    entity_codes,
    entity_sums,
    problem_of_mean,
    standard_error,
    values_and_weights,
)
from decisionloop.observe.exact_rate import rate_bounds
from decisionloop.observe.rare_event import RareEvent


def rate_estimate(
    outcome: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    entities: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """The rate of an outcome in {0, 1} (n,): exact (Clopper and Pearson 1934) for plain rows, else `bounded_mean`."""
    y = np.asarray(outcome, dtype=float)
    if weights is not None or entities is not None or y.size == 0 or not np.isfinite(y).all():
        return bounded_mean(y, 0.0, 1.0, weights, entities, confidence)
    bounds = rate_bounds(float(y.sum()), y.size, (1 - confidence) / 2)
    return Estimate(bounds.value, bounds.low, bounds.high, y.size, float(y.size), confidence)


def bounded_mean(
    values: npt.ArrayLike,
    lowest: npt.ArrayLike,
    highest: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    entities: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Self-normalised weighted mean of ``values`` (n,), each of which could have been ``lowest`` to ``highest``.

    The bounds reach for one more unseen outcome of each row's own range (`rare_event`) and stop at the mean of the
    ranges. Raises UsageError where there are not as many weights as values.
    """
    told = sized_mean(values, lowest, highest, weights, entities, confidence)
    if told.value is None or told.low is None or told.high is None:
        return told
    x, w = values_and_weights(values, weights)
    least, most = (np.broadcast_to(np.asarray(end, dtype=float), x.shape) for end in (lowest, highest))
    share = w / w.sum()
    low = max(told.low, float(share @ least), float(least.min()))
    high = min(told.high, float(share @ most), float(most.max()))
    return replace(told, low=min(low, told.value), high=max(high, told.value))


def sized_mean(
    values: npt.ArrayLike,
    small: npt.ArrayLike,
    large: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    entities: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """The same where ``small`` and ``large`` are of an unusual size only, and nothing ends there."""
    x, w = values_and_weights(values, weights)
    problem = problem_of_mean(x, w)
    if problem:
        return cannot_say(problem, x.size, confidence)
    least, most = (np.broadcast_to(np.asarray(end, dtype=float), x.shape) for end in (small, large))
    share, codes = w / w.sum(), entity_codes(entities, x.size)
    mean = float(np.clip(share @ x, x.min(), x.max()))  # a sum of shares may round beyond 1
    error = standard_error(share * (x - mean), codes)
    if not np.isfinite(error):
        return cannot_say("a single entity has no spread to make an interval from", x.size, confidence)
    by_entity = entity_sums(w, codes)
    down, up = (
        event.reach(error, confidence, len(by_entity))
        for event in _events(x - mean, least - mean, most - mean, share, codes)
    )
    return Estimate(mean, mean - down, mean + up, x.size, effective_sample_size(by_entity), confidence)


def _events(
    surprise: Floats, least: Floats, most: Floats, share: Floats, codes: Codes | None
) -> tuple[RareEvent, RareEvent]:
    """One more outcome at the lower, and at the upper, end of its range; all relative to the mean."""
    below, above = np.maximum(-least, 0.0), np.maximum(most, 0.0)
    width = below + above
    chance = np.divide(above, width, out=np.zeros_like(width), where=width > 0)
    return (
        RareEvent.of(share * below, share * np.maximum(-surprise, 0.0), chance, codes),
        RareEvent.of(share * above, share * np.maximum(surprise, 0.0), 1 - chance, codes),
    )
