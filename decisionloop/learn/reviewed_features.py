"""What a review of the features found, and which of them earn nothing.

A feature earns nothing in a review where the best estimate of what leaving it out would cost is not above zero: the
interval then holds zero or lies below it. One such review is chance as likely as not, so a feature is named after two
in a row, the second of which knows a cohort that the first did not. A review that cannot tell ends the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from decisionloop.observe.estimate import Estimate


@dataclass(frozen=True)
class FeatureWorth:
    """What leaving out ``feature`` alone would cost, currency a decision: above zero it earns.

    ``saved_lookups``: by how many fewer look-ups a decision is then served; counted where it earns nothing, else None.
    """

    feature: str
    worth: Estimate
    saved_lookups: int | None = None

    @property
    def earns_nothing(self) -> bool:
        """Whether the best estimate of its worth is not above zero."""
        return self.worth.value is not None and self.worth.value <= 0


@dataclass(frozen=True)
class Known:
    """A figure, and the number of rows behind it."""

    value: float
    n: int


@dataclass(frozen=True)
class FeatureFacts:
    """What the ledger knows of a feature when it is reviewed; None where it does not.

    reasons    share of the leading reasons given in the window of the review that name it
    missing    share of rows of the newest batch in which it is missing
    drift      share of its values that moved from their reference, as the monitor of inputs last measured it
    age_days   median age of the newest record of those in the newest batch; the same for all features
    to_rules   share of rows of the newest batch that went to the rules because of its faults
    """

    reasons: Known | None = None
    missing: Known | None = None
    drift: Known | None = None
    age_days: Known | None = None
    to_rules: Known | None = None


@dataclass(frozen=True)
class WorthTogether:
    """What leaving out several features at once would cost, currency a decision."""

    features: tuple[str, ...]
    worth: Estimate


@dataclass(frozen=True)
class FeatureReview:
    """One review: the features of a model of ``kind``, valued on cohorts up to ``cohort``.

    ``release_id``: the model that decided then; None: the rules did. ``together``: of those that it names, if several.
    """

    use_case: str
    as_of: datetime
    kind: str
    cohort: str
    release_id: str | None
    worths: tuple[FeatureWorth, ...]
    facts: Mapping[str, FeatureFacts]
    together: WorthTogether | None = None


def idle_features(reviews: Sequence[FeatureReview]) -> tuple[str, ...]:
    """The features that earn nothing in the last of ``reviews`` (by as-of) and in the one before it.

    A review before that knew the same cohorts is no other one, and is passed over.
    """
    if not reviews:
        return ()
    earlier = [one for one in reviews[:-1] if one.cohort < reviews[-1].cohort]
    if not earlier:
        return ()
    before = {one.feature for one in earlier[-1].worths if one.earns_nothing}
    return tuple(one.feature for one in reviews[-1].worths if one.earns_nothing and one.feature in before)
