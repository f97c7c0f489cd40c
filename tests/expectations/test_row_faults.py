"""Faults of single rows: those rows and no others are left to the rules, each with its reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.predict.row_faults import row_faults


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("channel", "fax", "unseen category: channel"),
        ("channel", None, "missing: channel"),
        ("spend", -0.01, "range: spend"),
        ("spend", 1000.01, "range: spend"),
        ("spend", np.inf, "range: spend"),
        ("spend", np.nan, "missing: spend"),
        ("score", np.inf, "range: score"),
        ("score", -np.inf, "range: score"),
        ("orders", 1.5, "not whole: orders"),
        ("orders", 51.0, "range: orders"),
        ("orders", np.inf, "range: orders"),
        ("is_member", 2.0, "range: is_member"),
        ("is_member", 0.5, "range: is_member"),
    ],
)
def test_only_the_faulty_rows_go_to_the_rules(clean, validated, column, value, reason):
    frame = clean(200)
    frame.loc[[3, 77, 199], column] = value
    report = validated(frame)
    assert report.state == "accepted"
    assert np.flatnonzero(report.row_faults).tolist() == [3, 77, 199]
    assert set(report.row_reasons[report.row_faults]) == {reason}


@pytest.mark.parametrize(("column", "value"), [("score", np.nan), ("spend", 0.0), ("spend", 1000.0), ("score", 1e300)])
def test_admissible_extremes_are_no_faults(clean, validated, column, value):
    frame = clean(200)
    frame.loc[3, column] = value
    assert not validated(frame).row_faults.any()


def test_a_row_with_several_faults_gets_every_reason(clean, validated):
    frame = clean(200)
    frame.loc[8, ["spend", "orders"]] = [-1.0, 60.5]
    assert validated(frame).row_reasons[8] == "range: spend; range: orders; not whole: orders"


def test_rows_are_named_by_position_whatever_the_index(clean, validated):
    frame = clean(200).set_index("client_id", drop=False)
    frame.iloc[[4, 9], 1] = -1.0
    for indexed in (
        frame,
        frame.set_axis([7] * 200),
        frame.set_axis(pd.MultiIndex.from_product([[1], range(200)])),
    ):
        assert np.flatnonzero(validated(indexed).row_faults).tolist() == [4, 9]


def test_every_faulty_row_is_named_however_many_there_are(clean, validated, contract):
    frame = clean(5000)
    frame.loc[frame.index % 11 == 0, "spend"] = -1.0
    report = validated(frame)
    assert report.state == "accepted"
    assert np.flatnonzero(report.row_faults).tolist() == list(range(0, 5000, 11))


@pytest.mark.parametrize(("faults", "state"), [(100, "accepted"), (101, "halted")])
def test_too_many_row_faults_of_one_check_are_critical(clean, validated, failed, faults, state):
    frame = clean()
    frame.loc[: faults - 1, "channel"] = "fax"
    report = validated(frame)
    assert report.state == state
    assert report.row_faults.sum() == faults
    severity = "critical" if state == "halted" else "row"
    assert failed(report)["unseen_categories", "channel"].severity == severity


def test_row_faults_that_are_few_in_each_column_but_many_together_are_critical(clean, validated, contract):
    frame = clean()
    frame.loc[:59, "channel"] = "fax"
    frame.loc[60:119, "spend"] = -1.0
    report = validated(frame)
    assert report.halt_reasons == ("maximum_row_fault_share: 120 of 1,000 rows have faults, at most 10.0% may",)
    assert validated(frame, contract(maximum_row_fault_share=0.12)).state == "accepted"


def test_unknown_groups_of_a_protected_attribute_are_a_warning(clean, validated, failed):
    frame = clean()
    frame.loc[:499, "sex"] = "9"
    report = validated(frame)
    assert list(failed(report)) == [("protected_groups", "sex")]
    assert report.state == "accepted"
    assert not report.row_faults.any()


def test_a_row_that_is_decided_alone_is_told_the_same(clean, validated, contract):
    frame = clean(200)
    odd = {
        "channel": ["fax", None],
        "spend": [-0.01, 1000.01, np.inf, np.nan, 0.0, 1000.0],
        "score": [np.inf, -np.inf, np.nan, 1e300],
        "orders": [1.5, 51.0, 60.5, np.inf, np.nan],
        "is_member": [2.0, 0.5, np.nan],
    }
    for place, (column, value) in enumerate((name, one) for name, values in odd.items() for one in values):
        frame.loc[[7 * place, 7 * place + 1], column] = value
        frame.loc[7 * place + 1, "spend"] = -1.0
    reasons = validated(frame).row_reasons
    assert len(set(reasons)) > 10
    assert row_faults(contract(), frame).tolist() == reasons.tolist()
