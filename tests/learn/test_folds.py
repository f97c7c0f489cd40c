"""Folds that nothing leaks through: rows of an entity and rows that look the same are never on both sides."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from decisionloop.learn.folds import fold_of, leakproof_folds

FOLDS = 3


def names(numbers: np.ndarray) -> np.ndarray:
    return np.array([f"c{number:07d}" for number in numbers], dtype=object)


def one_fold_each(groups: pd.Series, fold: np.ndarray) -> bool:
    return bool((pd.Series(fold).groupby(groups.to_numpy()).nunique() == 1).all())


def look_of(frame: pd.DataFrame) -> pd.Series:
    return frame.astype("str").agg("|".join, axis=1)


def test_without_repeats_it_is_the_fold_of_the_entity() -> None:
    entity = names(np.arange(3_000))
    inputs = pd.DataFrame({"x": np.arange(3_000.0)})
    fold = leakproof_folds(entity, inputs, FOLDS)
    assert (fold == fold_of(entity, FOLDS)).all()
    assert np.bincount(fold).min() > 900


def test_returning_entities_and_twins_stay_together_also_through_each_other() -> None:
    chance = np.random.default_rng(1)
    entity = names(chance.integers(0, 2_000, 4_000))
    inputs = pd.DataFrame({"x": chance.integers(0, 4_000, 4_000).astype(float), "trade": "farm"})
    inputs.loc[::7, "x"] = np.nan  # hundreds look like that, and everybody would be tied together: they tie no more
    fold = leakproof_folds(entity, inputs, FOLDS)
    assert one_fold_each(pd.Series(entity), fold)
    assert np.bincount(fold, minlength=FOLDS).min() > 0.15 * len(entity)


def test_a_chain_of_ties_is_one_component() -> None:
    entity = np.array(["a", "b", "b", "c", "c", "d"] + [f"other {i}" for i in range(60)], dtype=object)
    inputs = pd.DataFrame({"x": [1.0, 1, 2, 2, np.nan, np.nan, *range(10, 70)], "y": ["u"] * 66})
    fold = leakproof_folds(entity, inputs, FOLDS)
    assert set(fold[:6]) == {fold[0]}
    assert len(set(fold)) == FOLDS


@settings(deadline=None)  # a machine under load
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 200)), min_size=1, max_size=200), st.randoms())
def test_no_entity_is_split_and_the_order_of_rows_does_not_matter(rows, order) -> None:
    entity, look = names(np.array([one for one, _ in rows])), np.array([two for _, two in rows])
    fold = leakproof_folds(entity, pd.DataFrame({"look": look}), FOLDS)
    assert set(fold) <= set(range(FOLDS))
    assert one_fold_each(pd.Series(entity), fold)
    place = list(range(len(rows)))
    order.shuffle(place)
    shuffled = leakproof_folds(entity[place], pd.DataFrame({"look": look[place]}), FOLDS)
    assert (shuffled == fold[place]).all()


def test_a_few_large_groups_fill_every_fold() -> None:
    entity = names(np.repeat(np.arange(6), 50))
    fold = leakproof_folds(entity, pd.DataFrame({"x": np.arange(300.0)}), FOLDS)
    assert np.bincount(fold).tolist() == [100, 100, 100]


def test_what_everybody_looks_like_ties_nobody() -> None:
    entity, coarse = names(np.arange(900)), pd.DataFrame({"x": np.arange(900) % 2})
    fold = leakproof_folds(entity, coarse, FOLDS)
    assert np.bincount(fold, minlength=FOLDS).min() > 200


def test_none_is_none() -> None:
    assert leakproof_folds(np.array([], dtype=object), pd.DataFrame({"x": []}), FOLDS).shape == (0,)


@pytest.mark.parametrize("is_same_entity", [True, False])
def test_an_auc_that_twins_would_bring_is_not_measured(is_same_entity: bool) -> None:
    """Features say nothing at all; each row comes five times with its outcome, of one entity or of five."""
    chance = np.random.default_rng(2)
    x, y = np.repeat(chance.normal(size=(400, 4)), 5, axis=0), np.repeat(chance.integers(0, 2, 400), 5)
    entity = names(np.repeat(np.arange(400), 5) if is_same_entity else np.arange(2_000))
    aucs = {}
    for name, fold in {
        "each row": np.arange(2_000) % FOLDS,
        "leakproof": leakproof_folds(entity, pd.DataFrame(x), FOLDS),
    }.items():
        score = np.empty(2_000)
        for one in range(FOLDS):
            model = RandomForestClassifier(20, random_state=0).fit(x[fold != one], y[fold != one])
            score[fold == one] = model.predict_proba(x[fold == one])[:, 1]
        aucs[name] = roc_auc_score(y, score)
    assert aucs["each row"] > 0.95
    assert abs(aucs["leakproof"] - 0.5) < 0.08


def test_a_million_rows_take_seconds() -> None:
    chance, rows = np.random.default_rng(3), 1_000_000
    entity = names(chance.integers(0, 800_000, rows))
    inputs = pd.DataFrame({f"x{i}": chance.integers(0, 30, rows).astype(float) for i in range(6)})
    begun = time.process_time()
    fold = leakproof_folds(entity, inputs, FOLDS)
    assert time.process_time() - begun < 60
    assert np.bincount(fold).min() > 300_000
