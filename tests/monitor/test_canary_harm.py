"""Harm that needs no outcome is seen in a batch or two, and what does none is let be, however long it is watched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from decisionloop.monitor.canary.harm import TrialBatch, harms
from decisionloop.monitor.compare.windows import EntitySketch
from decisionloop.monitor.shadow.answers import Answers, PartBeside
from decisionloop.monitor.shadow.counts import BesideCounts
from tests.monitor.watched import watched

ROWS, ERROR = 800, 0.01
USE_CASE = watched(
    features=[
        {"name": "spend", "type": "number", "wording": "money spent", "purpose": "worth"},
        {"name": "trade", "type": "category", "wording": "trade", "categories": ["craft", "farm"], "purpose": "x"},
    ],
    protected=[{"name": "sex", "groups": {"f": "women", "m": "men"}, "reference": "m", "minimum_group_size": 50}],
    guardrails={"action_share": {"lend": [0.2, 0.9]}},
)


class Batch:
    """Rows of one batch, and what a sound champion says of them."""

    def __init__(self, seed: int, first: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.frame = pd.DataFrame(
            {
                "client_id": [f"c{first + row}" for row in range(ROWS)],
                "spend": rng.uniform(0, 1000, ROWS),
                "trade": np.where(rng.random(ROWS) < 0.1, "farm", "craft"),
                "sex": np.where(rng.random(ROWS) < 0.5, "f", "m"),
            }
        )
        self.chance = rng.beta(2, 6, ROWS)
        self.noise = rng.normal(0, 0.02, ROWS)

    def answers(self, chance: np.ndarray) -> Answers:
        """What follows from a chance of a default (n,): a loan earns 10 or loses 40."""
        values = np.column_stack([np.zeros(ROWS), 10 - 50 * chance])
        return Answers({"score": chance}, values, (np.nan_to_num(values[:, 1], nan=-1.0) > 0).astype(np.int64))

    def beside(self, chance: np.ndarray, champion: np.ndarray | None = None) -> TrialBatch:
        """A release that expects ``chance``, beside the champion."""
        theirs, ours = self.answers(self.chance if champion is None else champion), self.answers(chance)
        counts = BesideCounts.of(USE_CASE, PartBeside(self.frame, theirs.action, theirs, ours)).as_kept()
        return TrialBatch(counts, EntitySketch.of(self.frame["client_id"]))

    @property
    def is_woman(self) -> np.ndarray:
        return (self.frame["sex"] == "f").to_numpy()

    @property
    def is_farm(self) -> np.ndarray:
        return (self.frame["trade"] == "farm").to_numpy()


def told(*batches: TrialBatch) -> dict[str, str]:
    return {one.kind: one.words for one in harms(USE_CASE, batches)}


@pytest.mark.parametrize(
    ("harm", "kind", "words"),
    [
        (lambda one: 1 - one.chance, "values", "in the opposite order"),
        (lambda one: np.where(one.is_farm, np.nan, one.chance), "values", "values nobody with trade=farm"),
        (lambda one: np.where(np.arange(ROWS) % 20 == 0, np.nan, one.chance), "values", "5.0% of the rows at NaN"),
        (lambda one: 0.01 * one.chance, "actions", "It would give `lend` to 100.0%"),
        (lambda one: np.where(one.is_woman, 1.8 * one.chance, one.chance), "adverse_impact", "women (sex) would get"),
    ],
)
def test_each_harm_is_seen_in_one_batch_and_said(harm, kind, words) -> None:
    one = Batch(1)
    assert words in told(one.beside(harm(one)))[kind]


def test_one_action_for_everybody_is_harm_without_a_guardrail_but_not_where_nobody_is_decided() -> None:
    free, one = USE_CASE.model_copy(update={"guardrails": watched().guardrails}), Batch(2)
    assert [found.kind for found in harms(free, [one.beside(0.01 * one.chance)])] == ["actions"]
    assert "whoever they are" in harms(free, [one.beside(0.01 * one.chance)])[0].words
    nobody = 0.3 + 0.01 * one.chance
    assert harms(free, [one.beside(nobody)]) == ()
    # Beside rules that do nothing for anybody it may be right to do something for everybody.
    assert harms(free, [one.beside(0.01 * one.chance, champion=nobody)]) == ()


def test_what_the_champion_does_as_well_is_no_harm_of_the_release() -> None:
    one = Batch(3)
    for chance in (
        np.where(one.is_farm, np.nan, one.chance),
        0.01 * one.chance,
        np.where(one.is_woman, 1.8 * one.chance, one.chance),
    ):
        assert told(one.beside(chance + one.noise * 1e-3, champion=chance)) == {}


def test_rules_value_nothing_so_that_there_is_no_order_to_turn_about() -> None:
    one = Batch(4)
    rules = Answers({}, None, one.answers(one.chance).action)
    counts = BesideCounts.of(USE_CASE, PartBeside(one.frame, rules.action, rules, one.answers(1 - one.chance)))
    assert (counts.agreeing, counts.against, counts.silent) == (0, 0, 0)


def test_small_groups_are_judged_over_batches_and_people_who_return_count_once() -> None:
    """A ratio of about 0.7 is not sure in one batch; with other people it becomes so, with the same it does not."""

    def batch(seed: int, first: int) -> TrialBatch:
        one = Batch(seed, first)
        return one.beside(np.where(one.is_woman, 1.35 * one.chance, one.chance))

    others = [batch(seed, first=seed * ROWS) for seed in range(8)]
    assert told(others[0]) == {}
    assert "adverse_impact" in told(*others)
    assert told(*[batch(0, 0)] * 8) == {}


def test_a_twin_and_a_release_that_was_trained_anew_are_stopped_no_more_often_than_declared() -> None:
    stopped, runs = 0, 20
    for run in range(runs):
        batches: list[TrialBatch] = []
        for week in range(8):
            one = Batch(1_000 + 100 * run + week, first=(week % 4) * ROWS)
            batches.append(one.beside(np.clip(one.chance + one.noise, 0, 1)))
            stopped += bool(told(*batches))
    assert stopped <= binom.ppf(0.999, runs, ERROR)
    one = Batch(5)
    assert told(*[one.beside(one.chance)] * 20) == {}


def test_batches_of_another_contract_are_left_out_and_stop_nothing() -> None:
    one = Batch(6)
    harmful, other = one.beside(1 - one.chance), watched()  # without the protected attribute
    assert harms(other, [harmful]) == ()
    counts = BesideCounts.of(
        other, PartBeside(one.frame, one.answers(one.chance).action, *[one.answers(one.chance)] * 2)
    )
    assert "values" in told(TrialBatch(counts, harmful.entities), harmful)


@settings(max_examples=20)
@given(st.integers(0, 50), st.integers(1, ROWS - 1))
def test_parts_of_a_batch_add_up_to_the_whole_but_for_pairs(seed: int, cut: int) -> None:
    one = Batch(seed)
    ours, theirs = one.answers(np.where(one.is_farm, np.nan, one.chance)), one.answers(one.chance)

    def part(rows: slice) -> BesideCounts:
        answers = [Answers({}, None if x.values is None else x.values[rows], x.action[rows]) for x in (theirs, ours)]
        return BesideCounts.of(USE_CASE, PartBeside(one.frame[rows], answers[0].action, *answers))

    whole, parts = part(slice(None)), part(slice(0, cut)) + part(slice(cut, None))
    same = replace(parts, agreeing=whole.agreeing, against=whole.against, silence=whole.silence)
    assert same == whole
    assert {(s.slice, s.rows, s.silent) for s in parts.silence} == {(s.slice, s.rows, s.silent) for s in whole.silence}
