"""A small contract, frames that keep it, and one way to validate them; the engine is real and imported once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import UseCase, parse_use_case
from expectations.reference import BatchReference
from expectations.run import validate
from expectations.verdict import CheckResult, ValidationReport

CONTRACT = """
name: parcels
version: 1
title: Offer insurance
description: Whom to offer insurance.
entity: {key: client_id, noun: client}
features:
  - {name: spend, type: number, wording: money spent, unit: EUR, range: [0, 1000], purpose: worth}
  - {name: score, type: number, wording: score of last year, is_nullable: true, purpose: worth}
  - {name: orders, type: integer, wording: orders, range: [0, 50], purpose: worth}
  - {name: is_member, type: boolean, wording: member of the club, purpose: worth}
  - {name: channel, type: category, wording: channel, categories: [web, shop, phone], purpose: worth}
protected:
  - {name: sex, groups: {"1": men, "2": women}, reference: "1"}
outcome: {class: {column: bought, wording: bought it}, window_days: 7, maturity_days: 7}
actions:
  - {name: wait, wording: do nothing, is_default: true, reveals_outcome: false}
  - {name: offer, wording: offer it, is_favourable: true, reveals_outcome: true}
model: {action_as: revealing_action}
economics: {currency: EUR, value: {wait: "0", offer: "outcome - 0.1"}, explanation: One euro each.}
policy: {exploration: {kind: uniform, share: 0.05}, holdout_share: 0.05}
guardrails: {}
data_quality: {rows: [100, 5000], maximum_age_days: 35%s}
schedule: {cron: 0 6 * * 1}
actuator: {kind: file}
source: {kind: custom}
approval: {owner: a@example.com, approvers: [b@example.com]}
"""


def _contract(**data_quality: object) -> UseCase:
    return parse_use_case(CONTRACT % "".join(f", {name}: {value}" for name, value in data_quality.items()), "test")


def _clean(rows: int = 1000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    score = rng.normal(size=rows)
    score[rng.random(rows) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "client_id": pd.Series([f"c{i:05d}" for i in range(rows)], dtype="str"),
            "spend": rng.uniform(0, 1000, rows),
            "score": score,
            "orders": rng.integers(0, 51, rows).astype("float64"),
            "is_member": rng.integers(0, 2, rows).astype("float64"),
            "channel": pd.Series(rng.choice(["web", "shop", "phone"], rows, p=[0.7, 0.27, 0.03]), dtype="str"),
            "sex": pd.Series(rng.choice(["1", "2"], rows), dtype="str"),
        }
    )


def _validated(
    frame: pd.DataFrame,
    use_case: UseCase | None = None,
    reference: BatchReference | None = None,
    age_days: float | None = 1,
    docs_folder: Path | None = None,
) -> ValidationReport:
    as_of = pd.Timestamp("2026-03-02", tz="UTC")
    newest = None if age_days is None else as_of - pd.Timedelta(days=age_days)
    return validate(frame, use_case or _contract(), reference, newest, as_of, docs_folder)


def _failed(report: ValidationReport) -> dict[tuple[str, str], CheckResult]:
    return {(result.check, result.column): result for result in report.results if not result.is_success}


@pytest.fixture(scope="session")
def contract() -> Callable[..., UseCase]:
    """The contract, with lines of `data_quality` added or replaced by keyword."""
    return _contract


@pytest.fixture(scope="session")
def clean() -> Callable[..., pd.DataFrame]:
    """A canonical frame of so many rows that keeps the contract; about a tenth of `score` is missing."""
    return _clean


@pytest.fixture(scope="session")
def validated() -> Callable[..., ValidationReport]:
    """`validate`, with yesterday as the newest source row and the plain contract unless told otherwise."""
    return _validated


@pytest.fixture(scope="session")
def failed() -> Callable[[ValidationReport], dict[tuple[str, str], CheckResult]]:
    """The failed results of a report by check and column."""
    return _failed
