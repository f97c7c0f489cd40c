"""Adverse impact as a monitor: who is judged, against whom, when it alarms, and which feature carries the gap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.errors import UsageError
from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.compare.windows import Window
from decisionloop.monitor.impact.attribution import impact_attribution
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.monitor.impact.judging import judge_impact
from tests.monitor.impact_world import HOLD, LEND, loans, people, tally

EVERYONE = {(sex, age): 400 for sex in ("f", "m") for age in ("old", "mid", "young")}
COUNTS = st.fixed_dictionaries({group: st.integers(0, 5) for group in [*EVERYONE, (None, "old"), ("x", "mid")]})


def judged(one: GroupTally) -> dict[tuple[str, str], Finding]:
    found = judge_impact(loans(), [Window(1, one)], budget_of(loans()), "release-1")
    return {(finding.slice, finding.against): finding for finding in found}


def test_groups_and_their_intersections_are_judged_against_the_best_and_the_reference() -> None:
    chosen = {(sex, age): (200 if sex == "m" or age != "old" else 60, 400) for sex, age in EVERYONE}
    found = judged(tally(chosen))
    women = found["sex=f", "best"]
    assert women.figure.value == pytest.approx((460 / 1200) / 0.5)
    assert (women.threshold, women.direction, women.family, women.release_id) == (0.8, "below", "impact", "release-1")
    worst = found["sex x age=f x old", "best"]
    assert worst.figure.value == pytest.approx(0.15 / 0.5)
    assert worst.is_alarm
    assert "women, 60 and over (sex x age): 15.0% of 400 were favoured" in worst.words
    assert worst.chart is not None
    assert worst.chart.current == (0.15, 0.85)
    assert not found["sex x age=m x old", "best"].is_alarm
    assert all(sum(f.chart.reference) == pytest.approx(1) for f in found.values() if f.chart)


def test_the_reference_is_asked_only_where_it_is_not_the_best_anyway() -> None:
    found = judged(tally({("f", "mid"): (300, 400), ("m", "mid"): (300, 400), ("f", "old"): (350, 400)}))
    assert ("age=old", "reference") not in found
    assert found["age=mid", "best"].figure.value == pytest.approx(0.75 / 0.875)
    found = judged(tally({("m", "mid"): (240, 400), ("m", "old"): (320, 400), ("m", "young"): (160, 400)}))
    assert found["age=young", "reference"].figure.value == pytest.approx(160 / 240)
    assert found["age=young", "best"].figure.value == pytest.approx(0.5)
    # Three groups against the best, two against the reference; sex has one group only and is no check. The cells
    # of the intersection are as large: as many again.
    assert found["age=young", "best"].alpha == budget_of(loans()).alpha("impact", 10)


def test_groups_below_their_minimum_are_neither_judged_nor_counted() -> None:
    found = judged(tally({("f", "mid"): (0, 99), ("m", "mid"): (300, 400)}))
    assert found == {}
    found = judged(tally({("f", "mid"): (0, 150), ("m", "mid"): (300, 400)}))
    assert {name for name, _ in found} == {"sex=f", "sex=m"}  # 150 are enough for sex, not where age has its say
    assert found["sex=f", "best"].is_alarm


def test_small_gaps_never_alarm_and_nobody_favoured_is_no_alarm() -> None:
    huge = {("f", "mid"): (410_000, 500_000), ("m", "mid"): (500_000, 500_000)}
    assert not any(finding.is_alarm for finding in judged(tally(huge)).values())
    none = judged(tally({group: (0, n) for group, n in EVERYONE.items()}))
    assert not any(finding.is_alarm for finding in none.values())
    assert "cannot be told" in none["sex=f", "best"].words


def test_a_use_case_without_protected_attributes_has_no_findings() -> None:
    alone = loans().model_copy(update={"protected": ()})
    counted = GroupTally.of(alone, people({("f", "mid"): 5}), np.zeros(5, dtype=int), np.zeros(5, dtype=int))
    assert judge_impact(alone, [Window(1, counted)], budget_of(loans())) == ()


def test_false_alarms_stay_within_the_budget() -> None:
    # Ratios exactly at the limit, the worst case for a check of it: 0.24 to 0.30 for either sex at every age.
    rng, use_case = np.random.default_rng(11), loans(false_alarms_per_year=8.0 * 52 * 0.05)
    alarms = 0
    for _ in range(200):
        chosen = {(sex, age): (int(rng.binomial(400, 0.24 if sex == "f" else 0.30)), 400) for sex, age in EVERYONE}
        counts = _counted(chosen)
        alarms += any(one.is_alarm for one in judge_impact(use_case, [Window(1, counts)], budget_of(use_case)))
    assert alarms / 200 <= 0.05


def _counted(chosen: dict[tuple[str, str], tuple[int, int]]) -> GroupTally:
    """A tally made without decisions, for speed."""
    template = GroupTally.from_json(TEMPLATE)
    filled = []
    for counts in template.chosen:
        sums = {group: [0, 0] for group in counts.groups}
        for (sex, age), (x, n) in chosen.items():
            name = {"sex": sex, "age": age}.get(counts.attribute, f"{sex} x {age}")
            sums[name][0] += x
            sums[name][1] += n
        n = tuple(total for _, total in sums.values())
        filled.append(type(counts)(counts.attribute, counts.groups, n, tuple(x for x, _ in sums.values())))
    return GroupTally(tuple(filled), tuple(filled))


TEMPLATE = tally({("f", "old"): (0, 1)}).to_json()


def test_the_quick_tally_of_this_test_is_the_real_one() -> None:
    chosen = {("f", "old"): (3, 7), ("m", "mid"): (2, 4)}
    assert _counted(chosen).chosen == tally(chosen).chosen


@settings(max_examples=30, deadline=None)
@given(COUNTS, COUNTS, st.integers(0, 2**32 - 1))
def test_the_tally_of_two_parts_is_the_sum(a: dict, b: dict, seed: int) -> None:
    rng, (left, right) = np.random.default_rng(seed), (people(a), people(b))
    n = len(left) + len(right)
    chosen, rules = rng.integers(0, 2, n), rng.integers(0, 2, n)
    whole = GroupTally.of(loans(), pd.concat([left, right], ignore_index=True), chosen, rules)
    at = len(left)
    parts = GroupTally.of(loans(), left, chosen[:at], rules[:at]) + GroupTally.of(
        loans(), right, chosen[at:], rules[at:]
    )
    assert parts == whole
    assert GroupTally.from_json(whole.to_json()) == whole
    assert sum(whole.chosen[0].n) + whole.chosen[0].unstated_n == n


def test_tallies_refuse_what_does_not_fit() -> None:
    frame = people({("f", "mid"): 2})
    with pytest.raises(UsageError, match="chosen actions of 2 decisions"):
        GroupTally.of(loans(), frame, np.array([LEND]), np.array([HOLD, HOLD]))
    with pytest.raises(UsageError, match="indices from 0 to 1"):
        GroupTally.of(loans(), frame, np.array([LEND, HOLD]), np.array([-1, HOLD]))
    with pytest.raises(UsageError, match="different groups"):
        tally({("f", "mid"): (1, 2)}) + GroupTally((), ())


def test_the_gap_in_scores_is_split_among_the_features_that_carry_it() -> None:
    rng, m = np.random.default_rng(5), 4000
    group = np.where(rng.random(m) < 0.4, "f", "m").astype(object)
    contributions = rng.normal(0, 0.3, (m, 3)) + np.outer(group == "f", [0.6, 0.2, 0.0])
    (found,) = impact_attribution(contributions, ("income", "late", "plan"), group, "m")
    assert (found.group, found.reference, [one.feature for one in found.features]) == (
        "f",
        "m",
        ["income", "late", "plan"],
    )
    assert sum(one.gap.value or 0 for one in found.features) == pytest.approx(found.gap.value)
    assert sum(one.share or 0 for one in found.features) == pytest.approx(1)
    assert found.features[0].share == pytest.approx(0.75, abs=0.05)
    assert (found.features[0].gap.low or 0) < 0.6 < (found.features[0].gap.high or 0)
    assert found.words(loans(), "sex").startswith(
        "The mean score of women is higher than that of men; of the gap these carry: monthly income 7"
    )


def test_no_gap_and_single_rows_are_said_plainly() -> None:
    group = np.array(["f", "m"] * 50, dtype=object)
    (same,) = impact_attribution(np.zeros((100, 1)), ("income",), group, "m")
    assert same.features[0].share is None
    assert "does not surely differ" in same.words(loans(), "sex")
    (few,) = impact_attribution(np.zeros((3, 1)), ("income",), np.array(["f", "m", "m"], dtype=object), "m")
    assert "fewer than two" in few.words(loans(), "sex")
    with pytest.raises(UsageError, match="do not belong"):
        impact_attribution(np.zeros((3, 2)), ("income",), group, "m")
