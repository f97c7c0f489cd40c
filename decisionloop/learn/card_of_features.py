"""What the model card of a release says of its features, once they were reviewed while it decided."""

from __future__ import annotations

from collections.abc import Collection

from decisionloop.contract import UseCase
from decisionloop.learn.reviewed_features import FeatureReview
from decisionloop.observe.estimate import Estimate

HEADING = "## What each feature earns"
"""The section begins with it and ends the card, so that a later review takes its place."""


def features_in_card(use_case: UseCase, review: FeatureReview, idle: Collection[str]) -> str:
    """The section, in markdown. ``idle``: what has earned nothing in two reviews in a row."""
    currency = use_case.economics.currency
    rows = "\n".join(
        f"| `{one.feature}` | {_told(one.worth)} | {'yes' if one.feature in idle else 'no'} |" for one in review.worths
    )
    return f"""{HEADING}

Reviewed on {review.as_of:%Y-%m-%d}, on decisions up to {review.cohort}: a model of this kind was fitted again without
each feature, alone, on what a training would have seen then. What a decision would earn less, in {currency}; of two
features that say the same each is worth nothing beside the other.

| feature | worth | nothing in two reviews |
|---|---:|---|
{rows}
"""


def _told(worth: Estimate) -> str:
    if worth.value is None or worth.low is None or worth.high is None:
        return f"cannot say: {worth.reason}"
    return f"{worth.value:+.4f} ({worth.low:+.4f} to {worth.high:+.4f}, n {worth.n:,})"
