"""Inputs: false alarms as declared at any batch size, none for trifles, and data faults named in the first batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from decisionloop.errors import UsageError
from decisionloop.monitor.alarm.budget import AlarmBudget, budget_of
from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.profile import FIRST_BATCH, FrameProfile, Reference
from decisionloop.monitor.compare.windows import EntitySketch, Watched, Window, windows_of
from decisionloop.monitor.inputs import judge_inputs
from tests.monitor.customers import customers, offers

REFERENCE = Reference.of(offers(), customers(30_000, seed=0))
RECENT = tuple(FrameProfile.of(customers(2_000, seed), REFERENCE.bins) for seed in range(1, 6))
CHECKS = 14  # shift twice and missing for each of four features, unseen and vanished for the plan


def judged(frame: pd.DataFrame, recent: tuple[FrameProfile, ...] = RECENT, **changes: object) -> tuple[Finding, ...]:
    asked = {
        "windows": [Window(1, FrameProfile.of(frame, REFERENCE.bins))],
        "reference": REFERENCE,
        "recent": recent,
        "variation": {},
        **changes,
    }
    given = {"use_case": offers(), "budget": budget_of(offers()), "stakes": Stakes()}
    terms = Terms(**{name: asked.pop(name, value) for name, value in given.items()})
    return judge_inputs(terms, **asked)


def alarms(findings: tuple[Finding, ...]) -> set[tuple[str, str]]:
    return {(one.monitor, one.slice) for one in findings if one.is_alarm}


def one(findings: tuple[Finding, ...], monitor: str, feature: str) -> Finding:
    return next(one for one in findings if (one.monitor, one.slice) == (monitor, f"feature={feature}"))


def test_every_feature_is_asked_everything_and_each_check_has_its_part_of_the_budget() -> None:
    findings = judged(customers(2_000, seed=9))
    assert len(findings) == CHECKS
    assert {one.alpha for one in findings} == {budget_of(offers()).alpha("inputs", CHECKS)}
    assert {one.slice for one in findings} == {f"feature={name}" for name in ("spend", "logins", "is_new", "plan")}
    assert {one.family for one in findings} == {"inputs"}
    without_recent = judged(customers(2_000, seed=9), recent=())
    assert len(without_recent) == CHECKS - 4
    assert {one.against for one in without_recent} == {"training"}


@pytest.mark.parametrize("n", [500, 5_000_000])
def test_an_unchanged_world_alarms_no_more_often_than_budgeted_even_without_tolerance(n: int) -> None:
    """Batches are drawn as profiles from the reference's own shares, so that 5 million rows cost nothing."""
    rng, loose = np.random.default_rng(n), offers(minimum_shift=1e-9)
    budget = AlarmBudget({"inputs": 0.2}, 1.0)  # a year of one batch: a false alarm in a fifth of all batches
    truth = {name: np.array(counts) / REFERENCE.profile.rows for name, counts in REFERENCE.profile.counts.items()}

    def drawn(rows: int) -> FrameProfile:
        counts = {name: tuple(rng.multinomial(rows, shares).tolist()) for name, shares in truth.items()}
        return FrameProfile(REFERENCE.bins.digest, rows, counts)

    runs = 150
    told = []
    for _ in range(runs):
        reference = Reference(REFERENCE.bins, drawn(30_000))
        recent = (drawn(n), drawn(n))
        told.append(
            judged(
                customers(0, 0),
                recent,
                use_case=loose,
                windows=[Window(1, drawn(n))],
                reference=reference,
                budget=budget,
            )
        )
    assert sum(len(alarms(one)) for one in told) / runs <= 0.2
    assert not any(one.is_halting for findings in told for one in findings)


def test_a_shift_below_the_tolerance_never_alarms_however_many_rows_there_are() -> None:
    frame = customers(300_000, seed=2)
    findings = judged(frame.assign(spend=frame["spend"] * 1.08))
    shift = one(findings, "input_shift", "spend")
    assert shift.bound > 0.01  # seen beyond doubt
    assert 0.03 < shift.figure.value < 0.09
    assert not alarms(findings)


def test_natural_variation_widens_the_tolerance_but_only_so_far() -> None:
    frame = customers(50_000, seed=3)
    moved = frame.assign(spend=frame["spend"] * 1.3)
    assert ("input_shift", "feature=spend") in alarms(judged(moved))
    usual = judged(moved, variation={"spend": 0.19})
    assert not alarms(usual)
    assert one(usual, "input_shift", "spend").threshold == 0.19
    slow_drift = judged(moved, variation={"spend": 0.9})
    assert one(slow_drift, "input_shift", "spend").threshold == pytest.approx(0.2)


