"""`features` shows the newest review, and says how to make one where there is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from decisionloop.learn.reviewed_features import FeatureFacts, FeatureReview, FeatureWorth, Known
from decisionloop.ledger.feature_reviews import append_review
from decisionloop.observe.estimate import Estimate
from decisionloop.workspace import open_workspace

pytestmark = pytest.mark.usefixtures("home_with_ledger")

NBSP = "\u00a0"


def test_without_a_review_it_says_how_to_make_one(cli, vouchers):
    told = cli("features", "vouchers")
    assert told.exit_code == 0
    assert told.out == "vouchers: no review yet. `decisionloop features vouchers --as-of DATE` makes one.\n"
    assert cli("features", "vouchers", "--json").json["review"] is None


def test_the_newest_review_is_shown_with_what_each_feature_earns(cli, vouchers):
    name = open_workspace("vouchers").use_case.model_inputs[0].name
    for month, value in ((1, 9.0), (2, 0.25)):
        worth = Estimate(value, value - 0.1, value + 0.1, 800, 700.0, 0.95)
        facts = {name: FeatureFacts(reasons=Known(0.5, 400), age_days=Known(2.5, 400))}
        at = datetime(2024, month, 1, tzinfo=UTC)
        append_review(
            open_workspace("vouchers").ledger,
            FeatureReview("vouchers", at, "scorecard", "2023-12-01", None, (FeatureWorth(name, worth),), facts),
        )
    told = cli("features", "vouchers")
    assert told.exit_code == 0
    assert told.out.splitlines()[-1] == (
        f"{name}: +€250 (+€150 to +€350); 50% of the leading reasons; records 2.5 days old"
    )
    found = cli("features", "vouchers", "--json").json
    assert (found["currency"], found["review"]["as_of"]) == ("EUR", "2024-02-01T00:00:00+00:00")
    (line,) = found["review"]["lines"]
    assert line["worth"] == {"value": 250.0, "low": 150.0, "high": 350.0, "bounds": None}


def test_what_cannot_be_reviewed_is_a_clear_refusal(cli, vouchers):
    told = cli("features", "vouchers", "--as-of", "2024-06-01")
    assert told.exit_code == 2
    assert "no mature decision of vouchers" in told.err
    assert cli("features", "vouchers", "--as-of", "soon").exit_code == 2
    assert "still to come" in cli("features", "vouchers", "--as-of", "2199-01-01").err
