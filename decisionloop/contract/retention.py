"""How long what is stored of persons is kept, in months; nothing goes unless retention is applied."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pandas as pd

from decisionloop.contract.section import Section, field

if TYPE_CHECKING:
    from decisionloop.contract.usecase import UseCase

Part = Literal["features", "outcomes", "decisions"]
PARTS: tuple[Part, ...] = ("features", "outcomes", "decisions")
REGULATION_B = 25
"""Months for which US Reg B has a creditor keep what a decision was made from."""
MOST_MONTHS = 1_200


class Retention(Section):
    """After how many months what a batch left behind goes, counted from its as-of; the audit chain keeps commitments.

    A batch that has lost any of it is read by the loop no more: it neither teaches nor judges. Figures that were
    measured stay.
    """

    features: int = field(
        "Months for which features, scores and whatever else is in the snapshot store is kept.",
        25, default=REGULATION_B, ge=1, le=MOST_MONTHS,
    )  # fmt: skip
    outcomes: int = field(
        "Months for which outcomes, executed actions and causes of failures are kept.",
        25, default=REGULATION_B, ge=1, le=MOST_MONTHS,
    )  # fmt: skip
    decisions: int = field(
        "Months for which decisions, their reasons, deliveries and who looked at them are kept; at least as long as "
        "the other two, which hang off them.",
        25, default=REGULATION_B, ge=1, le=MOST_MONTHS,
    )  # fmt: skip

    def cutoff(self, part: Part, now: datetime) -> datetime:
        """Batches of this as-of and of earlier ones lose that part."""
        months: int = getattr(self, part)
        return (pd.Timestamp(now) - pd.DateOffset(months=months)).to_pydatetime()


def needed_for(use_case: UseCase) -> timedelta:
    """How long a batch is needed whatever `retention` says: while outcomes may come, and while it may teach."""
    outcome, online = use_case.outcome, use_case.online
    teaches = use_case.monitors.training_days + outcome.maturity_days
    period = timedelta(0) if online is None else online.period
    return timedelta(days=max(outcome.accepted_days, teaches) + use_case.schedule.covers_days) + period
