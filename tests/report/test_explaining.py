"""Sentences about scores, gates, exploration, groups, one decision and the replay's truth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from decisionloop.ledger.releases import ReleaseEvent
from decisionloop.ledger.verdicts import Verdict
from decisionloop.report.read.releases import what_became
from decisionloop.report.record.claims import claims_of
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import (
    BatchLine,
    CheckLine,
    CohortPerformance,
    Explored,
    ImpactLine,
    Otherwise,
    VerdictStory,
)
from decisionloop.report.record.story import Story
from decisionloop.report.record.truth import check_truth
from decisionloop.report.words import explaining, recounting
from decisionloop.report.words.figures import NBSP
from decisionloop.report.words.headline import not_held_sentence


def cohort(period: str, auc: float | None, low: float, high: float, expected: float, seen: float) -> CohortPerformance:
    estimate = Estimate() if auc is None else Estimate(auc, low, high)
    return CohortPerformance(period, "the model", estimate, expected, seen, 1_000, auc_threshold=0.83)


GOOD = cohort("2005-07", 0.884, 0.87, 0.90, 0.07, 0.08)
POOR = cohort("2005-09", 0.702, 0.69, 0.71, 0.083, 0.194)


def test_skill_is_told_in_pairs_out_of_a_hundred() -> None:
    assert explaining.skill_sentence([GOOD, POOR], "client").replace(NBSP, " ") == (
        "Take two clients, one who had the outcome and one who did not. In July 2005 the score pointed to the right "
        "one 88 times in 100, in September 2005 70 times. Tossing a coin gives 50. "
        "That is surely below the 83 at which a new model is trained."
    )


def test_skill_below_the_threshold_is_only_sure_when_its_interval_is() -> None:
    maybe = cohort("2005-09", 0.82, 0.80, 0.84, 0.1, 0.1)
    assert "may be below the 83" in explaining.skill_sentence([GOOD, maybe], "client")
    assert "below" not in explaining.skill_sentence([GOOD], "client")
    assert "nobody knows how well the score ranks clients" in explaining.skill_sentence(
        [replace(GOOD, auc=Estimate())], "client"
    )


def test_each_model_is_held_against_its_own_threshold() -> None:
    older = replace(POOR, auc_threshold=0.7)
    assert "at which a new model is trained" not in explaining.skill_sentence([GOOD, older], "client")


def test_calibration_names_the_widest_miss_or_says_there_was_none() -> None:
    told = explaining.calibration_sentence([GOOD, POOR], "late", "client")
    assert told.replace(NBSP, " ") == (
        "The widest miss was in September 2005: 8 in 100 were expected to be “late”, and 19 in 100 were. That is of "
        "all clients, worked out from those whose outcome was seen; among those that the loop chose by itself the rate "
        "is another."
    )
    assert claims_of(told)["rate.everybody.seen[2005-09]"] == POOR.observed_rate
    assert explaining.calibration_sentence([GOOD], "late", "client") == (
        "What was expected and what happened never differed by more than 1 in 100."
    )
    assert explaining.calibration_sentence([replace(GOOD, observed_rate=None)], "late", "client") == ""


def test_rare_shares_are_counted_in_thousands() -> None:
    assert explaining.in_hundred(0.22) == "22 in 100"
    assert explaining.in_hundred(0.004) == "4 in 1,000"
    assert explaining.in_hundred(0.0) == "0 in 100"


@pytest.mark.parametrize(
    ("decision", "look", "expected"),
    [
        (
            "promote",
            2,
            "On 17 July 2005 the gate found the model proven against the rules; it has not come to decide by that, for "
            "a person must say yes first.",
        ),
        (
            "promote",
            1,
            "On 17 July 2005 the gate passed the model for a trial in shadow beside the rules.",
        ),
        ("refuse", 1, "On 17 July 2005 the gate refused the model against the rules."),
        (
            "insufficient",
            1,
            "On 17 July 2005 the gate could not judge the model against the rules: "
            "the evidence is too thin for an answer.",
        ),
    ],
)
def test_verdicts(decision: str, look: int, expected: str) -> None:
    verdict = VerdictStory(date(2005, 7, 17), look, "the model", "the rules", decision, ())
    assert explaining.verdict_sentence(verdict).replace(NBSP, " ") == expected


@pytest.mark.parametrize(("days", "is_told"), [(0, True), (7, False)])
def test_what_cannot_be_judged_and_is_refused_at_once_is_told_as_refused(days: int, is_told: bool) -> None:
    at = datetime(2005, 7, 17, tzinfo=UTC)
    verdict = Verdict("shop", "shop/model/1", "shop/rules/1", 1, at, "insufficient", "[]", "{}")
    gone = ReleaseEvent(
        "shop", 3, "shop/model/1", "candidate", "refused", None, "gate", "gate", "too thin", "{}",
        at + timedelta(days=days), at,
    )  # fmt: skip
    assert (what_became(verdict, [gone]) == gone) == is_told
    told = VerdictStory(date(2005, 7, 17), 1, "the model", "the rules", "insufficient", (), became="refused")
    assert explaining.verdict_sentence(told).endswith("the evidence is too thin for an answer, so it was refused.")
    assert explaining.verdict_in_brief(told).endswith("nothing is proven yet, so it was refused")


def test_a_proven_model_that_came_to_decide() -> None:
    verdict = VerdictStory(date(2005, 7, 17), 2, "the model", "the rules", "promote", (), became="champion")
    told = "On 17 July 2005 the gate let the model decide instead of the rules."
    assert explaining.verdict_sentence(verdict).replace(NBSP, " ") == told


def test_a_repeated_look_and_its_passed_checks() -> None:
    checks = (
        CheckLine("money", True, "It earns more."),
        CheckLine("skill", True, "…"),
        CheckLine("adverse_impact", True, "…"),
        CheckLine("latency", None, "…"),
    )
    verdict = VerdictStory(date(2005, 7, 17), 2, "the model", "the rules", "insufficient", checks, asked=3)
    assert explaining.verdict_sentence(verdict).endswith("nothing is proven yet (looked at three times).")
    assert [check.name for check in explaining.told_in_full(verdict)] == ["money", "latency"]
    assert explaining.passed_otherwise(verdict) == "Passed: skill and nobody disadvantaged."
    assert explaining.passed_otherwise(replace(verdict, checks=checks[:1])) == ""


def test_each_cohort_is_led_by_the_release_that_decided_it() -> None:
    shadow = replace(GOOD, release="a shadow", is_deciding=False)
    assert explaining.leading([shadow, GOOD, POOR]) == (GOOD, POOR)
    assert explaining.leading([shadow, replace(shadow, release="another")]) == (shadow,)


EXPLORED = Explored(7_480, 149_940, Estimate(1.9e6, 1.6e6, 2.2e6), 1_702, 0.418, 0.062)


def test_exploration_has_a_price_and_a_purchase() -> None:
    told = [s.replace(NBSP, " ") for s in explaining.explored_sentences(EXPLORED, "late", "NTD")]
    assert told[0].startswith("In 7,480 decisions (5% of all) the loop drew another action")
    assert told[1] == "That cost NT$1.9 million."
    assert told[2].startswith(
        "It bought 1,702 outcomes that would otherwise have stayed unseen: 42 in 100 of them were “late”, "
        "against 6 in 100 of the outcomes seen elsewhere."
    )


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (Estimate(), "What that cost is not known yet."),
        (Estimate(0.0), "It cost nothing that could be measured."),
        (Estimate(-500.0), "It cost nothing: those decisions did better, by €500."),
        (
            Estimate(-500.0, -1_010.0, 10.0),
            "It cost nothing: those decisions did better, by €500, which may be chance.",
        ),
        (
            Estimate(-500.0, -900.0, -100.0),
            "It cost nothing: those decisions did better, by €500 (between €100 and €900), which is more than chance.",
        ),
        (Estimate(500.0, -10.0, 1_010.0), "That cost €500, though it may have cost nothing."),
    ],
)
def test_the_price_of_exploration(cost: Estimate, expected: str) -> None:
    assert explaining.explored_sentences(replace(EXPLORED, cost=cost), "late", "EUR")[1] == expected


@pytest.mark.parametrize(
    ("otherwise", "bought"),
    [
        ("unseen", "It bought 1,702 outcomes that would otherwise have stayed unseen"),
        ("partly", "It showed 1,702 outcomes, some of which would otherwise have stayed unseen"),
        ("seen", "It showed 1,702 outcomes of actions that would otherwise not have been taken"),
    ],
)
def test_only_what_an_action_hides_would_have_stayed_unseen(otherwise: Otherwise, bought: str) -> None:
    told = explaining.explored_sentences(replace(EXPLORED, otherwise=otherwise), "late", "NTD")[2]
    assert told.startswith(bought)
    assert ("forgets" in told) == (otherwise == "unseen")


def test_nothing_explored_is_said() -> None:
    told = explaining.explored_sentences(Explored(0, 100, Estimate(), 0, None, None), "late", "EUR")
    assert told == ("Nothing was explored: no decision drew another action on purpose and at random.",)


def group(name: str, ratio: Estimate) -> ImpactLine:
    return ImpactLine("2005-09", "sex", name, 0.5, ratio, 1_000)


def test_groups_are_compared_with_a_hundred_of_the_group_chosen_most_often() -> None:
    best = ImpactLine("2005-09", "sex", "men", 0.5, Estimate(1.0, 1.0, 1.0), 1_000, is_best=True)
    fine = group("women", Estimate(0.96, 0.93, 0.99))
    maybe = group("others", Estimate(0.82, 0.78, 0.86))
    surely = group("the young", Estimate(0.6, 0.55, 0.65))
    assert explaining.impact_sentence([best, fine], 0.8) == (
        "For every 100 chosen in the group chosen most often, 96 were chosen among as many of the group “women” "
        "(sex), the fewest of all. No group falls below 80."
    )
    told = explaining.impact_sentence([best, fine, maybe], 0.8)
    assert told.endswith("For one group the data does not rule out fewer than 80.")
    assert explaining.impact_sentence([best, fine, surely], 0.8) == (
        "For every 100 chosen in the group chosen most often, surely fewer than 80 were among the young (sex)."
    )
    assert explaining.impact_sentence([best, group("women", Estimate())], 0.8) == (
        "No group was large enough to be compared."
    )


def test_a_lowest_group_that_was_chosen_as_often_is_not_called_the_fewest() -> None:
    best = ImpactLine("2005-09", "sex", "men", 0.5, Estimate(1.0, 1.0, 1.0), 1_000, is_best=True)
    told = explaining.impact_sentence([best, group("women", Estimate(0.9962, 0.99, 1.002))], 0.8)
    assert told == "Every group was chosen about as often as the one chosen most often."


def test_a_candidate_that_passed_and_was_sent_away_is_told_as_both() -> None:
    passed = VerdictStory(
        date(2005, 10, 6),
        1,
        "the scorecard",
        "the rules",
        "promote",
        (),
        1,
        "refused",
        "Another would earn more.",
        "id",
    )
    told = explaining.verdict_sentence(passed)
    assert told.replace(NBSP, " ") == (
        "On 6 October 2005 the scorecard passed the first look against the rules, and was refused all the same: "
        "another would earn more."
    )
    brief = explaining.verdict_in_brief(passed)
    assert brief == "2005-10-06 id: passed the first look, then refused: Another would earn more."
    assert claims_of(brief) == claims_of(told)


def test_a_decision_is_told_with_its_chance_and_its_money(story: Story) -> None:
    worked, case = story.worked, story.use_case
    assert worked is not None
    assert recounting.choice_sentence(worked, case).endswith(
        "chose “raise the limit by 10%”. The rules would have chosen “keep the limit”."
    )
    assert recounting.choice_sentence(replace(worked, rules_action="increase"), case).endswith(
        "as the rules would have."
    )
    assert recounting.propensity_sentence(worked, "client").startswith("The same client is treated so 95 times in 100")
    drawn = replace(worked, role="exploration", propensity=0.05)
    assert recounting.choice_sentence(drawn, case) == (
        "Exploration drew “raise the limit by 10%”, where the rules would have chosen “keep the limit”."
    )
    assert "only 5 times in 100" in recounting.propensity_sentence(drawn, "client")
    for chance, often in ((0.01, "once in 100"), (0.001, "once in 1,000"), (0.0002, "less than once in 1,000 times")):
        told = recounting.propensity_sentence(replace(drawn, propensity=chance), "client")
        assert told == f"The same client is treated so only {often}, to see what happens."
    assert "holdout" in recounting.propensity_sentence(replace(worked, role="holdout", propensity=1.0), "client")
    assert recounting.propensity_sentence(replace(worked, propensity=1.0), "client") == (
        "Nothing was drawn: only one action was open."
    )
    for because, told in (
        ("kill switch", "the kill switch was on, so the rules decided"),
        ("model rolled back", "the model had been rolled back, so the rules decided"),
        ("kill switch: default action", "by the kill switch everybody got the default action"),
        ("missing: limit", "whoever falls back takes one action (missing: limit)"),
        ("limit: budget of the period", "the budget of the period was spent, and nothing else could be paid"),
        ("limit: largest share of increase", "only one action was open"),
        ("rules stand in: champion failed", "only one action was open"),
    ):
        alone = replace(worked, propensity=1.0, fallback_reason=because)
        assert recounting.propensity_sentence(alone, "client") == f"Nothing was drawn: {told}."
    assert recounting.outcome_sentence(worked, case) == (
        "What happened then: “two or more months late at the next statement”: no. The decision earned NT$150."
    )
    lost = replace(worked, outcome_class=1, money=-2_250.0)
    assert recounting.outcome_sentence(lost, case).endswith("yes. The decision lost NT$2,250.")
    assert recounting.outcome_sentence(replace(worked, outcome_class=None), case) == (
        "What happened then has not been seen."
    )


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["complete"], "1 batch, completed; no with warnings."),
        (["complete", "complete"], "2 batches, all completed; no with warnings."),
        (["complete", "halted"], "2 batches, one halted before anything left; no with warnings."),
        (["complete", "scored"], "2 batches, one not finished; no with warnings."),
    ],
)
def test_batches_are_summed_up(states: list[str], expected: str) -> None:
    batches = [BatchLine(date(2005, 5, 3), state, 10, "the rules", ()) for state in states]
    assert recounting.batches_sentence(batches) == expected.replace("no with", "none with")


def test_what_happens_to_a_release_on_one_day_is_one_step(story: Story) -> None:
    told = [(step.release, step.stage, step.reason) for step in recounting.steps(story.releases)]
    assert told[0][1] == "decides"
    assert told[1] == ("the scorecard of 6 July", "candidate, then refused", "money: may earn less than the rules")
    assert told[2][1:] == ("candidate, then into shadow", "passed the gate's first look")
    assert len(told) == 5


def test_the_truth_checks_the_intervals(story: Story) -> None:
    told = [s.replace(NBSP, " ") for s in recounting.truth_sentences(story.truth, story.money, story.use_case)]
    assert told[0] == (
        "In truth the loop earned NT$8.8 million and the rules alone would have earned NT$11.1 million. "
        "Choosing “raise the limit by 10%” for everyone would have lost NT$45.2 million; perfect foresight would have "
        "earned NT$67.8 million."
    )
    # Loop, rules and their difference in each of five months.
    assert told[1] == "Of the loop's 15 estimates with an interval, 15 held the truth."
    wrong = tuple(replace(one, policy=1e9) for one in story.truth)
    assert recounting.truth_sentences(wrong, story.money, story.use_case)[1] == (
        "Of the loop's 15 estimates with an interval, five held the truth: fewer than the 95% that they promise, "
        "beyond chance."
    )
    sure = check_truth(wrong, story.money, 0.95)
    assert not_held_sentence(sure).startswith(
        "Do not rely on the intervals below: of 15 that the replay can check only 5"
    )
    assert claims_of(not_held_sentence(sure)) == {"truth.tested": 15, "truth.held": 5}
    assert not_held_sentence(check_truth(story.truth, story.money, 0.95)) == ""


def test_a_figure_that_is_the_truth_itself_tests_no_interval(story: Story) -> None:
    exact = [
        replace(one, policy=line.policy.value, rules=line.rules.value + 1e3)
        for one, line in zip(story.truth, story.money, strict=True)
    ]
    assert {one.kind: one.tested for one in check_truth(exact, story.money, 0.95).kinds} == {
        "loop": 0,
        "rules": len(exact),
        "difference": len(exact),
    }


def test_one_interval_that_missed_is_chance(story: Story) -> None:
    one_off = (replace(story.truth[0], policy=1e9, rules=1e9 + 9e5), *story.truth[1:])
    assert not check_truth(one_off, story.money, 0.9).is_short


def test_an_experiment_is_believed_no_further_than_it_is_sure(story: Story) -> None:
    far = replace(story.truth[0], policy=(story.money[0].policy.high or 0.0) + 1e5)
    held = check_truth([far], story.money, 0.95)
    assert (held.tested, held.held) == (3, 1)  # the rules alone
    unsure = replace(far, policy_error=1e6, difference_error=1e6)
    assert check_truth([unsure], story.money, 0.95).held == 3
    told = recounting.truth_sentences([replace(unsure, hindsight=None)], story.money, story.use_case)[0]
    assert told.startswith("As the recorded experiment estimates it the loop earned")
    assert "(give or take NT$" in told
    assert "foresight" not in told
