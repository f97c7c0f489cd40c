"""What stops a whole batch, and that it is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from expectations.reference import reference_of


@pytest.fixture(scope="module")
def reference(clean, contract):
    return reference_of(clean(), contract())


def test_a_clean_batch_is_accepted_and_every_check_ran(clean, validated, failed, reference):
    report = validated(clean(), reference=reference)
    assert report.state == "accepted"
    assert failed(report) == {}
    assert report.halt_reasons == ()
    assert not report.row_faults.any()
    assert {result.check for result in report.results} == {
        "row_count",
        "freshness",
        "schema",
        "entity_key",
        "duplicates",
        "nulls",
        "usual_nulls",
        "row_nulls",
        "ranges",
        "whole_numbers",
        "unseen_categories",
        "vanished_categories",
        "constant_columns",
        "protected_groups",
    }


def test_a_clean_batch_is_accepted_before_there_is_any_reference(clean, validated, failed):
    report = validated(clean())
    assert report.state == "accepted"
    assert failed(report) == {}


def test_a_column_filled_with_missing_values_halts_and_is_named(clean, validated, failed, reference):
    report = validated(clean().assign(spend=np.nan), reference=reference)
    assert report.state == "halted"
    assert ("nulls", "spend") in failed(report)
    assert failed(report)["nulls", "spend"].unexpected_share == 1
    assert any("spend" in reason and "100.0% missing" in reason for reason in report.halt_reasons)


def test_a_nullable_column_may_miss_as_much_as_usual_but_not_much_more(clean, validated, failed, reference):
    frame = clean()
    usual = reference.null_shares["score"]
    order = np.random.default_rng(1).permutation(len(frame))

    def with_share_missing(share):
        score = np.zeros(len(frame))
        score[order[: round(share * len(frame))]] = np.nan
        score[order[-1]] = 1
        return validated(frame.assign(score=score), reference=reference)

    assert with_share_missing(usual + 0.09).state == "accepted"
    above = with_share_missing(usual + 0.11)
    assert above.state == "drifted"
    assert list(failed(above)) == [("usual_nulls", "score")]


def test_a_column_that_is_usually_almost_empty_still_must_not_be_empty(clean, validated, failed, contract):
    usual = np.where(np.arange(1000) % 20 == 0, 1.0, np.nan)
    usual[20] = 2.0
    reference = reference_of(clean().assign(score=usual), contract())
    assert validated(clean().assign(score=usual), reference=reference).state == "accepted"
    gone = validated(clean().assign(score=np.nan), reference=reference)
    assert ("usual_nulls", "score") in failed(gone)
    assert gone.state == "drifted"


def test_a_vanished_category_is_drift_and_is_named(clean, validated, failed, reference):
    frame = clean()
    assert 0 < (frame["channel"] == "phone").mean() < 0.05
    renamed = validated(frame.assign(channel=frame["channel"].replace("phone", "web")), reference=reference)
    assert renamed.state == "drifted"
    assert [str(one) for one in renamed.drifting] == ["vanished_categories: channel: gone: phone"]
    assert renamed.halt_reasons == ()


def test_a_category_that_may_be_absent_by_chance_is_not_missed(clean, validated, contract, reference):
    frame = clean(100)
    small = frame.assign(channel=frame["channel"].replace("phone", "web"))
    assert (small["channel"] != "phone").all()
    assert 0.97**100 > 1e-6
    assert validated(small, reference=reference).state == "accepted"


def test_a_category_column_without_any_value_halts(clean, validated, failed, reference):
    for empty in (pd.Series([None] * 1000, dtype="str"), pd.Series([None] * 1000, dtype="object")):
        report = validated(clean().assign(channel=empty), reference=reference)
        assert report.state == "halted"
        assert {("nulls", "channel"), ("vanished_categories", "channel")} <= set(failed(report))


def test_an_entity_twice_halts(clean, validated, failed):
    frame = pd.concat([clean(), clean().iloc[:3]])
    report = validated(frame)
    assert list(failed(report)) == [("duplicates", "client_id")]
    assert report.state == "halted"


def test_a_row_without_an_entity_halts(clean, validated, failed):
    frame = clean()
    frame.loc[5, "client_id"] = None
    report = validated(frame)
    assert list(failed(report)) == [("entity_key", "client_id")]
    assert report.state == "halted"


@pytest.mark.parametrize("severity", ["critical", "row", "warning"])
def test_an_empty_batch_halts_whatever_the_contract_says(clean, validated, contract, failed, reference, severity):
    report = validated(clean().iloc[:0], contract(row_count=severity), reference)
    assert report.state == "halted"
    assert list(failed(report)) == [("row_count", "")]
    assert report.row_faults.shape == (0,)


def test_an_empty_frame_without_columns_halts_too(validated):
    assert validated(pd.DataFrame(), age_days=None).halt_reasons == ("row_count: 0 rows, 100 to 5,000 expected",)


@pytest.mark.parametrize(("rows", "is_fine"), [(99, False), (100, True), (5000, True), (5001, False)])
def test_the_number_of_rows_is_limited_on_both_sides(clean, validated, failed, rows, is_fine):
    report = validated(clean(rows))
    assert (("row_count", "") not in failed(report)) == is_fine
    assert (report.state == "accepted") == is_fine


@pytest.mark.parametrize(("age_days", "state"), [(34.9, "accepted"), (35.1, "halted"), (None, "accepted")])
def test_a_stale_batch_halts(clean, validated, age_days, state):
    report = validated(clean(), age_days=age_days)
    assert report.state == state
    assert all("freshness: 35.1 days old" in reason for reason in report.halt_reasons)


def test_a_missing_column_is_one_schema_fault_and_no_fault_of_the_data(clean, validated, failed, reference):
    report = validated(clean().drop(columns=["spend", "sex"]), reference=reference)
    assert list(failed(report)) == [("schema", "spend"), ("schema", "sex")]
    assert [result.check for result in report.results if result.column == "spend"] == ["schema"]
    assert report.state == "halted"
    assert not report.row_faults.any()


def test_a_missing_entity_key_halts_even_if_missing_columns_do_not(clean, validated, contract):
    lenient = contract(schema="warning")
    assert validated(clean().drop(columns="score"), lenient).state == "accepted"
    assert validated(clean().drop(columns="client_id"), lenient).state == "halted"


@pytest.mark.parametrize("text", [lambda c: c.astype("str"), lambda c: c.astype("object").where(c < 40, "many")])
def test_text_in_a_number_column_is_one_schema_fault(clean, validated, failed, reference, text):
    frame = clean()
    report = validated(frame.assign(orders=text(frame["orders"])), reference=reference)
    assert list(failed(report)) == [("schema", "orders")]
    assert "float64 expected" in failed(report)["schema", "orders"].observed
    assert report.state == "halted"


def test_numbers_in_a_category_column_are_a_schema_fault(clean, validated, failed):
    assert list(failed(validated(clean().assign(channel=1.0)))) == [("schema", "channel")]


def test_a_constant_column_is_a_warning(clean, validated, failed, contract, reference):
    report = validated(clean().assign(spend=7.0), reference=reference)
    assert list(failed(report)) == [("constant_columns", "spend")]
    assert report.state == "accepted"
    always = reference_of(clean().assign(spend=7.0), contract())
    assert failed(validated(clean().assign(spend=7.0), reference=always)) == {}
