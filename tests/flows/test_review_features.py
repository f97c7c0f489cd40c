"""The flow `review_features` through real Prefect, as its schedule starts it: a review, and an artifact of it."""

from __future__ import annotations

import pytest

from decisionloop.ledger.feature_reviews import feature_reviews
from flows.review_features import review_features
from tests.small_use_case import as_of, settings_of

pytestmark = pytest.mark.xdist_group("flows")


def test_a_review_leaves_an_artifact_and_a_second_run_says_the_same(life, prefect):
    with settings_of(life.folder):
        said = review_features("small", as_of(3))
        assert review_features("small", as_of(3)) == said
    (review,) = feature_reviews(life.ledger, "small")
    shown = prefect.artifacts()["features-small"]
    assert shown.startswith("# Lend to a shop: what each feature earns\n")
    assert said in shown
    assert all(f"| `{one.feature}` |" in shown for one in review.worths)