def test_little_money_at_stake_raises_the_limit_but_never_beyond_the_halt() -> None:
    frame = customers(5_000, seed=4)
    moved = frame.assign(spend=frame["spend"] * 1.5)
    asked = offers(minimum_money=1.0)
    rich, poor, idle = (judged(moved, use_case=asked, stakes=Stakes(worth)) for worth in (50.0, 5.0, 0.0))
    shift = one(rich, "input_shift", "spend")
    assert shift.threshold == 0.1
    assert shift.stake == pytest.approx(50 * shift.figure.value)
    assert one(poor, "input_shift", "spend").threshold == pytest.approx(0.2)
    assert one(idle, "input_shift", "spend").threshold == 0.25
    assert ("input_shift", "feature=spend") in alarms(rich)
    assert not alarms(judged(frame, use_case=asked, stakes=Stakes(0.0)))
    gone = judged(frame.assign(spend=0.0), use_case=asked, stakes=Stakes(0.0))
    assert one(gone, "input_shift", "spend").is_halting
    assert one(gone, "input_shift", "spend").is_alarm


def test_a_feature_on_which_the_scores_do_not_rest_puts_less_money_at_stake() -> None:
    frame = customers(5_000, seed=15)
    moved = frame.assign(spend=frame["spend"] * 1.5, logins=frame["logins"] + 2)
    stakes = Stakes(worth=10.0, importance={"spend": 0.9, "logins": 0.1})
    findings = judged(moved, use_case=offers(minimum_money=0.9), stakes=stakes)
    assert ("input_shift", "feature=spend") in alarms(findings)
    shift = one(findings, "input_shift", "logins")
    assert shift.stake == pytest.approx(shift.figure.value)
    assert shift.threshold == 0.25  # money alone would ask for more, but what must halt does
    assert one(findings, "input_shift", "plan").stake == 0


def test_a_change_of_unit_halts_the_first_batch_and_is_told() -> None:
    frame = customers(500, seed=5)
    findings = judged(frame.assign(spend=frame["spend"] * 100))
    shift = one(findings, "input_shift", "spend")
    assert shift.is_alarm
    assert shift.is_halting
    assert alarms(findings) == {("input_shift", "feature=spend"), ("input_shift_recent", "feature=spend")}
    assert shift.words.startswith("Average spend: 8")
    assert "or more” has 9" in shift.words
    assert "the median was in" in shift.words
    assert sum(shift.chart.current) == pytest.approx(1, abs=1e-5)
    assert len(shift.chart.labels) == len(shift.chart.reference)


def test_values_filled_with_a_default_are_told_by_the_default() -> None:
    frame = customers(2_000, seed=6)
    filled = frame.assign(logins=np.where(np.random.default_rng(1).random(2_000) < 0.6, 0.0, frame["logins"]))
    shift = one(judged(filled), "input_shift", "logins")
    assert shift.is_alarm
    assert "Login frequency: 42% of the values moved since training: " in shift.words
    assert "“0” has 7" in shift.words
    assert "(before 30%)" in shift.words


def test_a_rise_of_missing_values_is_an_alarm_of_its_own() -> None:
    frame = customers(2_000, seed=7)
    rng = np.random.default_rng(2)
    fewer = frame.assign(logins=np.where(rng.random(2_000) < 0.12, np.nan, frame["logins"]))
    findings = judged(fewer)
    assert alarms(findings) == {("missing_share", "feature=logins")}  # too little for a shift
    assert one(findings, "missing_share", "logins").words == "Login frequency: 12% are missing (in training 0%)."
    drawn = one(findings, "missing_share", "logins").chart
    assert (drawn.labels, drawn.reference) == (("missing", "all others"), (0.0, 1.0))
    assert one(findings, "missing_share", "spend").figure.value == pytest.approx(0, abs=0.02)


def test_where_nothing_was_trained_the_first_batch_is_what_values_moved_from() -> None:
    frame = customers(5_000, seed=8)
    gaps = np.random.default_rng(3).random(len(frame)) < 0.3
    plan = frame["plan"].where(frame["plan"] != "family", "basic")
    changed = frame.assign(plan=plan, logins=frame["logins"].mask(gaps))
    findings = judged(changed, reference=replace(REFERENCE, against=FIRST_BATCH))
    assert any(finding.is_alarm for finding in findings)
    assert {finding.against for finding in findings if finding.monitor == "input_shift"} == {FIRST_BATCH}
    assert not any("train" in finding.words for finding in findings)
    assert "since the first batch" in one(findings, "input_shift", "plan").words


