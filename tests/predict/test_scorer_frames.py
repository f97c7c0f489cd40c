"""What a frame may and may not look like, and that neither row order nor repeated rows change a score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from decisionloop.errors import UsageError
from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline
from decisionloop.predict.scorer import codes as codes_module
from decisionloop.predict.scorer.codes import CategoryBins, NumericBins, distinct_rows, once_per_distinct_row
from decisionloop.predict.scorer.compile import compile_pipeline
from decisionloop.predict.scorer.scorer import CompiledScorer

COLUMNS = [InputColumn("use"), InputColumn("site", True, ("a", "b", "c")), InputColumn("months")]


@pytest.fixture(scope="module")
def clients() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "entity": pd.Series([f"k{i}" for i in range(800)], dtype="str"),
            "use": rng.normal(size=800),
            "site": pd.Series(rng.choice(np.array(["a", "b", None], dtype=object), 800), dtype="str"),
            "months": rng.integers(0, 24, 800).astype(float),
        }
    )


@pytest.fixture(scope="module")
def scorer(clients: pd.DataFrame) -> CompiledScorer:
    outcome = (clients["use"] * clients["months"] > 3).astype(int)
    pipeline = gradient_boosting_pipeline(COLUMNS, 0, "class").set_params(model__max_iter=20)
    return compile_pipeline(pipeline.fit(clients, outcome), clients)


def test_other_columns_and_column_order_do_not_matter(scorer, clients):
    expected = scorer.score(clients)
    np.testing.assert_array_equal(scorer.score(clients[["months", "site", "use"]]), expected)
    np.testing.assert_array_equal(scorer.score(clients.assign(more=1)), expected)
    assert scorer.features == ("use", "site", "months")


def test_rows_keep_their_order_whatever_their_index(scorer, clients):
    order = np.random.default_rng(1).permutation(len(clients))
    shuffled = clients.iloc[order]
    np.testing.assert_array_equal(scorer.score(shuffled), scorer.score(clients)[order])
    np.testing.assert_array_equal(scorer.contributions(shuffled), scorer.contributions(clients)[order])


@pytest.mark.parametrize("dtype", ["object", "category", "string", "str"])
def test_a_category_may_come_in_any_text_type(scorer, clients, dtype):
    other = clients.assign(site=clients["site"].astype(dtype))
    np.testing.assert_array_equal(scorer.score(other), scorer.score(clients))


@pytest.mark.parametrize("dtype", ["int64", "float32", "Int64", "Float64", "bool"])
def test_a_number_may_come_in_any_number_type(scorer, clients, dtype):
    months = (clients["months"] > 12) if dtype == "bool" else clients["months"]
    np.testing.assert_array_equal(
        scorer.score(clients.assign(months=months.astype(dtype))),
        scorer.score(clients.assign(months=months.astype("float64"))),
    )


def test_a_missing_number_of_a_nullable_type_is_missing(scorer, clients):
    nullable = clients.assign(months=clients["months"].astype("Int64").where(clients["use"] > 0))
    plain = clients.assign(months=clients["months"].where(clients["use"] > 0))
    np.testing.assert_array_equal(scorer.score(nullable), scorer.score(plain))


def test_no_rows_give_no_scores(scorer, clients):
    assert scorer.score(clients.iloc[:0]).shape == (0,)
    assert scorer.contributions(clients.iloc[:0]).shape == (0, 3)
    assert scorer.codes(clients.iloc[:0]).shape == (3, 0)


def test_every_missing_column_is_named(scorer, clients):
    with pytest.raises(UsageError, match="use, months"):
        scorer.score(clients[["entity", "site"]])


def test_a_doubled_column_is_named(scorer, clients):
    with pytest.raises(UsageError, match="doubled: use"):
        scorer.score(pd.concat([clients, clients[["use"]]], axis=1))


def test_text_in_a_number_column_is_named(scorer, clients):
    with pytest.raises(UsageError, match="'use' must hold numbers"):
        scorer.score(clients.assign(use=clients["entity"]))


def test_codes_follow_the_edges_and_the_last_code_is_missing():
    numbers = NumericBins("x", np.array([0.0, 1.0]))
    values = pd.Series([-np.inf, -1.0, -0.0, 0.0, np.nextafter(0, 1), 1.0, np.nextafter(1, 2), np.inf, np.nan])
    assert numbers.encode(values).tolist() == [0, 0, 0, 0, 1, 1, 2, 2, 3]
    assert numbers.size == 4
    words = CategoryBins("c", ("b", "a"))
    assert words.encode(pd.Series(["a", "b", "B", "", None], dtype="str")).tolist() == [1, 0, 2, 2, 2]
    assert words.size == 3


@settings(max_examples=60, deadline=None)
@given(
    codes=hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 20), st.integers(0, 60)),
        elements=st.sampled_from([0, 1, 254, 255]),
    )
)
def test_distinct_rows_are_all_different_and_rebuild_the_whole(codes):
    first, inverse = distinct_rows(codes)
    np.testing.assert_array_equal(codes[:, first][:, inverse], codes)
    assert len(first) == len({tuple(row) for row in codes.T})


def test_repeated_rows_are_computed_once_and_give_the_same_result(scorer, clients):
    repeated = clients.sample(3000, replace=True, random_state=0)
    seen = []

    def compute(codes: np.ndarray) -> np.ndarray:
        seen.append(codes.shape[1])
        return scorer.tables._contributions(codes, "auto", 1)

    result = once_per_distinct_row(compute, scorer.codes(repeated))
    assert seen == [len(np.unique(scorer.codes(repeated), axis=1).T)]
    assert seen[0] < 800 < codes_module.FEW_ROWS * 4
    np.testing.assert_array_equal(result, scorer.tables._contributions(scorer.codes(repeated), "auto", 1))
