"""Figures of the outcomes that have come, beside how many have not: what those would make of them is not known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from decisionloop.observe.cohort import Figure
from decisionloop.observe.missing_outcomes import MissingOutcomes
from decisionloop.observe.outcome_bounds import OutcomeBounds


def without_ends(missing: MissingOutcomes | None) -> OutcomeBounds | None:
    """How many outcomes are missing and how many of them still come; None where none is."""
    return OutcomeBounds(missing.count, float(missing.come.sum())) if missing is not None and missing.count else None


def marked(figures: Iterable[Figure], missing: MissingOutcomes | None) -> Iterator[Figure]:
    """The figures, each with how many outcomes of its decisions are missing."""
    bounds = without_ends(missing)
    for figure in figures:
        yield replace(figure, estimate=replace(figure.estimate, bounds=bounds))
