"""The compiled scorer says what scikit-learn says, on any row that a frame can hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline, scorecard_pipeline
from decisionloop.predict.scorer.compile import compile_pipeline
from decisionloop.predict.scorer.scorer import CompiledScorer
from tests.examples import examples

TOLERANCE = 1e-12

# scikit-learn subtracts infinities while it looks for bin edges.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")


def random_columns(numbers: int, categories: int) -> list[InputColumn]:
    columns = [InputColumn(f"n{i}") for i in range(numbers)]
    # Interleaved, so that the order of the frame is not the order inside the pipeline.
    for i in range(categories):
        columns.insert(2 * i, InputColumn(f"c{i}", True, tuple(f"level {k}" for k in range(2 + 3 * i))))
    return columns


def random_frame(rng: np.random.Generator, columns: list[InputColumn], rows: int) -> pd.DataFrame:
    """Numbers of several scales and grids with NaN and infinities; categories with missing ones."""
    frame = {}
    for i, column in enumerate(columns):
        if column.is_categorical:
            values = rng.choice(np.array([*column.categories[:-1], None], dtype=object), rows)
            frame[column.name] = pd.Series(values, dtype="str")
            continue
        values = rng.normal(scale=10.0 ** rng.integers(-6, 7), size=rows)
        if i % 2:
            values = rng.integers(-3, 4, rows).astype(float)
        values[rng.random(rows) < 0.1] = np.nan
        values[rng.random(rows) < 0.02] = rng.choice([-np.inf, np.inf])
        frame[column.name] = pd.Series(values)
    return pd.DataFrame(frame)


def hard_frame(rng: np.random.Generator, columns: list[InputColumn], train: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Rows to score: training values, midpoints between them (bin edges), their neighbours, unseen categories."""
    frame = {}
    for column in columns:
        seen = train[column.name]
        if column.is_categorical:
            pool = np.array([*column.categories, "never seen", "", None, np.nan], dtype=object)
            frame[column.name] = pd.Series(rng.choice(pool, rows), dtype="str")
            continue
        finite = np.unique(seen[np.isfinite(seen)])
        edges = np.concatenate([finite, finite[:-1] / 2 + finite[1:] / 2, (finite[:-1] + finite[1:]) / 2])
        around = [np.nextafter(edges, -np.inf), edges, np.nextafter(edges, np.inf)]
        pool = np.concatenate([*around, [np.nan, -np.inf, np.inf, 0.0, -0.0, 1e300, -1e308, 1e308]])
        frame[column.name] = pd.Series(rng.choice(pool, rows))
    return pd.DataFrame(frame)


def two_classes(rng: np.random.Generator, frame: pd.DataFrame) -> np.ndarray:
    signal = np.nan_to_num(frame.iloc[:, -1].rank().to_numpy(), nan=0.0) / len(frame)
    target = (signal + rng.normal(size=len(frame)) > 0.5).astype(int)
    target[:2] = [0, 1]
    return target


def expected_score(pipeline, frame: pd.DataFrame, target: str) -> np.ndarray:
    return pipeline.predict_proba(frame)[:, 1] if target == "class" else pipeline.predict(frame)


def assert_agrees(scorer: CompiledScorer, pipeline, frame: pd.DataFrame, target: str) -> None:
    expected = expected_score(pipeline, frame, target)
    scale = 1.0 if target == "class" else max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(scorer.score(frame), expected, rtol=0, atol=TOLERANCE * scale)


@examples(15)
@given(
    seed=st.integers(0, 2**32 - 1),
    numbers=st.integers(0, 4),
    categories=st.integers(0, 3),
    rows=st.integers(40, 400),
    leaves=st.sampled_from([2, 3, 7, 15, 31, 64]),
    bins=st.sampled_from([2, 3, 16, 127, 255]),
    target=st.sampled_from(["class", "amount"]),
)
def test_gradient_boosting_scores_as_scikit_learn(seed, numbers, categories, rows, leaves, bins, target):
    rng = np.random.default_rng(seed)
    columns = random_columns(max(numbers, 1 - categories), categories)
    train = random_frame(rng, columns, rows)
    outcome = two_classes(rng, train) if target == "class" else rng.lognormal(3, 2, rows)
    weight = rng.uniform(0.1, 20, rows)
    pipeline = gradient_boosting_pipeline(columns, seed % 1000, target)
    pipeline.set_params(model__max_iter=8, model__max_leaf_nodes=leaves, model__min_samples_leaf=2)
    pipeline.set_params(model__max_bins=max(bins, *(len(column.categories) for column in columns)))
    pipeline.fit(train, outcome, model__sample_weight=weight)
    scorer = compile_pipeline(pipeline, train, weight)
    assert scorer.features == tuple(train.columns)
    assert_agrees(scorer, pipeline, train, target)
    assert_agrees(scorer, pipeline, hard_frame(rng, columns, train, 300), target)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    numbers=st.integers(0, 4),
    categories=st.integers(0, 3),
    rows=st.integers(20, 400),
    target=st.sampled_from(["class", "amount"]),
)
def test_scorecard_scores_as_scikit_learn(seed, numbers, categories, rows, target):
    rng = np.random.default_rng(seed)
    columns = random_columns(max(numbers, 1 - categories), categories)
    train = random_frame(rng, columns, rows)
    outcome = two_classes(rng, train) if target == "class" else rng.lognormal(3, 2, rows)
    weight = rng.uniform(0.1, 20, rows)
    pipeline = scorecard_pipeline(columns, seed % 1000, target)
    pipeline.fit(train, outcome, model__sample_weight=weight)
    scorer = compile_pipeline(pipeline, train, weight)
    assert scorer.features == tuple(train.columns)
    assert_agrees(scorer, pipeline, train, target)
    assert_agrees(scorer, pipeline, hard_frame(rng, columns, train, 300), target)