@pytest.mark.parametrize("n", [500, 50_000])
def test_a_vanished_category_is_named_in_the_first_batch(n: int) -> None:
    frame = customers(n, seed=8)
    plan = frame["plan"].where(frame["plan"] != "family", "basic")
    findings = judged(frame.assign(plan=plan))
    gone = one(findings, "vanished_categories", "plan")
    assert gone.is_alarm
    assert gone.words == "Plan: “family” has vanished (it had 12% in training)."
    assert gone.figure.low < 0.12 < gone.figure.high


def test_few_rows_without_a_category_are_chance() -> None:
    frame = customers(60, seed=9)
    findings = judged(frame.assign(plan=frame["plan"].where(frame["plan"] != "family", "basic")))
    assert one(findings, "vanished_categories", "plan").figure.value == pytest.approx(0.12, abs=0.01)
    assert not alarms(findings)


def test_categories_outside_the_contract_are_an_alarm() -> None:
    frame = customers(2_000, seed=10)
    plan = frame["plan"].where(np.random.default_rng(3).random(2_000) > 0.1, "platinum")
    unseen = one(judged(frame.assign(plan=plan)), "unseen_categories", "plan")
    assert unseen.is_alarm
    assert "none of the contract's categories" in unseen.words


def test_a_jump_from_the_last_batches_is_seen_where_training_is_far_anyway() -> None:
    drifted = tuple(
        FrameProfile.of(frame.assign(spend=frame["spend"] * 1.2), REFERENCE.bins)
        for frame in (customers(5_000, seed) for seed in range(20, 24))
    )
    back = judged(customers(5_000, seed=30), recent=drifted)
    assert not alarms(back) & {("input_shift", "feature=spend")}
    frame = customers(5_000, seed=31)
    jumped = judged(frame.assign(spend=frame["spend"] * 0.7), recent=drifted)
    assert ("input_shift_recent", "feature=spend") in alarms(jumped)
    assert one(jumped, "input_shift_recent", "spend").figure.value > one(jumped, "input_shift", "spend").figure.value


def test_a_batch_judged_in_parts_is_judged_as_the_whole() -> None:
    frame = customers(3_000, seed=11)
    parts = [FrameProfile.of(frame.iloc[start : start + 700], REFERENCE.bins) for start in range(0, 3_000, 700)]
    whole = FrameProfile.total(parts)
    assert judged(frame, windows=[Window(1, whole)]) == judged(frame)


def test_nothing_is_said_of_an_empty_batch_and_other_bins_are_refused() -> None:
    assert judged(customers(0, seed=12)) == ()
    other = Reference.of(offers(), customers(400, seed=13))
    with pytest.raises(UsageError, match="Profile the batch again"):
        judged(customers(10, seed=14), recent=(other.profile,))


def test_a_window_that_is_sure_speaks_for_the_batch_and_never_halts_it() -> None:
    def week(seed: int, moved: float) -> Watched[FrameProfile]:
        frame = customers(600, seed)
        frame["plan"] = frame["plan"].mask(np.random.default_rng(seed).random(600) < moved, "gold")
        frame["customer_id"] = f"{seed}-" + frame["customer_id"]
        return Watched(FrameProfile.of(frame, REFERENCE.bins), EntitySketch.of(frame["customer_id"]))

    weeks = [week(seed, 0.2) for seed in range(100, 108)]  # a fifth of 72 %: 0.144 of the plans
    alone = judge_inputs(Terms.of(offers()), windows_of(weeks[-1], ()), REFERENCE, (), {})
    assert alarms(alone) == set()
    together = judge_inputs(Terms.of(offers()), windows_of(weeks[-1], weeks[:-1]), REFERENCE, (), {})
    assert alarms(together) == {("input_shift", "feature=plan")}
    found = one(together, "input_shift", "plan")
    assert found.batches in (4, 8)
    assert found.words.startswith(f"Over the last {found.batches} batches: ")
    assert not found.is_halting
    assert len(together) == len(alone)  # one finding a check, whichever window it is of

    healed = [*weeks, *(week(seed, 0.0) for seed in range(200, 204))]
    after = judge_inputs(Terms.of(offers()), windows_of(healed[-1], healed[:-1]), REFERENCE, (), {})
    assert alarms(after) == set()  # it is over, though the window of a quarter still holds it
