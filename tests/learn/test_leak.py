"""A ranking that is too good, and a feature that alone carries it, are warned of; ordinary skill is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract.problem import Feature
from decisionloop.learn.gate import judge
from decisionloop.learn.leak import leak_warning, single_feature_aucs, too_good
from decisionloop.observe.estimate import Estimate, cannot_say
from tests.learn.test_gate import GOOD, RULES, estimate

N = 2000
NONE: dict[str, Estimate] = {}


def feature(name: str, kind: str = "number") -> Feature:
    return Feature(name=name, type=kind, wording=name, purpose="test")


@pytest.mark.parametrize(
    ("ranking", "alone", "words"),
    [
        (estimate(0.97, 0.01), NONE, "too good to be true: AUC 0.970"),
        (estimate(0.96, 0.03), NONE, ""),
        (cannot_say("one class", 3, 0.95), NONE, ""),
        (None, {"paid": estimate(0.99, 0.01)}, "paid alone tells the outcome"),
        (None, {"paid": estimate(0.96, 0.03)}, ""),
        (estimate(0.935, 0.01), {"paid": estimate(0.93, 0.02), "age": estimate(0.6, 0.02)}, "paid alone carries"),
        (estimate(0.96, 0.02), {"paid": estimate(0.93, 0.02), "age": estimate(0.6, 0.02)}, ""),
        (estimate(0.85, 0.01), {"paid": estimate(0.85, 0.01), "age": estimate(0.6, 0.02)}, ""),
        (estimate(0.935, 0.01), {"paid": estimate(0.93, 0.02)}, ""),
    ],
)
def test_what_is_sure_is_warned_of_with_what_to_do(ranking, alone, words):
    warning = leak_warning(ranking, alone)
    assert words in warning
    assert bool(warning) == bool(words)
    assert not warning or "after the outcome" in warning


def test_every_feature_that_knows_the_outcome_is_named():
    two = {"paid": estimate(0.99, 0.01), "age": estimate(0.6, 0.02), "closed": estimate(0.98, 0.01)}
    warning = leak_warning(None, two)
    assert "paid alone tells" in warning
    assert "closed alone tells" in warning
    assert "age" not in warning
    nearly = {"paid": estimate(0.93, 0.02), "age": estimate(0.6, 0.02), "closed": estimate(0.932, 0.02)}
    warning = leak_warning(estimate(0.935, 0.01), nearly)
    assert "paid alone carries" in warning
    assert "closed alone carries" in warning


def test_each_feature_is_judged_by_its_own_order_whatever_its_type_and_form():
    chance = np.random.default_rng(0)
    outcome = (chance.random(N) < 0.3).astype(float)
    entity = np.array([f"e{i}" for i in range(N)], dtype=object)
    frame = pd.DataFrame(
        {
            "noise": chance.normal(size=N),
            "hump": np.where(outcome == 1, chance.normal(0, 0.1, N), chance.choice([-2.0, 2.0], N)),
            "paid": np.where(outcome == 1, np.nan, 3.0),
            "state": pd.Series(np.where(outcome == 1, "closed", chance.choice(["a", "b"], N)), dtype="str"),
            "name": pd.Series(entity, dtype="str"),
        }
    )
    kinds = {"state": "category", "name": "category"}
    features = [feature(name, kinds.get(name, "number")) for name in frame]
    found = single_feature_aucs(features, frame, outcome, entity)
    for name in ("hump", "paid", "state"):
        assert found[name].low > 0.95, name
    assert found["noise"].low < 0.55
    # A name for every row remembers nothing of rows that it has not seen.
    assert found["name"].value == pytest.approx(0.5, abs=0.02)


def test_the_gate_warns_and_refuses_nobody_for_it():
    suspected = replace(GOOD, auc=estimate(0.98, 0.01), leak=too_good(estimate(0.98, 0.01)))
    verdict = judge(suspected, RULES)
    assert verdict.decision == "promote"
    assert "too good to be true" in verdict.reason
    assert judge(GOOD, RULES).warning == ""