@pytest.mark.parametrize("build", [gradient_boosting_pipeline, scorecard_pipeline])
@pytest.mark.parametrize("target", ["class", "amount"])
def test_a_category_that_is_empty_in_training_changes_nothing(build, target):
    rng = np.random.default_rng(5)
    columns = random_columns(2, 1)
    train = random_frame(rng, columns, 200).assign(c0=pd.Series([None] * 200, dtype="str"))
    outcome = two_classes(rng, train) if target == "class" else rng.normal(size=200)
    pipeline = build(columns, 0, target).fit(train, outcome)
    assert_agrees(compile_pipeline(pipeline, train), pipeline, hard_frame(rng, columns, train, 200), target)


def test_a_number_that_is_empty_in_training_agrees_in_the_scorecard():
    rng = np.random.default_rng(5)
    columns = random_columns(2, 1)
    train = random_frame(rng, columns, 200).assign(n0=np.nan)
    pipeline = scorecard_pipeline(columns, 0).fit(train, two_classes(rng, train))
    rows = hard_frame(rng, columns, train.assign(n0=1.0), 200)
    assert_agrees(compile_pipeline(pipeline, train), pipeline, rows, "class")


def test_a_single_known_category_beside_missing_agrees():
    """scikit-learn gives this split no bit set of its own, and what it then predicts is what must be predicted."""
    rng = np.random.default_rng(0)
    columns = [InputColumn("only", True, ("yes", "no")), InputColumn("other", True, ("a", "b", "c"))]
    train = pd.DataFrame(
        {
            "only": pd.Series(rng.choice(np.array(["yes", None], dtype=object), 400), dtype="str"),
            "other": pd.Series(rng.choice(["a", "b", "c"], 400), dtype="str"),
        }
    )
    outcome = (train["only"].isna() ^ (train["other"] == "b")).to_numpy().astype(int)
    pipeline = gradient_boosting_pipeline(columns, 0, "class").fit(train, outcome)
    assert_agrees(compile_pipeline(pipeline, train), pipeline, hard_frame(rng, columns, train, 100), "class")


def test_a_training_column_of_both_infinities_alone_agrees():
    """The one bin edge, halfway between them, is then not a number."""
    rng = np.random.default_rng(1)
    columns = random_columns(2, 0)
    train = pd.DataFrame({"n0": rng.choice([-np.inf, np.inf], 300), "n1": rng.normal(size=300)})
    outcome = (train["n0"] > 0).to_numpy().astype(int)
    pipeline = gradient_boosting_pipeline(columns, 0, "class")
    pipeline.fit(train, outcome)
    rows = pd.DataFrame({"n0": [-np.inf, np.inf, np.nan, 0.0], "n1": [0.0, 1.0, np.nan, -np.inf]})
    assert_agrees(compile_pipeline(pipeline, train), pipeline, rows, "class")


def test_255_categories_and_255_bins_agree():
    rng = np.random.default_rng(2)
    levels = tuple(f"place {i}" for i in range(255))
    columns = [InputColumn("place", True, levels), InputColumn("x")]
    train = pd.DataFrame({"place": pd.Series(rng.choice(levels, 4000), dtype="str"), "x": rng.normal(size=4000)})
    outcome = ((train["place"].str.len() + train["x"] + rng.normal(size=4000)) > 8).to_numpy().astype(int)
    pipeline = gradient_boosting_pipeline(columns, 0, "class").set_params(model__max_bins=255)
    scorer = compile_pipeline(pipeline.fit(train, outcome), train)
    nothing = pd.DataFrame({"place": pd.Series([None], dtype="str"), "x": [np.nan]})
    assert (scorer.codes(nothing) == 255).all()
    assert [item.size for item in scorer.bins] == [256, 256]
    assert_agrees(scorer, pipeline, hard_frame(rng, columns, train, 2000), "class")
