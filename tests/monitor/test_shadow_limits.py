"""A limit of the contract that an audited release surely crosses is told in a sentence; what may be chance is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from decisionloop.contract import UseCase
from decisionloop.contract.loading import load_use_case
from decisionloop.contract.releasing import Shadow
from decisionloop.monitor.canary.calls import TimedCalls
from decisionloop.monitor.canary.sample_ratio import Drawn
from decisionloop.monitor.shadow.limits import crossed_limits
from decisionloop.monitor.shadow.record import (
    BatchTime,
    Disagreement,
    GroupFavour,
    InputShift,
    OutputDifference,
    ReasonStability,
    ShadowAudit,
)
from decisionloop.report.words.shadow import lines_of, shadow_in_brief, shadow_markdown

LIMITS = Shadow(maximum_disagreement=0.3, maximum_loss=5, minimum_same_reason=0.4)
QUIET = ShadowAudit(
    release_id="credit_line/scorecard/a",
    champion_id="credit_line/scorecard/b",
    batch_id="credit_line/2005-07-01",
    as_of=datetime(2005, 7, 1, tzinfo=UTC),
    n=10_000,
    error="",
    nan_rows=0,
    outputs=(OutputDifference("score", 10_000, 9_990, 0.01, 0.2, 0.03, False, 0.1, 10, 0.001, False),),
    disagreement=Disagreement("all", 10_000, 2_000, 9_000.0, -8_000.0),
    by_slice=(Disagreement("sex=1", 4_000, 500, 2_000.0, -1_000.0), Disagreement("sex=2", 6_000, 1_500, 7_000.0, -7.0)),
    actions=(),
    impact=(GroupFavour("sex", "1", 4_000, 0.5, 0.5, 0.9, 0.95, False),),
    inputs=(InputShift("limit_bal", 0.02, False, ""),),
    reasons=ReasonStability(400, 200),
    time=BatchTime(0.01, 0.02, 3, 0.01, 0.02, 0.02, 0.1, 0.1),
)


@pytest.fixture(scope="module")
def use_case() -> UseCase:
    return load_use_case(Path("usecases/credit_line")).use_case.model_copy(update={"shadow": LIMITS})


def test_a_release_within_all_limits_crosses_none_and_is_told_in_words_and_numbers(use_case) -> None:
    assert list(crossed_limits(use_case, QUIET)) == []
    told = "\n".join(lines_of(QUIET, use_case))
    assert "It crosses no limit of the contract." in told
    assert "2,000 of 10,000 decisions otherwise (20%), expected to be worth +NT$9,000 by its own reckoning" in told
    assert told.index("sex=2") < told.index("sex=1")
    assert "same first reason in 50% of 400 decisions" in told
    assert "| `sex=2` | 6,000 | 1,500 (25%) |" in shadow_markdown(QUIET, use_case)
    assert shadow_in_brief(QUIET) == (
        "in credit_line/2005-07-01 it crossed no limit, and would take 20% of the decisions otherwise."
    )


@pytest.mark.parametrize(
    ("change", "limit", "words"),
    [
        ({"error": "ValueError: broken."}, "errors", "It said nothing of the batch: ValueError: broken."),
        ({"nan_rows": 300}, "errors", "values 3.0% of the rows at NaN, and 1.0% are allowed"),
        ({"disagreement": Disagreement("all", 10_000, 3_300, 1.0, 1.0)}, "disagreement", "33.0% of the decisions"),
        ({"disagreement": Disagreement("all", 10_000, 100, 1.0, -60_000.0)}, "loss", "cost NTD 6.00 a decision"),
        ({"impact": (replace(QUIET.impact[0], ratio=0.5, is_adverse=True),)}, "adverse_impact", "sex 1 would get"),
        ({"inputs": (InputShift("limit_bal", 0.31, True, "it moved"),)}, "inputs", "limit_bal (31% of its values)"),
        ({"reasons": ReasonStability(400, 100)}, "reasons", "same first reason in 25% of 400 decisions"),
        ({"reasons": ReasonStability(400, 0, "TimeIsUp: late")}, "reasons", "not be asked for its reasons: TimeIsUp"),
        ({"time": replace(QUIET.time, median=1.5)}, "latency", "takes 1.5 ms, as a rule of 3 batches, over the budget"),
        ({"outputs": (replace(QUIET.outputs[0], beyond=120, is_unusual=True),)}, "outputs", "In 1.20% of the rows"),
        ({"outputs": (replace(QUIET.outputs[0], differing=100),)}, "outputs", "but on 100 of 10000 rows (1.00%)"),
    ],
)
def test_each_limit_alone_is_told(use_case, change, limit, words) -> None:
    found = list(crossed_limits(use_case, replace(QUIET, **change)))
    assert [one.limit for one in found] == [limit]
    assert words in found[0].words


@pytest.mark.parametrize(
    "change",
    [
        {"n": 60, "nan_rows": 1},
        {"disagreement": Disagreement("all", 60, 20, 1.0, 1.0)},
        {"reasons": ReasonStability(10, 3)},
        {"time": replace(QUIET.time, median=1.5, champion_median=1.6)},
        {"n": 80, "time": replace(QUIET.time, median=1.5), "nan_rows": 0},
    ],
)
def test_what_may_be_chance_or_the_machine_is_not_told(use_case, change) -> None:
    assert list(crossed_limits(use_case, replace(QUIET, **change))) == []


def test_of_a_release_on_trial_its_draw_and_its_calls_are_told_beside_what_was_declared(use_case) -> None:
    calls = TimedCalls(budget_ms=100.0, pairs=120, slow=0, champion_slow=0, p99=1.27, champion_p99=1.04)
    told = "\n".join(lines_of(replace(QUIET, drawn=Drawn(0.05, 7_083, 375), calls=calls), use_case))
    assert "On trial it decided 375 of 7,083 decisions that it could have (5.29%; declared are 5.00%)." in told
    assert "In 120 pairs of calls by turns one decision took it up to 1.3 ms and the champion 1 ms (p99" in told
    silent = replace(calls, pairs=0, p99=None, champion_p99=None)
    assert "by turns" not in "\n".join(lines_of(replace(QUIET, calls=silent), use_case))
