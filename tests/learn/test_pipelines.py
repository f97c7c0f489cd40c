"""The candidates' pipelines learn a known truth, take what a frame may hold, and repeat themselves exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from decisionloop.errors import UsageError
from decisionloop.learn.binning import ROWS_A_VALUE, QuantileBinner, quantile_edges
from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline, scorecard_pipeline

COLUMNS = (
    InputColumn("use"),
    InputColumn("status", True, ("ok", "late", "very late")),
    InputColumn("paid"),
)
BUILDERS = pytest.mark.parametrize("build", [scorecard_pipeline, gradient_boosting_pipeline])

pytestmark = pytest.mark.usefixtures("one_thread")


def clients(seed: int, rows: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    status = rng.choice(np.array(["ok", "late", "very late", None], dtype=object), rows, p=[0.6, 0.2, 0.1, 0.1])
    frame = pd.DataFrame(
        {
            "entity": pd.Series([f"k{i}" for i in range(rows)], dtype="str"),
            "use": rng.beta(2, 2, rows),
            "status": pd.Series(status, dtype="str"),
            "paid": rng.exponential(size=rows),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "paid"] = np.nan
    return frame


def margin(frame: pd.DataFrame) -> np.ndarray:
    points = frame["status"].map({"ok": 0.0, "late": 1.5, "very late": 3.0}).astype(float).fillna(0.5)
    return (points + 4 * frame["use"] - frame["paid"].fillna(3.0) - 2.5).to_numpy()


def defaulted(frame: pd.DataFrame, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random(len(frame)) < 1 / (1 + np.exp(-margin(frame)))).astype(int)


@BUILDERS
def test_a_class_is_learnt_nearly_as_well_as_the_truth_allows(build):
    train, test = clients(0), clients(1)
    pipeline = build(COLUMNS, 0, "class").fit(train, defaulted(train, 0))
    outcome = defaulted(test, 1)
    best = roc_auc_score(outcome, margin(test))
    assert roc_auc_score(outcome, pipeline.predict_proba(test)[:, 1]) > best - 0.02


@BUILDERS
def test_an_amount_is_learnt(build):
    train, test = clients(0), clients(1)
    noise = np.random.default_rng(2).normal(size=len(train))
    pipeline = build(COLUMNS, 0, "amount").fit(train, 100 * margin(train) + 20 * noise)
    error = pipeline.predict(test) - 100 * margin(test)
    assert error.std() < 0.25 * (100 * margin(test)).std()
    assert abs(error.mean()) < 5


@BUILDERS
def test_a_weight_counts_as_that_many_rows(build):
    """Weights of 1 and 3 draw predictions to the outcome rate of the weighted rows, not of the plain ones."""
    train = clients(0)
    outcome = defaulted(train, 0)
    weight = np.where(outcome == 1, 3.0, 1.0)
    pipeline = build(COLUMNS, 0, "class").fit(train, outcome, model__sample_weight=weight)
    predicted = pipeline.predict_proba(train)[:, 1]
    assert np.average(predicted, weights=weight) == pytest.approx(np.average(outcome, weights=weight), abs=0.01)
    assert predicted.mean() > outcome.mean() + 0.1


@BUILDERS
@pytest.mark.parametrize("target", ["class", "amount"])
def test_training_again_gives_exactly_the_same_predictions(build, target):
    train = clients(0)
    outcome = defaulted(train, 0) if target == "class" else margin(train)
    first, second = (build(COLUMNS, 7, target).fit(train, outcome).predict(clients(1)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@BUILDERS
def test_columns_that_are_not_inputs_and_column_order_are_ignored(build):
    train, test = clients(0), clients(1)
    pipeline = build(COLUMNS, 0, "class").fit(train, defaulted(train, 0))
    expected = pipeline.predict_proba(test)
    other = test[["paid", "status", "use"]].assign(group="x")
    np.testing.assert_array_equal(pipeline.predict_proba(other), expected)


@BUILDERS
def test_an_unseen_category_counts_as_a_missing_one(build):
    train, test = clients(0), clients(1)
    pipeline = build(COLUMNS, 0, "class").fit(train, defaulted(train, 0))
    unseen = test.assign(status=pd.Series(["other"] * len(test), dtype="str"))
    missing = test.assign(status=pd.Series([None] * len(test), dtype="str"))
    np.testing.assert_array_equal(pipeline.predict_proba(unseen), pipeline.predict_proba(missing))


@BUILDERS
@pytest.mark.parametrize("columns", [COLUMNS[:1], COLUMNS[1:2]])
def test_numbers_alone_and_categories_alone_are_enough(build, columns):
    train = clients(0)
    pipeline = build(columns, 0, "class").fit(train, defaulted(train, 0))
    assert roc_auc_score(defaulted(train, 0), pipeline.predict_proba(train)[:, 1]) > 0.6


@BUILDERS
@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ((), "at least one|needs input columns"),
        ((InputColumn("use"), InputColumn("use")), "use"),
        ((InputColumn("site", True, ()),), "'site' has 0 categories"),
        ((InputColumn("site", True, ("a", "a")),), "1 of them different"),
        ((InputColumn("site", True, tuple(map(str, range(256)))),), "256 categories"),
    ],
)
def test_columns_that_no_model_can_use_are_refused(build, columns, named):
    with pytest.raises(UsageError, match=named):
        build(columns, 0, "class")


def test_bins_hold_about_equal_counts_and_missing_has_its_own():
    values = np.random.default_rng(0).lognormal(size=5000)
    frame = pd.DataFrame({"x": np.concatenate([values, np.full(77, np.nan)])})
    counts = QuantileBinner(max_bins=10).fit_transform(frame).sum(axis=0)
    assert counts.tolist() == [500.0] * 10 + [77.0]


@pytest.mark.parametrize("max_bins", [3, 12])
def test_few_values_get_a_bin_each_divided_halfway_however_rare(max_bins):
    values = np.array([3.0, *[1.0] * 50, np.nan, 2, np.inf])
    np.testing.assert_array_equal(quantile_edges(values, max_bins), [1.5, 2.5])


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0, 2.0]), min_size=1),
    max_bins=st.integers(2, 20),
)
def test_every_value_falls_into_exactly_one_bin_and_larger_values_into_later_ones(values, max_bins):
    frame = pd.DataFrame({"x": np.array(values), "y": 1.0})
    binner = QuantileBinner(max_bins).fit(frame)
    encoded = binner.transform(frame).toarray()
    assert encoded.shape[1] == len(binner.get_feature_names_out())
    assert (encoded.sum(axis=1) == 2).all()
    edges = binner.edges_[0]
    known = frame["x"][np.isfinite(frame["x"])]
    is_few = len(known) >= ROWS_A_VALUE * known.nunique()  # statuses, which are not merged
    assert len(edges) < max(max_bins, known.nunique() if is_few else 0)
    assert (np.diff(edges) > 0).all()
    code = encoded[:, : len(edges) + 2].argmax(axis=1)
    known = frame["x"].notna().to_numpy()
    assert (code[~known] == len(edges) + 1).all()
    order = np.argsort(frame["x"].to_numpy()[known], kind="stable")
    assert (np.diff(code[known][order]) >= 0).all()


def test_bins_are_named_for_a_reader():
    frame = pd.DataFrame({"age": [20.0, 30.0, 40.0]})
    names = QuantileBinner().fit(frame).get_feature_names_out()
    assert names.tolist() == ["age <= 25", "25 < age <= 35", "age > 35", "age is missing"]


def test_the_binner_is_cloned_by_its_parameters():
    assert clone(QuantileBinner(max_bins=5)).max_bins == 5
