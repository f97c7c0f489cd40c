"""Reviews of the features, kept as measurements: one a feature and figure, all of one review written at once.

Their cohort is the newest one that valued the features, and ``against`` the kind of model that was fitted with and
without each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, select

from decisionloop.learn.reviewed_features import FeatureFacts, FeatureReview, FeatureWorth, Known, WorthTogether
from decisionloop.ledger.measurements import FEATURE_PREFIX, Measurement, append_measurements
from decisionloop.ledger.schema import measurement
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.observe.estimate import Estimate, cannot_say

WORTH, SAVED = f"{FEATURE_PREFIX}worth", f"{FEATURE_PREFIX}saved_lookups"
FACTS = tuple(field.name for field in fields(FeatureFacts))
MONITORS = (WORTH, SAVED, *(f"{FEATURE_PREFIX}{name}" for name in FACTS))
_ONE, _SEVERAL = "feature=", "features="
CONFIDENCE = 0.95
NOT_TOLD = "the decisions so far cannot tell"


def append_review(target: Ledger | Connection, review: FeatureReview) -> int:
    """Keep a review; returns how many of its figures are new. The first one of an as-of stands."""
    return append_measurements(target, list(_figures(review)))


def feature_reviews(ledger: Ledger, use_case: str, until: datetime | None = None) -> tuple[FeatureReview, ...]:
    """The reviews of a use case by as-of, up to ``until`` if that is given."""
    table = measurement.c
    statement = select(measurement).where(table.use_case == use_case, table.monitor.in_(MONITORS))
    if until is not None:
        statement = statement.where(table.as_of <= until)
    found = read_frame(ledger, statement.order_by(table.as_of, table.recorded_at, table.measurement_id))
    return tuple(_review(use_case, rows) for _, rows in found.groupby("as_of", sort=True))


def review_as_of(ledger: Ledger, use_case: str, as_of: datetime) -> FeatureReview | None:
    """The review of exactly this as-of, or None."""
    found = feature_reviews(ledger, use_case, as_of)
    return found[-1] if found and found[-1].as_of == as_of else None


def _figures(review: FeatureReview) -> Iterator[Measurement]:
    for one in review.worths:
        part = f"{_ONE}{one.feature}"
        yield _figure(review, WORTH, part, one.worth)
        if one.saved_lookups is not None:
            yield _figure(review, SAVED, part, _plain(Known(one.saved_lookups, one.worth.n)))
        facts = review.facts.get(one.feature, FeatureFacts())
        for name in FACTS:
            known: Known | None = getattr(facts, name)
            if known is not None:
                yield _figure(review, f"{FEATURE_PREFIX}{name}", part, _plain(known))
    if review.together is not None:
        part = _SEVERAL + ",".join(review.together.features)
        yield _figure(review, WORTH, part, review.together.worth)


def _figure(review: FeatureReview, monitor: str, part: str, figure: Estimate) -> Measurement:
    return Measurement(
        use_case=review.use_case,
        release_id=review.release_id,
        monitor=monitor,
        slice=part,
        cohort=review.cohort,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        n=figure.n,
        effective_n=figure.effective_n,
        is_mature=True,
        as_of=review.as_of,
        against=review.kind,
    )


def _plain(known: Known) -> Estimate:
    """A count or a share of what there was, without an interval."""
    return Estimate(known.value, None, None, known.n, float(known.n), CONFIDENCE)


def _review(use_case: str, rows: pd.DataFrame) -> FeatureReview:
    rows = rows[rows["recorded_at"] == rows["recorded_at"].iloc[0]]  # of two at once the first stands
    first = rows.iloc[0]
    told: dict[tuple[str, str], Estimate] = {
        (str(row.monitor), str(row.slice)): _estimate(row.value, row.low, row.high, row.n, row.effective_n)
        for row in rows.itertuples()
    }
    names = [part.removeprefix(_ONE) for monitor, part in told if monitor == WORTH and part.startswith(_ONE)]
    several = [part for _, part in told if part.startswith(_SEVERAL)]
    together = None
    if several:
        together = WorthTogether(tuple(several[0].removeprefix(_SEVERAL).split(",")), told[WORTH, several[0]])
    return FeatureReview(
        use_case=use_case,
        as_of=first["as_of"].to_pydatetime(),
        kind=str(first["against"]),
        cohort=str(first["cohort"]),
        release_id=None if pd.isna(first["release_id"]) else str(first["release_id"]),
        worths=tuple(_worth(name, told) for name in sorted(names)),
        facts={name: _facts(name, told) for name in names},
        together=together,
    )


def _worth(name: str, told: dict[tuple[str, str], Estimate]) -> FeatureWorth:
    saved = _known(told.get((SAVED, f"{_ONE}{name}")))
    return FeatureWorth(name, told[WORTH, f"{_ONE}{name}"], None if saved is None else int(saved.value))


def _facts(name: str, told: dict[tuple[str, str], Estimate]) -> FeatureFacts:
    return FeatureFacts(**{one: _known(told.get((f"{FEATURE_PREFIX}{one}", f"{_ONE}{name}"))) for one in FACTS})


def _known(figure: Estimate | None) -> Known | None:
    return None if figure is None or figure.value is None else Known(figure.value, figure.n)


def _estimate(*row: object) -> Estimate:
    value, low, high, effective_n = (None if pd.isna(one) else float(one) for one in (*row[:3], row[4]))  # type: ignore[arg-type, call-overload]
    n = int(row[3])  # type: ignore[call-overload]
    if value is None:
        return cannot_say(NOT_TOLD, n, CONFIDENCE)
    return Estimate(value, low, high, n, effective_n or 0.0, CONFIDENCE)
