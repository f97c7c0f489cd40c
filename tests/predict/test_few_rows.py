"""A few rows say the same as the ordinary frame of them, whoever asks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.predict.arrow_values import encoded_texts, texts_of, values_of
from decisionloop.predict.few_rows import few_rows, once, ordinary_frame, plain_numbers, plain_texts, text_objects
from decisionloop.predict.scorer.codes import CategoryBins, NumericBins, encode_frame
from decisionloop.predict.scorer.few_codes import encode_few
from decisionloop.predict.scorer.flat import flat_bins

BINS = (
    NumericBins("age", np.array([18.0, 30.5, 60.0])),
    CategoryBins("trade", ("craft", "farm")),
    CategoryBins("place", ("north", "south"), has_rest=True),
)
NUMBERS = st.one_of(st.floats(allow_nan=True, width=64), st.sampled_from([18.0, 30.5, np.nextafter(30.5, 40)]))
TRADES = st.sampled_from(["craft", "farm", "retail", "", None])
ROWS = st.lists(st.tuples(NUMBERS, TRADES, st.sampled_from(["north", "west", None])), min_size=1, max_size=20)


def few_of(rows):
    ages, trades, places = zip(*rows, strict=True)
    return few_rows({"age": np.array(ages, dtype=np.float64), "trade": list(trades), "place": list(places)})


@given(ROWS)
def test_they_have_the_codes_of_an_ordinary_frame_on_both_engines(rows):
    few = few_of(rows)
    ordinary = pd.DataFrame({name: few[name] for name in few.columns})
    assert type(ordinary) is pd.DataFrame
    for engine in ("numpy", "numba"):
        assert np.array_equal(encode_frame(BINS, few, engine), encode_frame(BINS, ordinary, engine))
    assert np.array_equal(encode_few(BINS, flat_bins(BINS), few), encode_frame(BINS, ordinary, "numpy"))
    assert encode_few(BINS, flat_bins(BINS), ordinary) is None


def test_a_column_that_is_none_or_of_another_kind_is_left_to_who_says_so():
    few = few_rows({"age": ["old"], "trade": ["farm"], "place": [None]})
    for bins in (BINS, (NumericBins("weight", np.array([1.0])),)):
        assert encode_few(bins, flat_bins(bins), few) is None


def test_what_is_made_of_them_is_an_ordinary_frame_of_canonical_types():
    few = few_of([(20.0, "farm", None), (np.nan, None, "north")])
    for made in (few.copy(), few[["trade", "age"]], few.iloc[:1], few.assign(age=1.0), pd.concat([few, few])):
        assert type(made) is pd.DataFrame
        assert plain_numbers(made, "age") is None
        assert plain_texts(made, "trade") is None
    assert [str(one) for one in few.dtypes] == ["float64", "str", "str"]
    assert plain_texts(few, "trade") == ["farm", None]


@pytest.mark.parametrize("name", ["age", "trade", "place"])
def test_a_column_is_that_of_its_plain_values(name):
    few = few_of([(20.0, "farm", None), (np.nan, None, "north")])
    plain = plain_texts(few, name) or plain_numbers(few, name).tolist()
    assert [None if one != one else one for one in few[name].tolist()] == [
        None if one is None or one != one else one for one in plain
    ]


@given(ROWS)
def test_they_are_the_frame_that_pandas_makes_of_their_columns(rows):
    ages, trades, places = zip(*rows, strict=True)
    usual = pd.DataFrame(
        {"age": ages, "trade": pd.Series(trades, dtype="str"), "place": pd.Series(places, dtype="str")}
    )
    few = few_of(rows)
    pd.testing.assert_frame_equal(pd.DataFrame(few), usual)
    some = ordinary_frame(few, ["trade", "age"])
    pd.testing.assert_frame_equal(some, usual[["trade", "age"]])
    assert ordinary_frame(usual, ["trade"]) is None
    assert pd.Series(text_objects(few, "place")).equals(pd.Series(text_objects(usual, "place")))


def test_whoever_changes_the_ordinary_frame_changes_nothing_else():
    few = few_of([(20.0, "farm", None), (np.nan, None, "north")])
    some = ordinary_frame(few, ["age", "trade"])
    some.loc[0, ["age", "trade"]] = (1.0, "craft")
    some["age"] += 1
    assert few["age"].tolist()[0] == plain_numbers(few, "age")[0] == 20.0
    assert few["trade"].tolist()[0] == plain_texts(few, "trade")[0] == "farm"


def test_what_is_worked_out_of_them_is_worked_out_once_for_each_that_it_is_about():
    few, asked = few_of([(20.0, "farm", None)]), []
    first, second = [1], [1]
    for about in (first, second, first):
        assert once(few, about, lambda: asked.append(0) or len(asked)) == (2 if about is second else 1)
    assert once(few.copy(), first, lambda: "anew") == "anew"


@pytest.mark.parametrize("values", [["b", None, "a", "b"], ["a", "b"], [None, None], []])
def test_encoded_texts_are_the_values_that_they_were(values):
    plain = pa.array(values, pa.string())
    for column in (plain, plain.dictionary_encode(), pa.chunked_array([plain.dictionary_encode()] * 2)):
        assert values_of(column) == column.to_pylist()
        assert texts_of(column).tolist() == column.to_pylist()


@given(st.lists(st.sampled_from(["b", "a", "", None, np.nan]), max_size=6), st.sampled_from([1, 40]))
def test_few_texts_are_encoded_as_arrow_encodes_many(values, times):
    texts = np.array([None, *values] * times, dtype=object)[1:]
    usual = pa.array(texts, pa.string(), from_pandas=True).dictionary_encode()
    assert encoded_texts(texts).equals(usual)
