"""A review of the features is kept once an as-of, comes back as it was, and measures no cohort."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from decisionloop.learn.reviewed_features import FeatureFacts, FeatureReview, FeatureWorth, Known, WorthTogether
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.feature_reviews import NOT_TOLD, append_review, feature_reviews, review_as_of
from decisionloop.ledger.leading_reasons import leading_reasons
from decisionloop.ledger.measured_cohorts import last_measured
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.observe.estimate import Estimate, cannot_say
from tests.ledger.conftest import AS_OF, USE_CASE

OCTOBER, NOVEMBER = (datetime(2005, month, 1, tzinfo=UTC) for month in (10, 11))


def worth(value: float) -> Estimate:
    return Estimate(value, value - 0.5, value + 0.5, 900, 850.5, 0.95)


REVIEW = FeatureReview(
    use_case=USE_CASE,
    as_of=OCTOBER,
    kind="scorecard",
    cohort="2005-08-22",
    release_id=None,
    worths=(
        FeatureWorth("debt", worth(3.5)),
        FeatureWorth("noise", worth(-0.25), 21),
        FeatureWorth("trade", worth(0.0), -3),
        FeatureWorth("turnover", cannot_say(NOT_TOLD, 900, 0.95)),
    ),
    facts={
        "debt": FeatureFacts(Known(0.75, 800), Known(0.02, 600), Known(0.125, 600), Known(4.5, 590), Known(0.01, 600)),
        "noise": FeatureFacts(missing=Known(0.0, 600)),
        "trade": FeatureFacts(),
        "turnover": FeatureFacts(),
    },
    together=WorthTogether(("noise", "trade"), worth(-0.125)),
)


def test_a_review_comes_back_as_it_was(ledger: Ledger) -> None:
    assert append_review(ledger, REVIEW) == 4 + 2 + 6 + 1
    assert feature_reviews(ledger, USE_CASE) == (REVIEW,)
    assert review_as_of(ledger, USE_CASE, OCTOBER) == REVIEW
    assert review_as_of(ledger, USE_CASE, NOVEMBER) is None
    assert feature_reviews(ledger, "another") == ()


def test_the_first_review_of_an_as_of_stands(ledger: Ledger) -> None:
    append_review(ledger, REVIEW)
    assert append_review(ledger, REVIEW) == 0
    append_review(ledger, replace(REVIEW, kind="gradient_boosting", worths=(FeatureWorth("debt", worth(9.0)),)))
    assert feature_reviews(ledger, USE_CASE) == (REVIEW,)


def test_reviews_are_told_in_their_order_and_up_to_a_time(ledger: Ledger) -> None:
    later = replace(REVIEW, as_of=NOVEMBER, cohort="2005-09-22", together=None)
    append_review(ledger, later)
    append_review(ledger, REVIEW)
    assert feature_reviews(ledger, USE_CASE) == (REVIEW, later)
    assert feature_reviews(ledger, USE_CASE, OCTOBER) == (REVIEW,)


def test_a_review_is_no_measurement_of_its_cohort(ledger: Ledger) -> None:
    """Else news of outcomes before it would not be looked at any more."""
    append_review(ledger, REVIEW)
    assert last_measured(ledger, USE_CASE) == {}


def test_leading_reasons_are_counted_by_feature(ledger: Ledger, rows, opening) -> None:
    opening(ledger)
    told = [
        '[["debt",0.5],["trade",0.1]]',
        '[["debt",-0.5,"approximate"]]',
        '["low turnover"]',
        "[]",
        '[["trade",0.2]]',
    ]
    with ledger.begin() as connection:
        append_decisions(connection, rows(5).decisions.assign(reason_codes=told))
    assert leading_reasons(ledger, USE_CASE, AS_OF, AS_OF) == {"debt": 2, "trade": 1}
    assert leading_reasons(ledger, USE_CASE, OCTOBER, NOVEMBER) == {}
