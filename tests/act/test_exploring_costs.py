"""Where every action costs, exploring is paid from what the costs come to, and keeps to that budget in truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from decisionloop.act.constraints import BatchTotals
from decisionloop.act.exploration.agreement import agree_on_exploring
from decisionloop.act.exploration.seen_money import SeenMoney, together
from decisionloop.act.exploration.tally import Decided, seen_of
from decisionloop.act.situation import Situation
from decisionloop.act.turn import Turn

ROWS, BATCHES, SHARE, LOSS = 400, 40, 0.01, 30.0
RATES, COSTS = np.array([0.2, 0.12, 0.1]), np.array([0.0, 0.1, 2.0])
NONE, SMS, CALL = range(3)
OUTCOMES = ((0.0, np.nan), (1.0, np.nan))


@pytest.fixture
def reminders(make_use_case):
    """Remind of an appointment: who does not show up costs 30 EUR, a message 0.10, a call 2."""
    names = ("none", "sms", "call")
    actions = [
        {"name": name, "wording": name, "reveals_outcome": True, **({"is_default": True} if name == "none" else {})}
        for name in names
    ]
    values = {name: f"-{LOSS:g} * outcome - {cost:g}" for name, cost in zip(names, COSTS, strict=True)}
    return make_use_case(
        policy={"exploration": {"kind": "priced", "budget_share": SHARE}, "holdout_share": 0.0},
        actions=actions,
        outcome={"class": {"column": "missed", "wording": "did not come"}, "window_days": 1, "maturity_days": 1},
        economics={"currency": "EUR", "value": values, "explanation": "Everything costs."},
        model={"action_as": "input"},
    )


def _explored(use_case, frame, seen, day):
    """The chances (n, A) of what the rules would not do, and the budget of the batch."""
    unvalued = np.full((ROWS, 3), np.nan)
    situation = Situation(unvalued, np.full(ROWS, SMS), False, reason=np.full(ROWS, "", dtype=object), seen=seen)
    totals = BatchTotals.of(use_case, frame)
    agreed = agree_on_exploring(use_case, day, totals, lambda: [(frame, situation)], ())
    turn = Turn.of(use_case, frame, day, situation)
    return agreed.of(use_case, frame, turn, situation).chances(turn.offer.alternatives(turn.rules)), agreed.figures


def test_before_anything_is_seen_there_is_a_budget_and_something_is_tried(reminders, make_frame):
    _, figures = _explored(reminders, make_frame(ROWS), SeenMoney(), datetime(2026, 1, 5, tzinfo=UTC))
    assert figures.value_expected == pytest.approx(ROWS * (LOSS + COSTS[SMS]))
    assert figures.budget == pytest.approx(SHARE * figures.value_expected)
    assert figures.explored > 0


def test_what_is_lost_in_truth_is_within_the_share_of_the_money_that_moves(reminders, make_frame):
    """40 days of rules that send a message to everybody, in a world where each other action costs more."""
    rng, frame, truth = np.random.default_rng(7), make_frame(ROWS), -LOSS * RATES - COSTS
    seen, lost, moved, explored = [], 0.0, 0.0, 0.0
    for day in range(BATCHES):
        chances, _ = _explored(reminders, frame, together(seen), datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=day))
        lost += float((chances * (truth[SMS] - truth)).sum())
        moved += ROWS * abs(truth[SMS])
        explored += float(chances.sum())
        whole = chances.copy()
        whole[:, SMS] = 1 - chances.sum(axis=1)
        action = (rng.random(ROWS)[:, None] > whole.cumsum(axis=1)).sum(axis=1)
        came = (rng.random(ROWS) < RATES[action]).astype(float)
        done = Decided(
            action, np.full(ROWS, SMS), whole[np.arange(ROWS), action], np.full(ROWS, "", dtype=object), came,
            np.full(ROWS, np.nan),
        )  # fmt: skip
        seen.append(seen_of(reminders, frame, done, OUTCOMES))
    assert explored > 100
    assert 0 < lost <= SHARE * moved
