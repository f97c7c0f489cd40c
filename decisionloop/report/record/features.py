"""What a review of the features found, for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from decisionloop.report.record.estimate import Estimate


@dataclass(frozen=True)
class FeatureFigures:
    """One feature; None where the ledger does not know.

    worth          what 1,000 decisions would earn less without it, currency
    is_idle        it has earned nothing in two reviews in a row
    reasons        share of the leading reasons given that name it
    missing        share of rows of the newest batch in which it is missing
    drift          share of its values that have moved from their reference
    age_days       median age of the records that the newest batch was served
    since          the first day on which a contract with it was recorded
    saved_lookups  fewer look-ups a decision without it, counted where it earns nothing
    saved_money    what they cost of 1,000 decisions, where serving has a price
    to_rules       share of rows of the newest batch that went to the rules because of its faults
    """

    name: str
    wording: str
    worth: Estimate
    is_idle: bool = False
    reasons: float | None = None
    missing: float | None = None
    drift: float | None = None
    age_days: float | None = None
    since: date | None = None
    saved_lookups: int | None = None
    saved_money: float | None = None
    to_rules: float | None = None


@dataclass(frozen=True)
class ReviewedFeatures:
    """The newest review. ``lines``: what earns most first; ``cohort``: the newest that valued them.

    ``model`` in words; ``is_deciding``: such a model decided then, and not the rules. ``reviews``: how many there were
    so far, this one included. ``together``: what leaving out all that are idle at once would cost 1,000 decisions.
    """

    as_of: datetime
    cohort: str
    model: str
    is_deciding: bool
    reviews: int
    decisions: int
    lines: tuple[FeatureFigures, ...]
    together: Estimate | None = None

    @property
    def idle(self) -> tuple[FeatureFigures, ...]:
        """What has earned nothing in two reviews in a row."""
        return tuple(one for one in self.lines if one.is_idle)
