"""For whom an action would have earned more than the rules: group by group, holding the truth."""

from __future__ import annotations

import numpy as np

from decisionloop.observe.action_for_some import FOR_SOME, LEAST, MOST_REASONS, action_and_group, for_some_figures
from decisionloop.observe.cohort import logged_decisions
from decisionloop.observe.estimate import Estimate
from tests.monitor.customers import offers
from tests.observe.test_action_value import kept, world

COST = np.array([0.0, 2.0, 4.0])
REASONS = {"family": "has a family", "gold": "pays for gold", "basic": "pays little"}


def told(seed: int, reason: np.ndarray | None = None) -> tuple[dict[tuple[str, str], Estimate], dict]:
    """Figures by action and group, and what is true of them."""
    log, frame, rules, _ = world(seed)
    words = frame["plan"].map(REASONS).to_numpy(dtype=object) if reason is None else reason
    case = offers()
    found = list(for_some_figures(case, log, frame, logged_decisions(case, log, frame, None), rules, words))
    assert {one.monitor for one in found} <= {FOR_SOME}

    def money(action: np.ndarray) -> np.ndarray:
        return 20 * kept(frame, action) - COST[action]

    truth = {
        (name, f"the rules say “{group}”"): float(
            (money(np.full(len(frame), one)) - money(rules))[words == group].mean()
        )
        for one, name in enumerate(case.action_names)
        for group in REASONS.values()
        if (words == group).any()
    }
    return {action_and_group(one.slice): one.estimate for one in found}, truth


def test_intervals_hold_what_each_action_would_have_earned_in_each_group_of_the_rules() -> None:
    held = []
    for seed in range(20):
        figures, truth = told(seed)
        for key, one in figures.items():
            if key in truth and one.low is not None and one.high is not None:
                held.append(one.low <= truth[key] <= one.high)
    assert len(held) >= 100
    assert np.mean(held) >= 0.92


def test_the_groups_are_the_rules_reasons_and_the_categories_that_are_watched_but_no_protected_ones() -> None:
    groups = {group for _, group in told(1)[0]}
    assert {f"the rules say “{one}”" for one in REASONS.values()} <= groups
    assert {one for one in groups if "rules say" not in one} == {
        "plan is “basic”",
        "plan is “family”",
        "plan is “gold”",
    }


def test_what_one_reason_says_of_all_and_what_few_are_given_is_no_group() -> None:
    log, *_ = world(2)
    alike = np.full(len(log), "what was done most", dtype=object)
    assert not any("rules say" in group for _, group in told(2, alike)[0])
    alike[: LEAST - 1] = "once"
    assert {group for _, group in told(2, alike)[0] if "rules say" in group} == {"the rules say “what was done most”"}
    many = np.array([f"group {place % 40}" for place in range(len(log))], dtype=object)
    assert len({group for _, group in told(2, many)[0] if "rules say" in group}) <= MOST_REASONS
