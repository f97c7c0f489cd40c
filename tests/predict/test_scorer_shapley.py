"""Contributions are the exact path-dependent Shapley values, against an oracle that enumerates every coalition."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline
from decisionloop.predict.scorer import numpy_engine, shapley
from decisionloop.predict.scorer.compile import compile_pipeline
from decisionloop.predict.scorer.flat import FlatPaths, FlatShapley
from decisionloop.predict.scorer.numpy_engine import CHUNK
from decisionloop.predict.scorer.trees import IS_SET, TreeTables

COLUMNS = [
    InputColumn("pay", True, ("on time", "late", "very late", "never")),
    InputColumn("age"),
    InputColumn("use"),
    InputColumn("site", True, ("a", "b", "c")),
    InputColumn("limit"),
]


def clients(seed: int, rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    pay = np.array(["on time", "late", "very late", "unknown to the model", None], dtype=object)
    frame = pd.DataFrame(
        {
            "pay": pd.Series(rng.choice(pay, rows), dtype="str"),
            "age": rng.integers(20, 70, rows).astype(float),
            "use": rng.normal(size=rows),
            "site": pd.Series(rng.choice(np.array(["a", "b", "c", None], dtype=object), rows), dtype="str"),
            "limit": rng.lognormal(size=rows),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "use"] = np.nan
    return frame


def late_payers(frame: pd.DataFrame, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    margin = 1.5 * frame["pay"].isin(["late", "very late"]) * (1 + (frame["site"] == "a"))
    margin = margin + frame["use"].fillna(0.5) * (frame["age"] < 40)
    margin = margin - 0.5 * frame["limit"] * (frame["site"] != "b")
    return (rng.random(len(frame)) < 1 / (1 + np.exp(-margin + 0.5))).astype(int).to_numpy()


def trained(seed: int, trees: int, leaves: int, rows: int = 400):
    frame = clients(seed, rows)
    pipeline = gradient_boosting_pipeline(COLUMNS, seed, "class")
    pipeline.set_params(model__max_iter=trees, model__max_leaf_nodes=leaves, model__min_samples_leaf=5)
    return pipeline.fit(frame, late_payers(frame, seed)), frame


class Oracle:
    """Walks scikit-learn's own nodes; a split on a feature outside the coalition averages its two children."""

    def __init__(self, pipeline, reference: pd.DataFrame, weight: np.ndarray) -> None:
        self.encode, self.model = pipeline[0], pipeline[1]
        self.known, self.columns = self.model._bin_mapper.make_known_categories_bitsets()
        inputs = list(COLUMNS)
        outer = [c.name for c in inputs if not c.is_categorical] + [c.name for c in inputs if c.is_categorical]
        categories = np.flatnonzero(self.model.is_categorical_)
        numbers = np.flatnonzero(~self.model.is_categorical_)
        names = [outer[i] for i in [*categories, *numbers]]
        self.feature = [[c.name for c in COLUMNS].index(name) for name in names]
        self.cover = [np.zeros(len(tree.nodes)) for (tree,) in self.model._predictors]
        for row, w in zip(self.rows(reference), weight, strict=True):
            for (tree,), cover in zip(self.model._predictors, self.cover, strict=True):
                node = 0
                cover[node] += w
                while not tree.nodes[node]["is_leaf"]:
                    node = self.child(tree, node, row)
                    cover[node] += w

    def rows(self, frame: pd.DataFrame) -> np.ndarray:
        return self.model._preprocess_X(self.encode.transform(frame), reset=False)

    def child(self, tree, number: int, row: np.ndarray) -> int:
        node = tree.nodes[number]
        value = row[node["feature_idx"]]
        if np.isnan(value):
            is_left = node["missing_go_to_left"]
        elif node["is_categorical"]:
            code = int(value)
            is_left = (tree.raw_left_cat_bitsets[node["bitset_idx"]][code // 32] >> (code % 32)) & 1
        else:
            is_left = value <= node["num_threshold"]
        return int(node["left"] if is_left else node["right"])

    def worth(self, t: int, row: np.ndarray, coalition: frozenset[int], number: int = 0) -> float:
        tree, cover = self.model._predictors[t][0], self.cover[t]
        node = tree.nodes[number]
        if node["is_leaf"]:
            return float(node["value"])
        if self.feature[node["feature_idx"]] in coalition:
            return self.worth(t, row, coalition, self.child(tree, number, row))
        size = cover if cover[number] > 0 else tree.nodes["count"].astype(float)
        children = [int(node["left"]), int(node["right"])]
        return sum(self.worth(t, row, coalition, c) * size[c] / size[number] for c in children)

    def shapley(self, row: np.ndarray) -> np.ndarray:
        everyone = range(len(COLUMNS))
        worth = {
            frozenset(s): sum(self.worth(t, row, frozenset(s)) for t in range(len(self.cover)))
            for k in range(len(COLUMNS) + 1)
            for s in combinations(everyone, k)
        }
        values = np.zeros(len(COLUMNS))
        for j in everyone:
            for coalition in worth:
                if j not in coalition:
                    k = len(coalition)
                    share = math.factorial(k) * math.factorial(len(COLUMNS) - k - 1) / math.factorial(len(COLUMNS))
                    values[j] += share * (worth[coalition | {j}] - worth[coalition])
        return values

    def base(self) -> float:
        nothing = np.full(len(COLUMNS), np.nan)
        trees = sum(self.worth(t, nothing, frozenset()) for t in range(len(self.cover)))
        return float(self.model._baseline_prediction[0, 0]) + trees


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), leaves=st.integers(2, 9), is_weighted=st.booleans())
def test_contributions_equal_the_enumerated_shapley_values(seed, leaves, is_weighted):
    pipeline, frame = trained(seed, trees=3, leaves=leaves, rows=200)
    weight = np.random.default_rng(seed).uniform(0.0, 4.0, len(frame)) if is_weighted else np.ones(len(frame))
    scorer, oracle = compile_pipeline(pipeline, frame, weight), Oracle(pipeline, frame, weight)
    rows = clients(seed + 1, 6)
    expected = np.array([oracle.shapley(row) for row in oracle.rows(rows)])
    np.testing.assert_allclose(scorer.contributions(rows), expected, rtol=0, atol=1e-9)
    assert scorer.base_margin == pytest.approx(oracle.base(), abs=1e-9)


