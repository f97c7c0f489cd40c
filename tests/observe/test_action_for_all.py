"""What an action would earn for everybody over the rules: told by those for whom it was tried, holding the truth."""

from __future__ import annotations

import numpy as np

from decisionloop.observe.action_for_all import FOR_ALL, for_all_figures
from decisionloop.observe.cohort import logged_decisions
from decisionloop.observe.estimate import Estimate
from tests.monitor.customers import offers
from tests.observe.test_action_value import TEN, kept, world

COST = (0.0, 2.0, 4.0)


def told(seed: int, is_without_ten: bool = False) -> tuple[dict[str, Estimate], list[float]]:
    """Figures by slice, and what is true: money a decision of each action for everybody over the rules."""
    log, frame, rules, _ = world(seed)
    if is_without_ten:
        log["action"] = log["action"].replace({"offer_10": "offer_20"})
    case = offers()
    figures = list(for_all_figures(case, log, frame, logged_decisions(case, log, frame, None), rules))
    assert {one.monitor for one in figures} == {FOR_ALL}
    cost = np.array(COST)

    def money(action: np.ndarray) -> np.ndarray:
        return 20 * kept(frame, action) - cost[action]

    truth = [float((money(np.full(len(frame), one)) - money(rules)).mean()) for one in range(3)]
    return {one.slice: one.estimate for one in figures}, truth


def test_intervals_hold_what_each_action_would_have_earned_for_everybody() -> None:
    held = []
    for seed in range(20):
        figures, truth = told(seed)
        for action, true in zip(offers().action_names, truth, strict=True):
            one = figures[f"action={action}"]
            assert one.low is not None
            assert one.high is not None
            held.append(one.low <= true <= one.high)
    assert np.mean(held) >= 0.9


def test_an_action_that_nobody_was_given_is_not_told() -> None:
    figures, _ = told(1, is_without_ten=True)
    assert "action=offer_10" not in figures


def test_what_the_rules_give_everybody_anyway_has_nothing_to_show() -> None:
    log, frame, _, _ = world(2)
    case = offers()
    rules = np.full(len(log), TEN)
    found = for_all_figures(case, log, frame, logged_decisions(case, log, frame, None), rules)
    assert {one.slice for one in found} == {"action=none", "action=offer_20"}
