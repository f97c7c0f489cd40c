"""From the ledger's reviews of the features to the lines that people read."""

from __future__ import annotations

from datetime import date, datetime

import yaml

from decisionloop.contract import UseCase
from decisionloop.learn.reviewed_features import FeatureFacts, FeatureWorth, Known, idle_features
from decisionloop.learn.serving_work import serving_seconds
from decisionloop.ledger.feature_reviews import feature_reviews
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.use_cases import contracts
from decisionloop.observe.estimate import Estimate as Measured
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.features import FeatureFigures, ReviewedFeatures
from decisionloop.report.words.naming import KIND_WORDS

MANY = 1_000
"""Decisions that money is told of: what a feature is worth to one may be less than a cent."""


def reviewed_features(ledger: Ledger, use_case: UseCase, until: datetime | None = None) -> ReviewedFeatures | None:
    """The newest review, up to ``until`` if that is given; None before the first."""
    reviews = feature_reviews(ledger, use_case.name, until)
    if not reviews:
        return None
    last, idle, since = reviews[-1], idle_features(reviews), in_contract_since(ledger, use_case)
    lines = [
        _line(use_case, one, last.facts.get(one.feature, FeatureFacts()), one.feature in idle, since.get(one.feature))
        for one in last.worths
    ]
    return ReviewedFeatures(
        as_of=last.as_of,
        cohort=last.cohort,
        model=KIND_WORDS.get(last.kind, last.kind),
        is_deciding=last.release_id is not None,
        reviews=len(reviews),
        decisions=max((one.worth.n for one in last.worths), default=0),
        lines=tuple(sorted(lines, key=_by_worth)),
        together=None if last.together is None else _of_many(last.together.worth),
    )


def in_contract_since(ledger: Ledger, use_case: UseCase) -> dict[str, date]:
    """By feature, the day on which the oldest contract that has it was recorded."""
    found: dict[str, date] = {}
    for one in contracts(ledger, use_case.name):
        for feature in yaml.safe_load(one.contract_yaml)["features"]:
            found.setdefault(str(feature["name"]), one.recorded_at.date())
    return found


def _line(
    use_case: UseCase, one: FeatureWorth, facts: FeatureFacts, is_idle: bool, since: date | None
) -> FeatureFigures:
    prices, saved = use_case.serving_cost, one.saved_lookups
    return FeatureFigures(
        name=one.feature,
        wording=next((known.wording for known in use_case.features if known.name == one.feature), one.feature),
        worth=_of_many(one.worth),
        is_idle=is_idle,
        reasons=_value(facts.reasons),
        missing=_value(facts.missing),
        drift=_value(facts.drift),
        age_days=_value(facts.age_days),
        since=since,
        saved_lookups=saved,
        saved_money=None if saved is None or not prices.is_priced else MANY * prices.money(serving_seconds(saved)),
        to_rules=_value(facts.to_rules),
    )


def _of_many(worth: Measured) -> Estimate:
    many = worth.scaled(MANY)
    return Estimate.of(many.value, many.low, many.high)


def _value(known: Known | None) -> float | None:
    return None if known is None else known.value


def _by_worth(line: FeatureFigures) -> tuple[bool, float, str]:
    return line.worth.value is None, -(line.worth.value or 0.0), line.name
