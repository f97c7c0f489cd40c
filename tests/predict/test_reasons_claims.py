"""What a reason claims: without it the score would move the other way. Held to that, on models that were trained.

Exactly true of a scorecard, row by row. Of trees a reason is the average of what removing it changes, over every
order in which features can be removed; the last of these changes alone, all other features kept, may differ in
sign where features only act together. That it rarely does, and hardly ever for a reason worth telling, is measured.
"""

from __future__ import annotations

import json
import math
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline, scorecard_pipeline
from decisionloop.predict.reasons.codes import Reason, ReasonCatalogue, top_reasons
from decisionloop.predict.scorer.compile import compile_pipeline
from decisionloop.predict.scorer.scorer import CompiledScorer
from decisionloop.predict.scorer.trees import TreeTables

COLUMNS = (
    InputColumn("status", True, ("ok", "late", "very late")),
    InputColumn("use"),
    InputColumn("bill"),
    InputColumn("age"),
    InputColumn("site", True, ("a", "b", "c")),
)
NAMES = tuple(column.name for column in COLUMNS)
GROUP = {"use": "burden", "bill": "burden"}
CATALOGUE = ReasonCatalogue({name: Reason(name, GROUP.get(name)) for name in NAMES})


def clients(seed: int, rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    use = rng.beta(2, 2, rows)
    return pd.DataFrame(
        {
            "status": pd.Series(rng.choice(["ok", "late", "very late"], rows, p=[0.7, 0.2, 0.1]), dtype="str"),
            "use": np.where(rng.random(rows) < 0.05, np.nan, use),
            "bill": use * rng.lognormal(size=rows),
            "age": rng.integers(20, 70, rows).astype(float),
            "site": pd.Series(rng.choice(["a", "b", "c"], rows), dtype="str"),
        }
    )


def outcome(frame: pd.DataFrame) -> np.ndarray:
    late = frame["status"].map({"ok": 0.0, "late": 1.2, "very late": 2.5}).to_numpy()
    use = frame["use"].fillna(0.5).to_numpy()
    margin = late * (1 + (frame["site"] == "a")) + 4 * (use - 0.5) * (1 + (frame["age"] < 35)) - 1.5
    return (np.random.default_rng(0).random(len(frame)) < 1 / (1 + np.exp(-margin))).astype(int)


@cache
def scorer(kind: str) -> CompiledScorer:
    frame = clients(0, 6000)
    build = scorecard_pipeline if kind == "scorecard" else gradient_boosting_pipeline
    return compile_pipeline(build(COLUMNS, 0, "class").fit(frame, outcome(frame)), reference())


@cache
def reference() -> pd.DataFrame:
    return clients(0, 6000)


def without(
    model: CompiledScorer, rows: pd.DataFrame, features: list[str], draws: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """Mean margin and mean score (n,) of the rows with ``features`` drawn, together, from people of the reference."""
    drawn = reference()[features].sample(draws, random_state=1)
    many = rows.loc[rows.index.repeat(draws)].reset_index(drop=True)
    for feature in features:
        many[feature] = pd.concat([drawn[feature]] * len(rows), ignore_index=True)
    margin, score = (told(many).reshape(len(rows), draws).mean(axis=1) for told in (model.margin, model.score))
    return margin, score


def first_reasons(model: CompiledScorer, rows: pd.DataFrame) -> list[tuple[str, float]]:
    texts = top_reasons(model.contributions(rows), model.features, CATALOGUE, 1).to_pylist()
    return [tuple(json.loads(text)[0]) for text in texts]


def members(feature: str) -> list[str]:
    return [name for name in NAMES if GROUP.get(name, name) == GROUP.get(feature, feature)]


def test_in_a_scorecard_removing_a_feature_changes_the_margin_by_exactly_its_contribution():
    model, rows = scorer("scorecard"), clients(1, 40)
    contributions = model.contributions(rows)
    for column, feature in enumerate(NAMES):
        change = model.margin(rows) - without(model, rows, [feature], len(reference()))[0]
        np.testing.assert_allclose(change, contributions[:, column], atol=1e-9)


@pytest.mark.parametrize("kind", ["scorecard", "trees"])
def test_drawing_the_first_reason_anew_moves_the_margin_and_the_score_the_other_way(kind):
    """Over held-out rows. A group is one reason, so that its features are drawn together."""
    model, rows = scorer(kind), clients(2, 300)
    reasons = first_reasons(model, rows)
    drawn = [without(model, rows.iloc[[i]], members(feature)) for i, (feature, _) in enumerate(reasons)]
    moved = model.margin(rows) - np.array([margin[0] for margin, _ in drawn])
    score_moved = model.score(rows) - np.array([score[0] for _, score in drawn])
    size = np.array([size for _, size in reasons])
    clear = np.abs(size) > 0.25
    assert clear.mean() > 0.8
    assert (np.sign(moved) == np.sign(size))[clear].mean() > 0.99
    assert (np.sign(score_moved) == np.sign(size))[clear].mean() > 0.97
    # What is claimed is a distance too: both agree on how far, not only on the way.
    assert np.corrcoef(moved, size)[0, 1] > 0.95


def worth(tables: TreeTables, codes: np.ndarray, known: frozenset[int]) -> float:
    """The path-dependent expectation of the margin where only the features ``known`` of a coded row are known."""
    flat, total = tables.flat, tables.baseline
    for tree in range(len(tables.leaves)):
        values = flat.value[flat.value_start[tree] : flat.value_start[tree + 1]]
        share = np.ones(len(values))
        for slot in range(flat.slot_start[tree], flat.slot_start[tree + 1]):
            feature = int(flat.feature[slot])
            bits = int(flat.mask[slot, codes[feature]])
            met = np.array([bits >> leaf & 1 for leaf in range(len(values))], dtype=float)
            share *= met if feature in known else tables.fraction[slot, : len(values)]
        total += float(share @ values)
    return total


def test_of_trees_a_contribution_is_the_average_of_what_removing_the_feature_changes():
    model, rows = scorer("trees"), clients(3, 5)
    codes, contributions = model.codes(rows), model.contributions(rows)
    for i in range(len(rows)):
        value = {
            frozenset(some): worth(model.tables, codes[:, i], frozenset(some))
            for size in range(6)
            for some in combinations(range(5), size)
        }
        for feature in range(5):
            others = [some for some in value if feature not in some]
            change = np.array([value[some | {feature}] - value[some] for some in others])
            weight = [math.factorial(len(some)) * math.factorial(4 - len(some)) / math.factorial(5) for some in others]
            assert change @ np.array(weight) == pytest.approx(contributions[i, feature], abs=1e-9)
            assert change.min() - 1e-9 <= contributions[i, feature] <= change.max() + 1e-9


def test_of_trees_removing_the_first_reason_last_agrees_with_its_sign_nearly_always():
    model, rows = scorer("trees"), clients(4, 150)
    codes, contributions = model.codes(rows), model.contributions(rows)
    everything = frozenset(range(5))
    first = np.abs(contributions).argmax(axis=1)
    size = contributions[np.arange(len(rows)), first]
    change = np.array(
        [
            worth(model.tables, codes[:, i], everything) - worth(model.tables, codes[:, i], everything - {int(f)})
            for i, f in enumerate(first)
        ]
    )
    clear = np.abs(size) > 0.25
    assert clear.sum() > 100
    assert (np.sign(change) == np.sign(size))[clear].mean() > 0.98
