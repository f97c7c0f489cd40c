"""A page that can tell nothing says so first, why, and what to do; and takes no yes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from decisionloop.learn.tried_otherwise import TriedOtherwise
from decisionloop.ledger.alerts import Alert
from decisionloop.report.record.standing import LiveRelease, Standing, Waiting
from decisionloop.report.record.story import Story
from decisionloop.report.record.what_next import WhatNext
from decisionloop.report.words.glance import glance_of
from decisionloop.report.words.trying import try_more, untold_line

FEW = TriedOtherwise(29, 100, 0.7, "policy.exploration.budget_share (now 0.01)")
DECIDES = LiveRelease("a/rules/1", "the rules", "champion", date(2005, 6, 1), "decisionloop", "first")


def answer(story: Story, question: str) -> str:
    return " ".join(next((one.sentences for one in glance_of(story).answers if one.question == question), ()))


def plain(story: Story) -> Story:
    """A story of which nothing is wrong but that too little is tried."""
    return replace(story, monitoring=None, batches=(), tried=FEW, standing=Standing((DECIDES,)))


def test_the_first_screen_says_that_nothing_can_be_told_why_and_what_to_do(story: Story) -> None:
    told = glance_of(plain(story))
    assert told.answers[0].question == "Can anything be told yet?"
    assert "29 outcomes have been seen, and at least 100 are needed" in told.answers[0].sentences[0]
    assert "that takes 2 years more" in told.answers[0].sentences[1]
    assert "`policy.exploration.budget_share` (now 0.01)" in told.to_do[0].what
    assert "`decisionloop usecase check credit_line`" in told.to_do[0].what
    assert answer(plain(story), "What waits for a person?") == "Only what is to be done below."


def test_what_is_wrong_is_not_nothing_where_nothing_can_be_told(story: Story) -> None:
    assert answer(replace(story, tried=FEW), "What is wrong?").startswith("Nothing can be told yet; ")
    enough = replace(FEW, seen=100)
    assert not answer(replace(story, tried=enough), "Can anything be told yet?")
    assert untold_line(enough) == ""


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        (replace(FEW, a_week=10.0), ""),
        (replace(FEW, a_week=float("nan")), ""),
        (replace(FEW, setting=""), "The contract tries nothing"),
        (replace(FEW, seen=0, a_week=0.0), "Raise `policy.exploration.budget_share`"),
        (replace(FEW, a_week=0.2), "7 times as much must be tried, or decide"),
        (replace(FEW, a_week=0.2, room=2.5), "7 times as much must be tried, and the setting goes up to 2.5 times"),
        (replace(FEW, room=1.0), "`policy.exploration.budget_share` (now 0.01) is as large as it may be: decide more"),
    ],
)
def test_what_a_few_weeks_bring_needs_nothing_done(tried: TriedOtherwise, expected: str) -> None:
    told = try_more(tried, "mails")
    assert (told.what if told else "").startswith(expected) or (told and expected in told.what)
    assert (told is None) == (expected == "")


def test_outcomes_of_unlike_chances_are_told_as_the_gate_counts_them() -> None:
    told = untold_line(replace(FEW, outcomes=310))
    assert (
        "310 outcomes have been seen; of one action they tell as much as 29 of equal chance, and at least 100" in told
    )


def test_outcomes_of_what_a_limit_cut_are_told_as_that() -> None:
    told = untold_line(replace(FEW, seen=4, outcomes=4, cut=4))
    assert "4 outcomes have been seen, all where a limit cut what they would have done, and at least 100" in told
    assert "3 of them where a limit cut" in untold_line(replace(FEW, seen=4, outcomes=4, cut=3))


def test_that_no_rate_is_known_is_not_that_no_outcome_has_come() -> None:
    assert "No outcome has had the time" in untold_line(replace(FEW, seen=0, a_week=float("nan")))
    told = untold_line(replace(FEW, outcomes=30, a_week=float("nan")))
    assert "No outcome" not in told
    assert "how many come a week is not known" in told


def test_money_counts_once_the_outcome_is_due_and_not_once_it_would_no_longer_count(story: Story) -> None:
    case = replace(story.use_case, maturity_days=45)
    told = answer(replace(plain(story), use_case=case), "What happens next?")
    assert "A decision's money counts 45 days after it." in told
    sooner = replace(plain(story), use_case=replace(case, is_due_sooner=True))
    assert "counts 45 days after it at the latest." in answer(sooner, "What happens next?")


def test_no_yes_is_taken_back_by_the_sentence_after_it(story: Story) -> None:
    doubted = replace(story.headline, against=("The intervals do not hold.",), doubts=("The intervals do not hold.",))
    told = answer(replace(story, headline=doubted), "Is that sure?")
    assert not told.startswith("Yes")
    assert told.endswith("The intervals do not hold.")


def test_nothing_waits_exactly_where_nothing_is_to_be_done(story: Story) -> None:
    clear = replace(plain(story), tried=None)
    assert answer(clear, "What waits for a person?") == "Nothing."
    assert glance_of(clear).to_do == ()
    alert = Alert(
        "a1", "credit_line", None, "warning", "shadow", "It disagrees", "Look.", datetime(2005, 7, 1, tzinfo=UTC)
    )
    told = replace(clear, standing=Standing((DECIDES,), Waiting(alerts=(alert,))))
    assert answer(told, "What waits for a person?") == "1 alert."
    assert [one.title for one in glance_of(told).to_do] == ["Alert, warning: shadow since 1\u00a0July\u00a02005"]
    of_batch = replace(alert, batch_id="credit_line/2005-06-30")  # of a replay: raised years later
    told = replace(clear, standing=Standing((DECIDES,), Waiting(alerts=(of_batch,))))
    assert [one.title for one in glance_of(told).to_do] == [
        "Alert, warning: shadow of the batch of 30\u00a0June\u00a02005"
    ]


def test_the_first_screen_says_whether_a_group_is_worse_off_and_when_the_next_batch_is_due(story: Story) -> None:
    assert "chosen among as many of the group “under 25”" in answer(story, "Is any group worse off?")
    assert answer(replace(story, impact=()), "Is any group worse off?") == ""
    dates = WhatNext(date(2005, 10, 3), date(2005, 10, 6), date(2005, 9, 5), date(2005, 12, 1))
    said = answer(replace(plain(story), next=dates), "What happens next?").replace("\u00a0", " ")
    assert said.startswith(
        "The next batch is due on 3 October 2005. The outcomes of 5 September 2005 are complete on 6 October 2005. "
        "A training is on the schedule for 1 December 2005, unless something asks for one before."
    )
    over = answer(replace(plain(story), next=WhatNext(ended=date(2005, 9, 30))), "What happens next?")
    assert over.startswith("Nothing: this was a replay of what is past, and it ended with the batch of 30")
