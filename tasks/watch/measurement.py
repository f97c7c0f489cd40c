"""From a figure to a fact of the ledger."""

from __future__ import annotations

from datetime import datetime

from decisionloop.ledger.measurements import Measurement
from decisionloop.observe.cohort import Figure


def measurement_of(
    use_case: str, cohort: str, as_of: datetime, figure: Figure, against: str | None = None
) -> Measurement:
    """A figure of a cohort as a fact of the ledger; ``against`` names what a check compared it with."""
    estimate, bounds = figure.estimate, figure.estimate.bounds
    return Measurement(
        use_case=use_case,
        release_id=figure.release_id,
        monitor=figure.monitor,
        slice=figure.slice,
        cohort=cohort,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        effective_n=estimate.effective_n,
        is_mature=figure.is_mature,
        as_of=as_of,
        threshold=figure.threshold,
        against=against,
        worst=bounds.low if bounds else None,
        best=bounds.high if bounds else None,
        missing_n=bounds.missing if bounds else None,
        to_come_n=bounds.to_come if bounds else None,
    )
