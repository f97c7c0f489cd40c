"""The work that serving a row takes, counted in look-ups from the release alone: the same on any machine, at any load.

What a look-up takes was measured once and is a constant of this module; nothing here reads a clock. So the money that
serving costs, and with it a verdict of the gate, cannot depend on what else ran when a candidate was trained.
"""

from __future__ import annotations

from decisionloop.contract import UseCase
from decisionloop.predict.pipeline_model import PipelineScorer
from decisionloop.predict.release_model import ReleaseModel, ReleaseScorer
from decisionloop.predict.scorer.scorer import CompiledScorer
from decisionloop.predict.scorer.trees import TreeTables
from decisionloop.predict.two_part import TwoPartScorer

LOOKUPS_PER_CODE = 8
"""Steps of a binary search among 256 bins."""

BYTES_PER_LOOKUP = 8
"""A pipeline is counted by its file: it reads all of itself once a prediction."""

SECONDS_PER_LOOKUP = 2.5e-9
"""Calibration: what a look-up took of one core of a 2.x GHz server, in bulk. Measured on 15 features and 80 trees of 8
leaves: 0.9 ns (numba) to 3.9 ns (numpy) in scoring, 0.9 to 4.1 ns in explaining, 3 to 10 ns in coding."""

LEAST_SECONDS_PER_LOOKUP = 2e-11
"""No core does more than fifty look-ups in a nanosecond; what would take too long even so is too slow anywhere."""


def lookups_per_row(use_case: UseCase, model: ReleaseModel) -> int:
    """Look-ups to predict one row under every action and to explain it, by everything that the release holds."""
    actions = sum(use_case.revealing) if use_case.is_action_modelled else 1
    classes = 2 if use_case.outcome.class_ else 1
    total = _to_explain(model.leading)
    if model.class_scorer is not None:
        total += actions * _to_score(model.class_scorer)
    if model.amount_scorer is not None:
        total += actions * classes * _to_score(model.amount_scorer)
    if model.support is not None:
        total += model.support.lookups
    return total


def serving_seconds(lookups: int) -> float:
    """Processor seconds that so many look-ups are counted as."""
    return lookups * SECONDS_PER_LOOKUP


def least_milliseconds(lookups: int) -> float:
    """Milliseconds that so many look-ups surely take, on any machine."""
    return 1000 * lookups * LEAST_SECONDS_PER_LOOKUP


def _to_score(scorer: ReleaseScorer) -> int:
    if isinstance(scorer, TwoPartScorer):
        return sum(map(_to_score, scorer.parts))
    if isinstance(scorer, PipelineScorer):
        return -(-len(scorer.data) // BYTES_PER_LOOKUP)
    assert isinstance(scorer, CompiledScorer)  # there is no other kind
    return LOOKUPS_PER_CODE * len(scorer.bins) + _table_lookups(scorer)


def _to_explain(scorer: ReleaseScorer) -> int:
    if isinstance(scorer, TwoPartScorer):
        return sum(_to_explain(part) + _to_score(part) for part in scorer.parts)
    if isinstance(scorer, PipelineScorer):
        return (len(scorer.features) + 1) * _to_score(scorer)
    assert isinstance(scorer, CompiledScorer)
    per_table = 2 if isinstance(scorer.tables, TreeTables) else 4
    return LOOKUPS_PER_CODE * len(scorer.bins) + per_table * _table_lookups(scorer)


def _table_lookups(scorer: CompiledScorer) -> int:
    """Tables that a score reads: one a feature of each tree, or one a feature of a scorecard."""
    if isinstance(scorer.tables, TreeTables):
        return len(scorer.tables.slots.feature)
    return len(scorer.bins)