def test_a_reference_that_misses_half_the_tree_still_gives_exact_values():
    pipeline, frame = trained(3, trees=3, leaves=9)
    reference = frame[(frame["pay"] == "on time") & (frame["age"] > 50)]
    scorer, oracle = compile_pipeline(pipeline, reference), Oracle(pipeline, reference, np.ones(len(reference)))
    assert any((cover == 0).any() for cover in oracle.cover)
    rows = clients(4, 20)
    expected = np.array([oracle.shapley(row) for row in oracle.rows(rows)])
    np.testing.assert_allclose(scorer.contributions(rows), expected, rtol=0, atol=1e-9)
    assert scorer.base_margin == pytest.approx(scorer.margin(reference).mean(), abs=1e-9)


def test_contributions_and_base_margin_sum_to_the_margin_and_base_margin_is_its_reference_mean():
    pipeline, frame = trained(1, trees=60, leaves=31, rows=2000)
    weight = np.random.default_rng(0).uniform(0, 3, len(frame))
    scorer = compile_pipeline(pipeline, frame, weight)
    rows = clients(2, CHUNK + 1000)  # more than one chunk
    total = scorer.contributions(rows).sum(axis=1) + scorer.base_margin
    np.testing.assert_allclose(total, scorer.margin(rows), rtol=0, atol=1e-9)
    assert scorer.base_margin == pytest.approx(np.average(scorer.margin(frame), weights=weight), abs=1e-9)


def test_a_feature_that_the_trees_do_not_use_contributes_nothing():
    frame = clients(0, 500)
    pipeline = gradient_boosting_pipeline(COLUMNS, 0, "class").fit(frame, (frame["age"] > 40).astype(int))
    contributions = compile_pipeline(pipeline, frame).contributions(frame)
    assert (contributions[:, [0, 2, 3, 4]] == 0).all()
    assert (contributions[:, 1] != 0).all()


