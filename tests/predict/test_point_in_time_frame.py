"""The frame of a batch knows nothing later than the batch, is canonical, and says what features.py got wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract import UseCase, parse_use_case
from decisionloop.errors import ContractError, Fault, SourceError
from decisionloop.predict.features import build_frame, point_in_time
from tests.examples import examples

USE_CASE: UseCase = parse_use_case(
    """
name: parcels
version: 1
title: Offer insurance
description: Whom to offer insurance.
entity: {key: client, noun: client}
features:
  - {name: spend, type: number, wording: money spent, purpose: worth}
  - {name: orders, type: integer, wording: orders, purpose: worth, is_nullable: true}
  - {name: is_member, type: boolean, wording: member, purpose: worth}
  - {name: channel, type: category, wording: channel, categories: [web, shop], purpose: worth}
protected:
  - {name: sex, groups: {1: men, 2: women}, reference: 1}
outcome: {class: {column: bought, wording: bought it}, window_days: 7, maturity_days: 7}
actions:
  - {name: wait, wording: do nothing, is_default: true, reveals_outcome: false}
  - {name: offer, wording: offer it, is_favourable: true, reveals_outcome: true}
model: {action_as: revealing_action}
economics: {currency: EUR, value: {wait: 0, offer: outcome - 0.1}, explanation: One euro each.}
policy: {exploration: {kind: uniform, share: 0.05}, holdout_share: 0.05}
guardrails: {}
data_quality: {rows: [1, 5000], maximum_age_days: 35}
schedule: {cron: 0 6 * * 1}
actuator: {kind: file}
source: {kind: custom}
approval: {owner: a@example.com, approvers: [b@example.com]}
""",
    "test",
)
AS_OF = pd.Timestamp("2026-01-10", tz="UTC")
COLUMNS = ["client", "spend", "orders", "is_member", "channel", "sex"]
Features = Callable[[pd.DataFrame, pd.Timestamp], pd.DataFrame]


def rows(*values: tuple[object, ...]) -> pd.DataFrame:
    """Known rows from (client, days after the as-of, spend)."""
    return pd.DataFrame(
        {
            "client": pd.Series([value[0] for value in values], dtype="str"),
            "when": pd.to_datetime([AS_OF + pd.Timedelta(days=value[1]) for value in values], utc=True),
            "spend": pd.Series([value[2] for value in values], dtype=None if values else "float64"),
        }
    )


def features(known: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Sums, counts, latest values: whatever a later row could disturb."""
    grouped = known.groupby("client")
    frame = pd.DataFrame({"spend": grouped["spend"].sum(), "orders": grouped.size()}).reset_index()
    latest = known.drop_duplicates("client", keep="last").set_index("client")["spend"]
    frame["is_member"] = frame["client"].map(latest) > known["spend"].median()
    frame["channel"] = np.where(frame["client"].map(latest) > 0, "web", "shop")
    return frame.assign(sex=1 + (len(known) % 2))


def built(
    known: pd.DataFrame, function: Features = features, entities: tuple[object, ...] = ("a", "b", "c")
) -> pd.DataFrame:
    return build_frame(USE_CASE, function, known, pd.DataFrame({"client": list(entities)}), AS_OF, "when")


entity = st.sampled_from(["a", "b", "c", "stranger"])
before = st.tuples(entity, st.floats(-30, 0), st.integers(-100, 100))
after = st.tuples(entity, st.floats(0.0001, 30), st.one_of(st.floats(allow_nan=True), st.integers(-9, 9)))


@given(past=st.lists(before, max_size=8), future=st.lists(after, max_size=8), order=st.randoms())
@examples(20)
def test_rows_later_than_the_batch_never_change_the_frame(past, future, order):
    alone = built(rows(*past))
    mixed = [*past, *future]
    together = rows(*mixed)
    # Later rows anywhere among the earlier ones; the order of the earlier ones is the source's.
    place = {i: order.random() if i >= len(past) else i / (len(past) + 1) for i in range(len(mixed))}
    position = sorted(place, key=lambda i: (place[i], i))
    pd.testing.assert_frame_equal(built(together.iloc[position]), alone, check_exact=True)


def test_a_later_row_of_another_type_leaves_no_trace():
    past = rows(("a", -1, 5), ("b", -2, 6))
    future = rows(("a", 1, "soon"))
    pd.testing.assert_frame_equal(built(pd.concat([past, future])), built(past), check_exact=True)


def test_a_row_at_the_very_time_of_the_batch_is_known():
    assert point_in_time(rows(("a", 0, 1), ("a", 1e-5, 2)), "when", AS_OF)["spend"].tolist() == [1]
    assert built(rows(("a", 0, 1)))["orders"].tolist()[0] == 1


