"""Capture: nought for the rules, one for the reference, and every dollar between them belongs to one cause."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.contract import load_use_case
from decisionloop.learn.capture import Captured, KnownPeriod, captured
from decisionloop.learn.capture_reference import reference_actions
from tests.small_use_case import write_small

HOLD, LEND = 0, 1


@pytest.fixture(scope="module")
def contract(tmp_path_factory):
    """The use case ``small``."""
    return load_use_case(write_small(tmp_path_factory.mktemp("usecases")).folder).use_case


def _period(name, rows, seed):
    """Whoever has much debt defaults; the rules look at turnover, which says nothing."""
    chance = np.random.default_rng(seed)
    turnover, debt = chance.gamma(4, 25, rows).clip(0, 1000), chance.uniform(0, 10, rows)
    trade = chance.choice(["craft", "farm", "retail"], rows)
    ids = np.arange(rows).astype(str)
    frame = pd.DataFrame({"shop_id": ids, "turnover": turnover, "debt": debt, "trade": trade, "owner_sex": "f"})
    rules = (turnover > 80).astype(int)
    return KnownPeriod(
        period=name,
        frame=frame,
        batch=np.zeros(rows, dtype=int),
        outcome_class=np.broadcast_to((debt > 5).astype(float)[:, None], (rows, 2)),
        amount=None,
        rules=rules,
        preferred=rules,
        taken=rules,
        is_model=np.zeros(rows, dtype=bool),
        is_held_out=np.zeros(rows, dtype=bool),
    )


PERIODS = (_period("2024-01", 500, 1), _period("2024-02", 500, 2), _period("2024-03", 500, 3))


@pytest.fixture(scope="module")
def reference(contract):
    """What the reference does in each period."""
    return reference_actions(contract, PERIODS)


def test_the_reference_begins_with_the_rules_and_then_knows_what_they_ignore(contract, reference):
    assert (reference[0] == PERIODS[0].rules).all()
    for period, chosen in zip(PERIODS[1:], reference[1:], strict=True):
        repays = period.outcome_class[:, 0] == 0
        assert (chosen == np.where(repays, LEND, HOLD)).mean() > 0.97
        assert captured(contract, period, chosen).attainable > 0


def test_while_nothing_teaches_the_reference_does_as_the_rules(contract):
    few = [_period(f"2024-0{month}", 1, month) for month in (1, 2)]
    assert [list(one) for one in reference_actions(contract, few)] == [list(one.rules) for one in few]


def test_to_do_as_the_rules_captures_nothing_and_to_do_as_the_reference_everything(contract, reference):
    rules = captured(contract, PERIODS[1], reference[1])
    assert rules.share == 0
    assert rules.waiting == pytest.approx(rules.attainable)
    model = np.ones(500, dtype=bool)
    ideal = replace(PERIODS[1], preferred=reference[1], taken=reference[1], is_model=model)
    best = captured(contract, ideal, reference[1])
    assert best.share == pytest.approx(1)
    assert (best.waiting, best.holdout, best.exploring, best.choices) == (0, 0, 0, 0)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_what_is_left_is_split_among_causes_and_adds_up(contract, reference, seed):
    chance, rows = np.random.default_rng(seed), 500
    is_held_out = chance.random(rows) < 0.1
    preferred = np.where(is_held_out, PERIODS[2].rules, chance.integers(0, 2, rows))
    explored = (chance.random(rows) < 0.2) & ~is_held_out
    known = replace(
        PERIODS[2],
        preferred=preferred,
        taken=np.where(explored, 1 - preferred, preferred),
        is_model=chance.random(rows) < 0.5,
        is_held_out=is_held_out,
    )
    told = captured(contract, known, reference[2])
    parts = told.waiting + told.holdout + told.exploring + told.choices
    assert parts == pytest.approx(told.reference - told.loop)
    assert (told + told).exploring == pytest.approx(2 * told.exploring)


def test_where_nothing_was_to_be_had_there_is_no_share():
    assert np.isnan(Captured(1.0, 2.0, 2.0, 0, 0, 1.0, 0).share)
