"""Several batches judged as one: small groups and small changes are seen, and who returns is no new evidence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.compare.windows import SKETCH_SIZE, EntitySketch, Watched, Window, windows_of
from decisionloop.monitor.impact.adverse_impact import GroupCounts
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.monitor.impact.judging import judge_impact
from decisionloop.monitor.watching.watch_batch import watch_impact
from tests.monitor.impact_world import loans

SEX = loans().model_copy(update={"protected": loans().protected[:1]})
IDS = st.lists(st.integers(0, 3_000).map(str), max_size=1_500)


def week(women: tuple[int, int], men: tuple[int, int], first: int = 0, rules_women: int | None = None) -> Watched:
    """(favoured, n) of either sex, people from number ``first`` on."""
    n, mine = (women[1], men[1]), (women[0], men[0])
    theirs = (women[0] if rules_women is None else rules_women, men[0])
    counts = (GroupCounts("sex", ("f", "m"), n, one) for one in (mine, theirs))
    tally = GroupTally(*((one,) for one in counts))
    return Watched(tally, EntitySketch.of(pd.Series(np.arange(first, first + sum(n)).astype(str))))


def women(weeks: list[Watched]) -> Finding | None:
    windows = windows_of(weeks[-1], weeks[:-1][-51:])
    found = {one.slice: one for one in judge_impact(SEX, windows, budget_of(SEX))}
    return found.get("sex=f")


@settings(max_examples=20, deadline=None)
@given(IDS, IDS)
def test_the_sketch_of_two_parts_is_that_of_the_whole(one: list[str], other: list[str]) -> None:
    parts = [EntitySketch.of(pd.Series(ids, dtype="str")) for ids in (one, other)]
    whole = EntitySketch.of(pd.Series([*one, *other], dtype="str"))
    assert parts[0] + parts[1] == whole
    assert EntitySketch.from_json(whole.to_json()) == whole
    distinct = max(1, len({*one, *other}))
    if distinct < SKETCH_SIZE:
        assert whole.repetition == len([*one, *other]) / distinct


@pytest.mark.parametrize("times", [1, 4, 13])
def test_how_often_people_return_is_told_to_a_tenth(times: int) -> None:
    batch = EntitySketch.of(pd.Series(np.arange(5_000).astype(str)))
    total = batch
    for _ in range(times - 1):
        total = total + batch
    assert total.repetition == pytest.approx(times, rel=0.1)


def test_windows_are_a_month_a_quarter_and_a_year_as_far_as_there_are_batches() -> None:
    one = week((50, 100), (50, 100))
    assert [window.batches for window in windows_of(one, [])] == [1]
    assert [window.batches for window in windows_of(one, [one] * 2)] == [1, 3]
    assert [window.batches for window in windows_of(one, [one] * 60)] == [1, 4, 13, 52]
    assert windows_of(one, [one] * 3)[-1].counts.chosen[0].n == (400, 400)


def test_a_ratio_that_no_week_is_sure_of_is_seen_within_the_year() -> None:
    seen = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        weeks: list[Watched] = []
        for number in range(52):
            favoured = int(rng.binomial(300, 0.35)), int(rng.binomial(300, 0.5))
            weeks.append(week((favoured[0], 300), (favoured[1], 300), 600 * number))
            found = women(weeks)
            if found is not None and found.is_alarm:
                seen.append(number + 1)
                break
    assert len(seen) == 10
    assert np.median(seen) <= 13


def test_a_group_that_is_never_large_enough_in_a_batch_is_judged_over_several() -> None:
    weeks = [week((8, 40), (150, 300), 340 * number) for number in range(13)]
    assert women(weeks[:1]) is None
    found = women(weeks)
    assert found is not None
    assert found.is_alarm
    assert found.batches in (4, 13)
    assert "surely below 0.8" in found.words


def test_people_who_return_are_no_new_evidence() -> None:
    weeks = [week((105, 300), (150, 300), 600 * number) for number in range(13)]
    same = [week((105, 300), (150, 300), 0) for _ in range(13)]
    assert women(weeks).is_alarm  # type: ignore[union-attr]
    assert not women(same).is_alarm  # type: ignore[union-attr]


def test_what_is_over_is_no_alarm_any_more() -> None:
    unfair = [week((60, 300), (150, 300), 600 * number) for number in range(13)]
    fair = [week((150, 300), (150, 300), 600 * number) for number in range(13, 17)]
    assert women(unfair).is_alarm  # type: ignore[union-attr]
    assert not women([*unfair, *fair]).is_alarm  # type: ignore[union-attr]


@pytest.mark.parametrize("n", [60, pytest.param(300, marks=pytest.mark.exhaustive)])
def test_at_the_limit_false_alarms_of_all_windows_together_keep_the_budget(n: int) -> None:
    """Ratios of just 0.8 in 60 years of 52 weeks: the worst that is no adverse impact."""
    use_case = SEX.model_copy(
        update={"monitors": SEX.monitors.model_copy(update={"budgets": {"impact": 2.0}, "false_alarms_per_year": 3.0})}
    )
    rng, alarms = np.random.default_rng(n), 0
    for _ in range(6):
        favoured = rng.binomial(n, 0.4, 52), rng.binomial(n, 0.5, 52)
        weeks = [
            week((int(x), n), (int(y), n), 2 * n * number) for number, (x, y) in enumerate(zip(*favoured, strict=True))
        ]
        for number in range(52):
            windows = windows_of(weeks[number], weeks[:number])
            alarms += sum(one.is_alarm for one in judge_impact(use_case, windows, budget_of(use_case)))
    assert alarms / 6 <= 2.0 + 3 * (2.0 / 6) ** 0.5


def test_the_plug_is_asked_over_the_batches_in_which_it_was_seen() -> None:
    weeks = [week((8, 40), (150, 300), 340 * number, rules_women=20) for number in range(13)]
    watched = watch_impact(SEX, windows_of(weeks[-1], weeks[:-1]), "loans/model/1", has_model=True)
    assert watched.plug is not None
    assert watched.plug.is_pulled
    assert "1.00 under the rules" in watched.plug.reason
    alone = watch_impact(SEX, [Window(1, weeks[0].counts)], "loans/model/1", has_model=True)
    assert alone.plug is not None
    assert not alone.plug.is_pulled