def test_features_see_the_entities_alone_sorted_by_entity_and_time():
    seen: list[pd.DataFrame] = []

    def spy(known: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
        seen.append(known.copy())
        assert as_of == AS_OF
        known["spend"] = -1  # what it does to its copy is its own affair
        return features(known, as_of)

    known = rows(("b", -1, 3), ("stranger", -1, 9), ("a", -1, 2), ("a", -2, 1), ("b", 1, 9))
    built(known, spy)
    assert seen[0]["spend"].tolist() == [1, 2, 3]
    assert known["spend"].tolist() == [3, 9, 2, 1, 9]


def test_the_frame_is_canonical():
    known = rows(("7", -1, 5), ("10", -1, 6), ("007", -1, 7))
    frame = built(known, entities=("007", 10, 7.0))
    assert frame.columns.tolist() == COLUMNS
    assert frame["client"].tolist() == ["007", "10", "7"]  # as text
    assert frame.dtypes.astype(str).tolist() == ["str", "float64", "float64", "float64", "str", "str"]
    assert frame["sex"].tolist() == ["2", "2", "2"]
    assert frame.index.tolist() == [0, 1, 2]


def test_an_entity_of_which_nothing_is_known_has_missing_values():
    frame = built(rows(("a", -1, 5), ("b", 1, 5)))
    assert frame["client"].tolist() == ["a", "b", "c"]
    assert frame.drop(columns="client").isna().all(axis=1).tolist() == [False, True, True]


@pytest.mark.parametrize("known", [rows(), rows(("a", 1, 5)), rows(("stranger", -1, 5))])
def test_where_nothing_is_known_features_are_not_asked(known):
    def never(known: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
        raise AssertionError

    frame = built(known, never)
    assert frame["client"].tolist() == ["a", "b", "c"]
    assert frame.dtypes.astype(str).tolist() == ["str", "float64", "float64", "float64", "str", "str"]
    assert built(known, never, entities=()).shape == (0, 6)


def test_an_entity_listed_twice_has_two_rows_for_validation_to_find():
    assert built(rows(("a", -1, 5)), entities=("a", "a"))["client"].tolist() == ["a", "a"]


def test_a_source_without_the_key_or_the_time_is_named():
    with pytest.raises(SourceError, match="lack column when"):
        built(rows(("a", -1, 5)).drop(columns="when"))


def faults(function: Features) -> dict[str, Fault]:
    with pytest.raises(ContractError) as raised:
        built(rows(("a", -1, 5), ("b", -1, 6)), function)
    assert raised.value.where == "features.py of parcels"
    assert all(fault.remedy for fault in raised.value.faults)
    return {fault.path: fault for fault in raised.value.faults}


def changed(**columns: object) -> Features:
    return lambda known, as_of: features(known, as_of).assign(**columns)


def test_wrong_columns_are_all_named():
    found = faults(lambda known, as_of: features(known, as_of).drop(columns=["spend", "sex"]).assign(more=1))
    assert set(found) == {"spend", "sex", "more"}
    assert "was not returned" in found["spend"].problem
    assert "does not know it" in found["more"].problem


def test_a_key_left_in_the_index_is_pointed_out():
    found = faults(lambda known, as_of: features(known, as_of).set_index("client"))
    assert "reset_index" in found["client"].remedy


def test_a_column_returned_twice_is_named():
    found = faults(lambda known, as_of: pd.concat([f := features(known, as_of), f["spend"]], axis=1))
    assert "returned twice" in found["spend"].problem


def test_something_that_is_no_frame_is_named():
    assert faults(lambda known, as_of: features(known, as_of)["spend"])["features"].value == "Series"


def test_an_exception_is_reported_with_the_batch():
    found = faults(lambda known, as_of: known["no such column"])
    assert "2026-01-10" in found["features"].problem
    assert "KeyError" in found["features"].problem


def test_entities_with_several_rows_with_none_or_without_a_name_are_named():
    twice = faults(lambda known, as_of: pd.concat([f := features(known, as_of), f.head(1)]))
    assert twice["client"].value == "a"
    assert "more than one row" in twice["client"].problem
    absent = faults(lambda known, as_of: features(known, as_of).head(1))
    assert absent["client"].value == "b"
    assert "have no row" in absent["client"].problem
    assert "client" in faults(changed(client=[None, "b"]))


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("spend", ["1", "2"], "is not a column of type number"),
        ("orders", ["one", "two"], "is not a column of type integer"),
        ("spend", pd.to_datetime(["2026-01-01"] * 2), "is not a column of type number"),
        ("spend", [1j, 2j], "is not a column of type number"),
        ("spend", pd.Series([1, "x"], dtype=object), "is not a column of type number"),
        ("is_member", ["yes", "no"], "is not a column of type boolean"),
        ("is_member", [3, 2], "is neither true nor false"),
    ],
)
def test_a_column_of_the_wrong_type_is_named_with_a_remedy(name, values, problem):
    assert problem in faults(changed(**{name: values}))[name].problem


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("spend", pd.array([1, None], dtype="Int64"), [1, np.nan]),
        ("spend", pd.array([1.5, None], dtype="Float64"), [1.5, np.nan]),
        ("spend", pd.Series([1, None], dtype=object), [1, np.nan]),
        ("spend", [None, None], [np.nan, np.nan]),
        ("spend", pd.Series([None, None], dtype="str"), [np.nan, np.nan]),
        ("spend", [True, False], [1, 0]),
        ("spend", np.array([1, 2], dtype="float32"), [1, 2]),
        ("is_member", pd.array([True, None], dtype="boolean"), [1, np.nan]),
        ("is_member", [1, np.nan], [1, np.nan]),
        ("is_member", pd.Series([True, None], dtype=object), [1, np.nan]),
    ],
)
def test_every_way_to_write_a_number_or_a_boolean_is_understood(name, values, expected):
    frame = built(rows(("a", -1, 5), ("b", -1, 6)), changed(**{name: values}), entities=("a", "b"))
    np.testing.assert_array_equal(frame[name].to_numpy(), np.array(expected, dtype="float64"))
    assert frame[name].dtype == "float64"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["web", None], ["web", None]),
        (pd.Categorical(["web", "shop"]), ["web", "shop"]),
        ([1, 2], ["1", "2"]),
        ([1.0, np.nan], ["1", None]),
        (["never seen", "web"], ["never seen", "web"]),
    ],
)
def test_categories_are_text_and_unseen_ones_are_left_to_validation(values, expected):
    frame = built(rows(("a", -1, 5), ("b", -1, 6)), changed(channel=values), entities=("a", "b"))
    assert [None if pd.isna(one) else one for one in frame["channel"]] == expected
    assert isinstance(frame["channel"].dtype, pd.StringDtype)
