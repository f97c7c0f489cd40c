"""The plug: pulled only where the rules are known to treat the disadvantaged group better."""

from __future__ import annotations

import pytest

from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.compare.windows import Window
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.monitor.impact.judging import judge_impact
from decisionloop.monitor.impact.plug import PlugDecision, pull_plug
from tests.monitor.impact_world import loans, tally

WOMEN, MEN = ("f", "mid"), ("m", "mid")


def decided(one: GroupTally, **monitors: object) -> PlugDecision:
    use_case = loans(**monitors)
    return pull_plug(use_case, judge_impact(use_case, [Window(1, one)], budget_of(use_case)), one)


def test_pulled_where_the_rules_are_better() -> None:
    decision = decided(tally({WOMEN: (300, 1000), MEN: (600, 1000)}, {WOMEN: 500, MEN: 600}))
    assert decision.is_pulled
    assert decision.reason == "sex=f has a ratio of 0.50, 0.83 under the rules: the rules decide."


@pytest.mark.parametrize("theirs", [{WOMEN: 300, MEN: 600}, {WOMEN: 200, MEN: 600}, {WOMEN: 0, MEN: 0}])
def test_stays_where_the_rules_are_as_bad_or_cannot_be_judged(theirs: dict[tuple[str, str], int]) -> None:
    decision = decided(tally({WOMEN: (300, 1000), MEN: (600, 1000)}, theirs))
    assert not decision.is_pulled
    assert "falling back would not help" in decision.reason


def test_stays_where_the_rules_would_do_the_same_to_others() -> None:
    decision = decided(tally({WOMEN: (300, 1000), MEN: (600, 1000)}, {WOMEN: 600, MEN: 300}))
    assert not decision.is_pulled
    assert "the rules would bring sex=m to 0.50" in decision.reason


def test_stays_without_an_alarm_or_where_the_contract_forbids_it() -> None:
    fair = tally({WOMEN: (590, 1000), MEN: (600, 1000)}, {WOMEN: 600, MEN: 600})
    assert decided(fair) == PlugDecision(False, "No group is surely favoured too rarely.")
    bad = tally({WOMEN: (300, 1000), MEN: (600, 1000)}, {WOMEN: 500, MEN: 600})
    assert "is_plug_pulled is off" in decided(bad, is_plug_pulled=False).reason


def test_an_intersection_alone_is_for_people_to_weigh() -> None:
    chosen = {("f", "mid"): (80, 400), ("f", "old"): (500, 600), ("m", "mid"): (500, 600), ("m", "old"): (240, 400)}
    one = tally(chosen, dict.fromkeys(chosen, 300))
    decision = decided(one)
    assert not decision.is_pulled
    assert "Only an intersection" in decision.reason
    assert "sex x age=f x mid" in decision.reason
