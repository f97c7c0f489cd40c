"""What an action brought beside the rules is told with a word and no sign; of the rules' own action it is exploring."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.evidence import ActionFigures, ForSome
from decisionloop.report.words.evidence import (
    action_in_brief,
    actions_sentence,
    better_action,
    better_for_sentence,
    tried_sentence,
)
from decisionloop.report.words.missing import unjudged_sentence

EARNED = Estimate(5.0, 4.0, 6.0)


def action(lift: Estimate, is_own: bool = False) -> ActionFigures:
    return ActionFigures("sms", "SMS", 100, 100, EARNED, 100, lift, is_rules_own=is_own)


@pytest.mark.parametrize(
    ("lift", "is_own", "said"),
    [
        (Estimate(-6.59, -9.0, -4.0), False, "EUR 6.59 less than the rules (4.00 to 9.00 less), over"),
        (Estimate(-6.59, -9.0, 2.0), False, "EUR 6.59 less than the rules (9.00 less to 2.00 more), over"),
        (Estimate(1.5, 1.0, 2.0), False, "EUR 1.50 more than the rules (1.00 to 2.00 more), over"),
        (Estimate(-6.59, -9.0, -4.0), True, "exploring beside it cost EUR 6.59 (4.00 to 9.00 less), over"),
        (Estimate(1.5, 1.0, 2.0), True, "exploring beside it brought EUR 1.50 (1.00 to 2.00 more), over"),
    ],
)
def test_more_and_less_are_words(lift: Estimate, is_own: bool, said: str) -> None:
    told = action_in_brief(action(lift, is_own), "EUR")
    assert said in told
    assert told.startswith("sms, the rules' own action: " if is_own else "sms: ")
    assert ("than the rules" in told) != is_own


def test_the_page_says_of_the_rules_own_action_that_exploring_cost_it() -> None:
    own = actions_sentence([action(Estimate(-6.59, -9.0, -4.0), is_own=True)])
    assert own.endswith("where the rules' own “SMS” was preferred exploring surely cost money.")
    other = actions_sentence([action(Estimate(-6.59, -9.0, -4.0))])
    assert other.endswith("where the loop preferred “SMS” it surely earned less, exploring included.")


def test_of_cohorts_that_cannot_be_judged_it_is_said_how_many_are_gone() -> None:
    told = unjudged_sentence(47, 36, 0, None, 11)
    assert told.startswith("36 of 47 complete cohorts had fewer outcomes")
    assert "Of 11 of the 47 complete cohorts the decisions are kept no longer, by retention" in told
    assert "retention" not in unjudged_sentence(47, 36, 0, None)


def tried(for_all: Estimate, decisions: int = 0) -> ActionFigures:
    nothing = Estimate()
    return ActionFigures("visit", "visit them", decisions, 0, nothing, 0, nothing, tried_in=5_000, for_all=for_all)


def test_what_is_only_tried_and_surely_better_is_said_and_to_be_written_into_the_rules() -> None:
    better = [tried(Estimate(2.0, 1.0, 3.0)), action(Estimate(0.0, -1.0, 1.0))]
    assert "for everybody who may get it would have earned EUR 2.00 more than the rules" in action_in_brief(
        better[0], "EUR"
    )
    assert tried_sentence(better, "EUR").startswith("What trying has shown: “visit them” for everybody who may get it")
    told = better_action(better, "EUR")
    assert told is not None
    assert "Write it into the rules" in told.what
    assert "(1.00 to 3.00 more)" in told.what


@pytest.mark.parametrize(
    "for_all",
    [
        Estimate(),
        Estimate(2.0, -1.0, 3.0),
        Estimate(-2.0, -3.0, -1.0),
        Estimate(2.0, 1.0, 3.0, OutcomeBounds(50, 10.0, -1.0, 5.0)),
    ],
    ids=["unknown", "not sure", "worse", "missing outcomes could turn it"],
)
def test_what_is_not_surely_better_is_nothing_to_do(for_all: Estimate) -> None:
    assert better_action([tried(for_all)], "EUR") is None


def test_what_is_only_tried_and_cannot_be_told_yet_is_said() -> None:
    told = tried_sentence([tried(Estimate(2.0, -1.0, 3.0))], "EUR")
    assert told == (
        "What trying has shown: of “visit them”, which is only tried, it cannot be told yet whether it is better than "
        "the rules."
    )


def for_some(gain: Estimate, group: str = "the rules say “rarely here”") -> ForSome:
    return ForSome(group, 3_000, gain, 6)


def test_for_whom_an_action_is_surely_better_is_said_with_its_interval_and_how_many_were_looked_at() -> None:
    some = (for_some(Estimate(2.0, 1.0, 3.0)), for_some(Estimate(1.0, -1.0, 3.0), "plan is “gold”"))
    told = better_for_sentence([replace(tried(Estimate(0.5, -1.0, 2.0)), for_some=some)], "EUR")
    assert told == (
        "For some an action is better, sure for all 6 pairs of an action and a group that were looked at: where the "
        "rules say “rarely here”, “visit them” would have earned EUR 2.00 more than the rules (1.00 to 3.00 more)."
    )


@pytest.mark.parametrize(
    ("for_all", "gain"),
    [
        (Estimate(2.0, 1.0, 3.0), Estimate(2.0, 1.0, 3.0)),
        (Estimate(), Estimate(2.0, -1.0, 3.0)),
        (Estimate(), Estimate(-2.0, -3.0, -1.0)),
        (Estimate(), Estimate(2.0, 1.0, 3.0, OutcomeBounds(50, 10.0, -1.0, 5.0))),
        (Estimate(), Estimate()),
    ],
    ids=["better for everybody", "not sure", "worse", "missing outcomes could turn it", "too few"],
)
def test_of_groups_nothing_is_said_where_it_is_not_sure_or_said_of_everybody(for_all: Estimate, gain: Estimate) -> None:
    assert better_for_sentence([replace(tried(for_all), for_some=(for_some(gain),))], "EUR") == ""


def test_of_many_groups_the_surest_are_named_and_the_others_counted() -> None:
    some = tuple(for_some(Estimate(low + 1.0, low, low + 2.0), f"plan is “{low:g}”") for low in (1.0, 4.0, 2.0, 3.0))
    told = better_for_sentence([replace(tried(Estimate()), for_some=some)], "EUR")
    places = [told.index(f"plan is “{low}”") for low in (4, 3, 2)]
    assert places == sorted(places)
    assert "plan is “1”" not in told
    assert "so it is of 1 more group" in told
