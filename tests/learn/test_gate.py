"""The gate: money first, never without skill or overlap, and never kinder to a worse candidate."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.errors import UsageError
from decisionloop.learn.comparison import Comparison, Progress
from decisionloop.learn.gate import GateEvidence, GateRules, ImpactComparison, judge
from decisionloop.learn.gate_money import confidence_words
from decisionloop.learn.serving import LatencyEvidence
from decisionloop.learn.soundness import Soundness
from decisionloop.monitor.impact.adverse_impact import AdverseImpact, GroupImpact, Ratio
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.overlap import Overlap

RULES = GateRules(currency="TWD", confidence=0.9)
RANK = {"refuse": 0, "insufficient": 1, "promote": 2}
GOOD_OVERLAP = Overlap(6000, 3000, 500.0, 0.005, 0.0, 0.3, 12)


def estimate(value: float, half: float, confidence: float = 0.95, n: int = 30_000) -> Estimate:
    return Estimate(value, value - half, value + half, n, 500.0, confidence)


def money(value: float, half: float) -> Estimate:
    return estimate(value, half, RULES.interval_confidence)


def group(name: str, ratio: float | None) -> GroupImpact:
    told = Ratio(None, None, None, "too few") if ratio is None else Ratio(ratio, ratio * 0.9, ratio * 1.1)
    return GroupImpact("sex", name, 500, 300, 0.6, told, None)


def impact(ratio: float | None, champion: float | None = 0.95) -> tuple[ImpactComparison, ...]:
    best = ImpactComparison(group("men", 1.0 if ratio is not None else None), None)
    return (best, ImpactComparison(group("women", ratio), group("women", champion)))


GOOD = GateEvidence(
    money=money(3.2, 2.1),
    overlap=GOOD_OVERLAP,
    auc=estimate(0.84, 0.02),
    champion_auc=estimate(0.83, 0.02),
    calibration_error=estimate(0.012, 0.01),
    adverse_impact=impact(0.93),
    latency=LatencyEvidence(0.00001, None),
    has_reasons=True,
)


def test_a_good_candidate_is_promoted_and_every_check_says_why() -> None:
    verdict = judge(GOOD, RULES)
    assert verdict.decision == "promote"
    names = [check.name for check in verdict.checks]
    assert names == ["money", "skill", "auc", "calibration", "adverse_impact", "slices", "latency", "parity", "reasons"]
    assert all(check.is_passed for check in verdict.checks)
    assert verdict.reason == (
        "It earns an estimated NT$3.20 more per decision than the champion; with 90% confidence the difference is "
        "at least NT$1.10 (required: more than NT$0.00)."
    )
    assert "percentage points" in verdict.checks[3].reason
    json.dumps(asdict(verdict))


@pytest.mark.parametrize(
    ("change", "decision", "check", "words"),
    [
        ({"money": money(3.2, 3.3)}, "refuse", "money", "only a gain of about NT$5.4"),
        ({"money": money(-2.0, 1.0)}, "refuse", "money", "NT$2.00 less per decision"),
        ({"money": money(0.0, 0.0)}, "refuse", "money", "exactly like the champion"),
        ({"money": cannot_say("there are no decisions", 0, 0.8)}, "insufficient", "money", "no decisions"),
        ({"overlap": replace(GOOD_OVERLAP, effective_n=40.0)}, "insufficient", "money", "wait for more"),
        ({"overlap": replace(GOOD_OVERLAP, unsupported_share=0.2)}, "insufficient", "money", "never tried"),
        ({"overlap": replace(GOOD_OVERLAP, largest_weight_share=0.2)}, "insufficient", "money", "single entity"),
        ({"overlap": replace(GOOD_OVERLAP, weight_deviation=-9.0)}, "insufficient", "money", "less often"),
        ({"auc": estimate(0.53, 0.04)}, "refuse", "skill", "does not surely tell"),
        ({"auc": cannot_say("only one class", 9, 0.95)}, "insufficient", "skill", "only one class"),
        ({"auc": None}, "insufficient", "skill", "not measured"),
        ({"auc": estimate(0.80, 0.02)}, "refuse", "auc", "0.800 against 0.830"),
        ({"champion_auc": cannot_say("one class", 9, 0.95)}, "insufficient", "auc", "not known for both"),
        ({"calibration_error": estimate(0.08, 0.01)}, "refuse", "calibration", "8.0 percentage points"),
        ({"calibration_error": None}, "insufficient", "calibration", "not measured"),
        ({"adverse_impact": impact(0.7)}, "refuse", "adverse_impact", "favours sex women too rarely"),
        ({"adverse_impact": impact(None)}, "insufficient", "adverse_impact", "large enough"),
        ({"latency": LatencyEvidence(140.0, 900.0)}, "refuse", "latency", "surely takes 140 ms on any machine, over"),
        ({"latency": LatencyEvidence(0.1, 140.0)}, "insufficient", "latency", "measured again at the next look"),
        ({"latency": None}, "insufficient", "latency", "not measured"),
        ({"has_reasons": False}, "refuse", "reasons", "without reasons"),
    ],
)
def test_each_fault_alone_stops_the_candidate(change: dict[str, object], decision: str, check: str, words: str) -> None:
    verdict = judge(replace(GOOD, **change), RULES)  # type: ignore[arg-type]
    assert verdict.decision == decision
    stopped = [c for c in verdict.checks if not c.is_passed]
    assert check in [c.name for c in stopped]
    assert words in verdict.reason


def test_a_release_that_is_not_what_it_was_compiled_from_or_not_explained_is_refused() -> None:
    sound = Soundness(200, 1e-15, 0, 1e-14)
    told = {one.name: one for one in judge(replace(GOOD, soundness=sound), RULES).checks}
    assert told["parity"].reason == "It says what it was compiled from, on 200 rows."
    assert told["reasons"].reason == "Every score comes with its reasons, and they add up to it."
    for change, check, words in (
        ({"worst_difference": 1e-6}, "parity", "It differs by 1e-06 of the largest answer"),
        ({"worst_difference": float("inf")}, "parity", "It differs by inf"),
        ({"unexplained": 3}, "reasons", "3 of 200 scores come without reasons."),
        ({"reasons_gap": 0.01}, "reasons", "do not add up to its scores: 0.01 of the largest"),
    ):
        bad = replace(sound, **change)
        verdict = judge(replace(GOOD, soundness=bad, has_reasons=bad.is_explained), RULES)
        assert verdict.decision == "refuse"
        assert [one.name for one in verdict.checks if one.is_passed is False] == [check]
        assert words in verdict.reason


def test_a_verdict_on_a_reading_within_the_budget_holds_no_figure_of_the_machine() -> None:
    (latency,) = [check for check in judge(GOOD, RULES).checks if check.name == "latency"]
    assert (latency.observed, latency.reason) == (None, "A decision keeps the budget of 100 ms.")


def test_waiting_only_for_the_latency_is_told_from_lacking_anything_else() -> None:
    slow = replace(GOOD, latency=LatencyEvidence(0.1, 140.0))
    assert judge(slow, RULES).waits_only_for("latency")
    assert not judge(GOOD, RULES).waits_only_for("latency")
    assert not judge(replace(slow, auc=None), RULES).waits_only_for("latency")
    assert not judge(replace(slow, has_reasons=False), RULES).waits_only_for("latency")


def test_a_candidate_without_skill_is_never_promoted_however_much_it_seems_to_earn() -> None:
    lucky = replace(GOOD, money=money(1000.0, 1.0), auc=estimate(0.5, 0.03), champion_auc=None)
    assert judge(lucky, RULES).decision == "refuse"


def test_a_failure_outweighs_missing_evidence() -> None:
    both = replace(GOOD, overlap=replace(GOOD_OVERLAP, effective_n=1.0), has_reasons=False)
    assert judge(both, RULES).decision == "refuse"


def test_against_rules_there_is_no_auc_to_lose() -> None:
    verdict = judge(replace(GOOD, champion_auc=None, auc=estimate(0.6, 0.05)), RULES)
    assert verdict.decision == "promote"


def test_an_amount_needs_no_auc() -> None:
    rules = replace(RULES, minimum_auc=None, maximum_calibration_error=None)
    assert judge(replace(GOOD, auc=None, champion_auc=None, calibration_error=None), rules).decision == "promote"


def test_a_group_below_the_limit_passes_only_where_the_champion_is_no_better() -> None:
    assert judge(replace(GOOD, adverse_impact=impact(0.75, champion=0.7)), RULES).decision == "promote"
    assert judge(replace(GOOD, adverse_impact=impact(0.70, champion=0.72)), RULES).decision == "refuse"
    assert judge(replace(GOOD, adverse_impact=impact(0.70, champion=None)), RULES).decision == "refuse"
    assert judge(replace(GOOD, adverse_impact=()), RULES).decision == "promote"


def test_a_ratio_that_is_below_the_limit_by_chance_refuses_nobody() -> None:
    verdict = judge(replace(GOOD, adverse_impact=impact(0.75, champion=0.9)), RULES)
    assert verdict.decision == "promote"
    (check,) = (one for one in verdict.checks if one.name == "adverse_impact")
    assert "0.75 of the best group's rate (0.68 to 0.83)" in check.reason
    assert check.reason.endswith("and it is not surely below.")


def test_a_limit_inside_the_interval_asks_for_more_decisions() -> None:
    """A first look only lets a candidate be watched: who is not surely off may be."""
    accumulating = replace(RULES, is_accumulating=True)
    unsure, off = (replace(GOOD, calibration_error=estimate(error, 0.01)) for error in (0.053, 0.08))
    for evidence, rules, told in ((unsure, RULES, True), (unsure, accumulating, None), (off, RULES, False)):
        (check,) = (one for one in judge(evidence, rules).checks if one.name == "calibration")
        assert check.is_passed is told
        assert ("may be off, and more outcomes will tell" in check.reason) == (evidence is unsure)


def test_what_a_candidate_costs_more_to_serve_is_taken_off_its_gain() -> None:
    check = judge(replace(GOOD, serving_cost=1.0), RULES).checks[0]
    assert (check.is_passed, check.observed) == (True, pytest.approx(0.1))
    assert check.reason == (
        "It earns an estimated NT$2.20 more per decision than the champion; with 90% confidence the difference is "
        "at least NT$0.1000 (required: more than NT$0.00). Serving it costs NT$1,000.00 more per 1,000 decisions; "
        "this is net of it."
    )
    refused = judge(replace(GOOD, serving_cost=1.2), RULES)
    assert refused.decision == "refuse"
    assert "that is not sure enough" in refused.reason


def test_a_loss_is_told_as_a_loss_and_not_as_a_gain_that_is_not_sure_enough() -> None:
    losing = judge(replace(GOOD, money=money(-0.44, 0.07)), RULES)
    assert losing.decision == "refuse"
    assert losing.checks[0].reason.startswith(
        "It earns an estimated NT$0.4400 less per decision than the champion; with 90% confidence it earns no more "
        "than NT$0.5100 less, and more than NT$0.00 more is required."
    )
    assert "not sure enough" not in losing.reason


def test_what_a_candidate_costs_less_to_serve_is_said_and_promotes_nobody() -> None:
    cheaper = judge(replace(GOOD, serving_cost=-0.000021), RULES).checks[0]
    assert cheaper.observed == pytest.approx(1.1)
    assert cheaper.reason.endswith("costs NT$0.021 less per 1,000 decisions; that is not counted as a gain.")
    twin = judge(replace(GOOD, money=money(0.0, 0.0), serving_cost=-50.0), RULES)
    assert twin.decision == "refuse"
    assert twin.reason.startswith("It decides exactly like the champion, so it adds nothing. Serving it costs")


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (None, ""),
        (0.0, " Serving it costs the same, as its work is counted."),
        (4.4e-9, " Serving it costs practically the same: less than NT$0.01 apart per 1,000 decisions."),
        (0.000044, "NT$0.044 more"),
        (0.0995, "NT$99.50 more"),
    ],
)
def test_small_costs_are_said_with_enough_digits_and_none_where_there_is_no_price(cost: float, words: str) -> None:
    reason = judge(replace(GOOD, serving_cost=cost), RULES).checks[0].reason
    assert words in reason
    assert ("Serving it" in reason) == bool(words)


def test_groups_are_compared_by_name() -> None:
    candidate = AdverseImpact("sex", "men", "men", (group("men", 1.0), group("women", 0.75)), 0, 0.95)
    champion = AdverseImpact("sex", "men", "men", (group("women", 0.7), group("other", 0.2)), 0, 0.95)
    pairs = ImpactComparison.of(candidate, champion)
    assert [(p.challenger.group, p.champion.group if p.champion else None) for p in pairs] == [
        ("men", None),
        ("women", "women"),
    ]
    assert all(pair.champion is None for pair in ImpactComparison.of(candidate, None))


def test_the_minimum_gain_is_per_decision_or_in_total_whichever_is_stricter() -> None:
    assert judge(GOOD, replace(RULES, minimum_gain_per_decision=1.05)).decision == "promote"
    assert judge(GOOD, replace(RULES, minimum_gain_per_decision=1.15)).decision == "refuse"
    assert judge(GOOD, replace(RULES, minimum_gain_total=30_000)).decision == "promote"
    assert judge(GOOD, replace(RULES, minimum_gain_total=40_000)).decision == "refuse"


def test_the_interval_must_be_the_one_that_the_rules_ask_for() -> None:
    assert RULES.interval_confidence == pytest.approx(0.8)
    assert replace(RULES, confidence=0.95, candidates=2).interval_confidence == pytest.approx(0.95)
    with pytest.raises(UsageError, match=r"0\.95, the gate needs 0\.8"):
        judge(replace(GOOD, money=estimate(3.2, 2.1, 0.95)), RULES)


unit = st.floats(0, 1)
candidates = st.builds(
    GateEvidence,
    money=st.builds(money, st.floats(-5, 8), st.floats(0, 5)),
    overlap=st.sampled_from([GOOD_OVERLAP, replace(GOOD_OVERLAP, effective_n=40.0)]),
    auc=st.builds(estimate, st.floats(0.4, 0.95), st.floats(0.001, 0.1)) | st.none(),
    champion_auc=st.builds(estimate, st.floats(0.5, 0.9), st.floats(0.01, 0.1)) | st.none(),
    calibration_error=st.builds(estimate, st.floats(0, 0.1), st.floats(0, 0.05)) | st.none(),
    adverse_impact=st.builds(impact, st.floats(0.5, 1), st.floats(0.5, 1) | st.none()),
    latency=st.builds(LatencyEvidence, st.floats(0, 200), st.none() | st.floats(100, 200)) | st.none(),
    has_reasons=st.booleans(),
    serving_cost=st.floats(-1, 1) | st.none(),
)


def slower(latency: LatencyEvidence | None, by: float) -> LatencyEvidence | None:
    if latency is None:
        return None
    over = latency.over_ms if by == 0 else (latency.over_ms or 100.0) + 100 * by
    return LatencyEvidence(latency.least_ms + 100 * by, over)


def worse(evidence: GateEvidence, by: tuple[float, ...]) -> GateEvidence:
    """The same evidence about a candidate that is worse (or equal) in every respect."""
    earns, ranks, calibrates, treats, waits = by
    pair = evidence.adverse_impact[1]
    ratio = pair.challenger.to_best.value
    worse_pair = ImpactComparison(group("women", (ratio or 0) * (1 - treats / 2)), pair.champion)
    lower = evidence.auc
    if lower is not None:
        lower = replace(lower, value=lower.value - ranks / 5, low=lower.low - ranks / 5)
    error = evidence.calibration_error
    if error is not None:
        error = replace(error, value=error.value + calibrates / 20)
    return replace(
        evidence,
        money=replace(evidence.money, value=evidence.money.value - earns, low=evidence.money.low - earns),
        auc=lower,
        calibration_error=error,
        adverse_impact=(evidence.adverse_impact[0], worse_pair),
        latency=slower(evidence.latency, waits),
        has_reasons=evidence.has_reasons and waits < 0.5,
        serving_cost=None if evidence.serving_cost is None else evidence.serving_cost + waits,
    )


@given(candidates, st.tuples(unit, unit, unit, unit, unit))
@settings(max_examples=400, deadline=None)
def test_a_worse_candidate_never_gets_a_better_verdict(evidence: GateEvidence, by: tuple[float, ...]) -> None:
    before, after = judge(evidence, RULES), judge(worse(evidence, by), RULES)
    assert RANK[after.decision] <= RANK[before.decision]
    for first, second in zip(before.checks, after.checks, strict=True):
        assert not (second.is_passed is True and first.is_passed is not True)


@given(candidates, st.floats(0, 99))
@settings(max_examples=100, deadline=None)
def test_nothing_is_promoted_on_a_small_effective_sample(evidence: GateEvidence, effective_n: float) -> None:
    poor = replace(evidence, overlap=replace(GOOD_OVERLAP, effective_n=effective_n))
    assert judge(poor, RULES).decision != "promote"


ACCUMULATING = replace(RULES, is_accumulating=True)


def reached(capital: float, most: float | None) -> Progress:
    return Progress(Comparison("2024-01-01T00:00:00+00:00", 0.1, None), capital, most=most)


def test_where_evidence_accumulates_what_is_not_proven_goes_on_and_nothing_else_refuses() -> None:
    evidence = replace(GOOD, money=money(3.2, 3.3), auc=estimate(0.4, 0.04), progress=reached(4.0, 6.0))
    verdict = judge(evidence, ACCUMULATING)
    assert verdict.decision == "insufficient"
    assert verdict.reason.endswith("The next outcomes may tell: so far there is 60% of the proof that is needed.")
    for capital, told in ((9.9e-37, "betting on it would have lost"), (1.0, "no outcome speaks for it or against it")):
        early = judge(replace(evidence, progress=reached(capital, 6.0)), ACCUMULATING)
        assert early.reason.endswith(f"so far {told}.")
    assert judge(evidence, RULES).decision == "refuse"


def test_where_evidence_accumulates_what_is_proven_must_pass_all_the_rest() -> None:
    assert judge(replace(GOOD, progress=reached(20.0, 6.0)), ACCUMULATING).decision == "promote"
    unskilled = replace(GOOD, auc=estimate(0.4, 0.04), progress=reached(20.0, 6.0))
    assert judge(unskilled, ACCUMULATING).decision == "refuse"


def test_where_evidence_accumulates_what_is_hopeless_or_out_of_time_is_refused() -> None:
    hopeless = judge(replace(GOOD, money=money(-2.0, 3.0), progress=reached(0.1, -0.5)), ACCUMULATING)
    assert (hopeless.decision, "surely does not earn more" in hopeless.reason) == ("refuse", True)
    late = judge(
        replace(GOOD, money=money(3.2, 3.3), progress=reached(4.0, 6.0)), replace(ACCUMULATING, is_last_look=True)
    )
    assert (late.decision, "not proven in the time that it has" in late.reason) == ("refuse", True)


def test_a_confidence_has_the_digits_that_tell_it_from_certainty() -> None:
    rules = replace(ACCUMULATING, confidence=0.9875)
    evidence = replace(GOOD, money=estimate(3.2, 3.3, rules.interval_confidence), progress=reached(4.0, 6.0))
    assert "with 98.8% confidence" in judge(evidence, rules).reason


@pytest.mark.parametrize(
    ("confidence", "told"),
    [(0.5, "50%"), (0.9, "90%"), (0.975, "97.5%"), (0.988, "98.8%"), (0.9993, "99.93%"), (1.0, "100%")],
)
def test_a_confidence_is_told_with_the_digits_that_tell_it_from_certainty(confidence, told):
    assert confidence_words(confidence) == told


def test_a_gain_is_proven_although_a_part_of_what_would_change_was_never_tried() -> None:
    """Bets count that part as the worst that it could be; a single look, or one that has not proven it, cannot tell."""
    accumulating = replace(RULES, is_accumulating=True)
    proven = Progress(Comparison("2024-01-01T00:00:00+00:00", 0.0125, None), capital=100.0, most=9.0)
    untried = replace(GOOD, overlap=replace(GOOD_OVERLAP, unsupported_share=0.02), progress=proven)
    check = judge(untried, accumulating).checks[0]
    assert check.is_passed is True
    assert "Of what would change 2.0% was never tried: it counts as the worst that it could be." in check.reason
    for evidence, rules in (
        (replace(untried, progress=replace(proven, capital=50.0)), accumulating),
        (replace(untried, overlap=replace(untried.overlap, weight_deviation=-9.0)), accumulating),
        (untried, RULES),
    ):
        told = judge(evidence, rules).checks[0]
        assert told.is_passed is None
        assert "was never tried" in told.reason


def test_what_betting_has_proven_to_earn_no_more_is_refused_however_few_outcomes_there_are() -> None:
    """Or however much was never tried, which counts as its best; but not where propensities are wrong."""
    accumulating = replace(RULES, is_accumulating=True)
    losing = Progress(Comparison("2024-01-01T00:00:00+00:00", 0.0125, None), capital=0.01, most=-0.3)
    few = replace(GOOD_OVERLAP, effective_n=7.0, largest_weight_share=0.3)
    check = judge(replace(GOOD, overlap=few, progress=losing), accumulating).checks[0]
    assert (check.is_passed, check.reason.split(":")[0]) == (False, "It surely earns no more than the champion")
    for overlap, answer in ((replace(few, weight_deviation=-9.0), None), (replace(few, unsupported_share=0.2), False)):
        assert judge(replace(GOOD, overlap=overlap, progress=losing), accumulating).checks[0].is_passed is answer
    for progress in (replace(losing, most=0.3), replace(losing, most=None), None):
        assert judge(replace(GOOD, overlap=few, progress=progress), accumulating).checks[0].is_passed is None


def test_a_gain_that_betting_has_proven_is_not_refused_because_its_time_is_over_but_waits_for_more_outcomes() -> None:
    last = replace(RULES, is_accumulating=True, is_last_look=True)
    few, comparison = replace(GOOD_OVERLAP, effective_n=40.0), Comparison("2024-01-01T00:00:00+00:00", 0.0125, None)
    for capital, answer in ((79.0, False), (81.0, None)):
        check = judge(replace(GOOD, overlap=few, progress=Progress(comparison, capital, most=1.0)), last).checks[0]
        assert check.is_passed is answer
        assert "wait for more" in check.reason
