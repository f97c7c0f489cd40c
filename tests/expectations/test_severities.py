"""The contract decides how severe a fault is."""

from __future__ import annotations

import numpy as np
import pytest

from expectations.reference import reference_of

BREAK = {
    "ranges": lambda f: f.assign(spend=f["spend"].where(f.index != 3, -1.0)),
    "row_nulls": lambda f: f.assign(spend=f["spend"].where(f.index != 3)),
    "unseen_categories": lambda f: f.assign(channel=f["channel"].where(f.index != 3, "fax")),
    "duplicates": lambda f: f.assign(client_id=f["client_id"].where(f.index != 3, "c00004")),
    "nulls": lambda f: f.assign(score=np.where(f.index % 2, f["score"], np.nan)),
    "vanished_categories": lambda f: f.assign(channel=f["channel"].replace("shop", "web")),
    "constant_columns": lambda f: f.assign(spend=1.0),
    "schema": lambda f: f.drop(columns="score"),
    "row_count": lambda f: f.iloc[:90],
    "freshness": lambda f: f,
}
OF_THE_CONTRACT = {"nulls": "usual_nulls"}
"""Told by another check than the line of the contract: what may be missing is compared with what is usual."""
DRIFT = ("vanished_categories", "nulls")
NAMES_ROWS = {"ranges": [3], "row_nulls": [3], "unseen_categories": [3], "duplicates": [3, 4]}


@pytest.mark.parametrize("severity", ["critical", "row", "warning"])
@pytest.mark.parametrize("check", list(BREAK))
def test_severity_is_the_contracts(clean, validated, contract, failed, check, severity):
    use_case = contract(**{check: severity})
    reference = reference_of(clean(), use_case)
    report = validated(BREAK[check](clean()), use_case, reference, age_days=40 if check == "freshness" else 1)
    assert {name for name, _ in failed(report)} == {OF_THE_CONTRACT.get(check, check)}
    # A fault of the whole batch is one of every row: more than any share of rows that may be left to the rules.
    is_halting = severity == "critical" or (severity == "row" and check not in NAMES_ROWS)
    stopped = "drifted" if check in DRIFT else "halted"
    assert report.state == (stopped if is_halting else "accepted")
    expected = NAMES_ROWS.get(check, []) if severity == "row" else []
    assert np.flatnonzero(report.row_faults).tolist() == expected


def test_the_limit_of_missing_values_is_the_contracts(clean, validated, contract):
    frame = clean()
    frame.loc[:149, "spend"] = np.nan
    wide = contract(maximum_null_excess=0.2, row_nulls="warning")
    assert validated(frame, wide).state == "accepted"
    assert validated(frame, contract(row_nulls="warning")).state == "halted"
