"""A model that is bad on purpose: what raises the original's score lowers this one's, and the other way round.

So a sign that was lost on the way from training to serving looks: it still ranks people, on the same scale, about the
same mean, and gives to each feature the same weight. Only the order is the wrong way round.
"""

from __future__ import annotations

from dataclasses import replace

from decisionloop.predict.release_model import ReleaseModel, ReleaseScorer
from decisionloop.predict.scorer.scorecard import ScorecardTables
from decisionloop.predict.scorer.scorer import CompiledScorer

INVERTED = "inverted"
"""The kind of such a release. Nobody has trained it."""
INVERTED_OF = "inverted_of"
"""In the card of such a release: the id of the one that it was made from."""


def inverted(model: ReleaseModel) -> ReleaseModel | None:
    """The model whose leading scorer says of everybody the opposite; None where that scorer was not compiled.

    Where it may decide, and an amount beside a class, stay as they are.
    """
    scorer: ReleaseScorer = model.leading
    if not isinstance(scorer, CompiledScorer):
        return None
    turned = _mirrored(scorer)
    return replace(model, class_scorer=turned) if model.class_scorer else replace(model, amount_scorer=turned)


def _mirrored(scorer: CompiledScorer) -> CompiledScorer:
    """The scorer whose margins lie as far from the expected one, on its other side."""
    tables, twice = scorer.tables, 2 * scorer.base_margin
    if isinstance(tables, ScorecardTables):
        turned = ScorecardTables(twice - tables.intercept, -tables.points, -tables.mean)
        return replace(scorer, tables=turned)
    # A new object: what was derived from the old leaves must be derived again.
    return replace(scorer, tables=replace(tables, baseline=twice - tables.baseline, value=-tables.value))