@pytest.mark.parametrize("limit", ["block", "path"])
def test_cutting_trees_into_other_blocks_changes_no_value(monkeypatch, limit):
    pipeline, frame = trained(7, trees=10, leaves=20)
    expected = compile_pipeline(pipeline, frame).contributions(frame)
    monkeypatch.setattr(shapley, "BLOCK_STATES", 1 if limit == "path" else 16)
    monkeypatch.setattr(shapley, "PATH_STATES", 2 if limit == "path" else 1 << 20)
    scorer = compile_pipeline(pipeline, frame)
    assert bool(scorer.tables.shapley()[1].value.size) == (limit == "path")
    np.testing.assert_allclose(scorer.contributions(frame), expected, rtol=0, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    fraction=st.lists(st.sampled_from([0.0, 1e-6, 0.2, 0.5, 0.9, 1.0]), min_size=1, max_size=7),
    pattern=st.integers(0, 127),
)
def test_a_leaf_equals_the_sum_over_its_coalitions(fraction, pattern):
    """The closed formula, summed coalition by coalition, of a leaf of value 1 behind features met with bit k."""
    d = len(fraction)
    met = [bool(pattern >> k & 1) for k in range(d)]
    expected = np.zeros(d)
    for j in range(d):
        others = [k for k in range(d) if k != j]
        for size in range(d):
            share = math.factorial(size) * math.factorial(d - size - 1) / math.factorial(d)
            for coalition in combinations(others, size):
                worth = math.prod(float(met[k]) if k in coalition else fraction[k] for k in others)
                expected[j] += share * worth * (met[j] - fraction[j])
    values = shapley.leaf_table(np.array(fraction), 1.0)[pattern % (1 << d)]
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)


def test_a_condition_that_every_code_meets_still_counts_the_reference_that_does_not():
    """Nothing goes left at feature 1, yet half the reference is said to: shares alone make the base margin."""
    tables = TreeTables(
        baseline=0.0,
        sizes=(3, 3),
        leaves=np.array([3], np.uint8),
        shape=np.array([1, 1 | IS_SET], np.uint8),
        feature=np.array([0, 1], np.uint8),
        threshold=np.array([0, 0], np.uint8),
        left=np.array([0], np.uint8),
        value=np.array([1.0, 8.0, 4.0]),
        cover=np.array([2.0, 1.0, 1.0], np.float32),
    )
    codes = np.array([[0, 1, 1], [0, 0, 1]], np.uint8)
    contributions = tables.contributions(codes)
    np.testing.assert_allclose(contributions.sum(axis=1) + tables.base_margin, [1, 4, 4], atol=1e-12)
    np.testing.assert_allclose(contributions[1], [2, -1.5], atol=1e-12)


def long_path(features: int, fraction: float, value: float) -> FlatPaths:
    """One leaf behind so many features; code 1 of each meets its conditions."""
    met = np.zeros((features, 256), np.uint8)
    met[:, 1] = 1
    count = np.array([(features + 1) // 2])
    node, weight = shapley.quadrature_tables()
    return FlatPaths(
        start=np.array([0, features]),
        feature=np.arange(features),
        met=met,
        fraction=np.full(features, fraction),
        value=np.array([value]),
        points=count,
        node=node[count],
        weight=weight[count],
    )


def no_blocks() -> FlatShapley:
    return shapley.flat_shapley(TreeTables(0.0, (), *[np.empty(0, np.uint8)] * 7).flat, np.empty((0, 64)), "numpy")[0]


@pytest.mark.parametrize("features", [30, 63])
def test_a_path_through_many_features_stays_exact(features):
    """No table could hold 2^30 patterns; the row-by-row integral must still add up and treat equals equally."""
    codes = np.ones((features, 2), np.uint8)
    codes[1::2, 1] = 0
    values = np.empty((2, features))
    numpy_engine.contributions(codes, 0, 2, no_blocks(), long_path(features, 0.6, 2.0), values)
    nothing = 2 * 0.6**features
    np.testing.assert_allclose(values.sum(axis=1), [2.0 - nothing, -nothing], rtol=1e-10)
    np.testing.assert_allclose(values[0], values[0, 0], rtol=1e-12)
