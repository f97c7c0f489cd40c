"""What the page says of the capture: how much was to be had, what the loop made of it, and where the rest went."""

from __future__ import annotations

from decisionloop.learn.capture import Captured
from decisionloop.report.record.story import PeriodCapture
from decisionloop.report.words.capture import capture_sentences

MILLION = 1e6


def _said(**parts):
    """Of a replay whose rules earn 10 million and whose reference earns 14."""
    kept = {"waiting": 0.0, "holdout": 0.0, "exploring": 0.0, "choices": 0.0} | parts
    loop = 14 - sum(kept.values())
    money = Captured(loop * MILLION, 10 * MILLION, 14 * MILLION, **{name: v * MILLION for name, v in kept.items()})
    return [str(one).replace("\xa0", " ") for one in capture_sentences([PeriodCapture("2005-06", money)], "TWD")]


def test_what_a_loop_earned_more_than_the_rules_is_told_as_a_share_of_what_was_to_be_had():
    whole, rest = _said(exploring=0.4, waiting=1.0)
    assert "would have earned NT$4.0 million more than the rules alone" in whole
    assert "This loop earned NT$2.6 million more than the rules: 65% of that." in whole
    assert rest == (
        "The rest went on letting the rules decide while nothing better was ready (NT$1.0 million) and "
        "exploring (NT$400,000)."
    )


def test_a_loop_that_lost_money_by_learning_is_told_so():
    whole, _ = _said(exploring=6.0)
    assert "This loop earned NT$2.0 million less than the rules: it paid more to learn than it gained." in whole


def test_what_went_better_than_with_free_information_is_told_apart():
    _, rest, better = _said(waiting=1.0, choices=-1.5)
    assert "what its models chose otherwise" not in rest
    assert better == "Better than that loop were what its models chose otherwise (NT$1.5 million)."


def test_where_nothing_was_to_be_had_nothing_is_divided():
    money = Captured(9 * MILLION, 10 * MILLION, 10 * MILLION, 0, 0, MILLION, 0)
    (only,) = capture_sentences([PeriodCapture("2005-08", money)], "TWD")
    assert only.endswith("there was nothing to be had.")
    assert capture_sentences([], "TWD") == ()
