"""What serving cost is told with enough digits, as a share of the value, and without more than was measured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract import UseCase, load_use_case
from decisionloop.contract.operation import ServingCost
from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.release_changes import register_release
from decisionloop.ledger.releases import Release
from decisionloop.ledger.stage_costs import append_stage_costs, batch_costs
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.metering import StageCost
from decisionloop.report.assemble import assemble_story
from decisionloop.report.page import render_story
from decisionloop.report.read.costs import serving_lines, serving_sentences
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import ServingLines
from decisionloop.report.record.story import RULES, PeriodMoney, Story
from decisionloop.report.words import figures
from decisionloop.report.words.figures import MINUS, NBSP
from decisionloop.report.words.naming import ReleaseNames
from tests.small_use_case import write_small

MODEL, SHADOW, BASELINE = "small/scorecard/1", "small/gradient_boosting/2", "small/rules/3"
NAMES = ReleaseNames(
    {MODEL: "the scorecard", SHADOW: "the booster", BASELINE: RULES},
    {MODEL: "scorecard", SHADOW: "gradient_boosting", BASELINE: "rules"},
)
PRICES = ServingCost(cpu_hour=3600, stored_gib=2**30)  # a second costs 1, a byte costs 1
COSTS = (
    StageCost("freeze", None, 100, 1.0, 5),
    StageCost("score", MODEL, 100, 0.25),
    StageCost("score", SHADOW, 100, 4.0, 10),
    StageCost("score", BASELINE, 100, 0.125),
    StageCost("log", None, 100, 1.5, 9),
)


def plain(sentences: Sequence[str]) -> str:
    return " ".join(sentences).replace(NBSP, " ")


def june(value: float | None, decisions: int = 100, is_mature: bool = True) -> PeriodMoney:
    return PeriodMoney("2005-06", decisions, Estimate(value), Estimate(), Estimate(), is_mature, (RULES,))


@pytest.fixture
def use_case(tmp_path) -> UseCase:
    return load_use_case(write_small(tmp_path).folder).use_case


@pytest.fixture
def costed(sqlite_ledger: Ledger, use_case: UseCase) -> Ledger:
    """A ledger with a batch of 100 decisions that was measured, and one that was not."""
    record_use_case(sqlite_ledger, "small", use_case.digest, 1, "name: small")
    release = Release(MODEL, "small", "scorecard", use_case.digest, None, None, None, "null", "{}", day(1))
    register_release(sqlite_ledger, release, "first", "test")
    batch = open_batch(sqlite_ledger, "small", day(1), use_case.digest)
    append_batch_event(sqlite_ledger, batch.batch_id, "scored", {"champion": MODEL})
    append_stage_costs(sqlite_ledger, batch.batch_id, 1, COSTS, PRICES)
    open_batch(sqlite_ledger, "small", day(8), use_case.digest)
    return sqlite_ledger


def day(of_month: int) -> datetime:
    return datetime(2024, 1, of_month, tzinfo=UTC)


def test_stages_and_releases_are_told_apart_and_sum_to_the_whole(costed: Ledger) -> None:
    lines = serving_lines(batch_costs(costed, "small"), 2, [june(5_000.0)], NAMES)
    assert lines is not None
    assert [(line.stage, line.whose) for line in lines.stages] == [
        ("Gathering and freezing what is known", ""),
        ("Scoring", "the release that decides"),
        ("Scoring", "in shadow"),
        ("Scoring", "the rules beside it"),
        ("Writing decisions down", ""),
    ]
    assert sum(line.money for line in lines.stages) == pytest.approx(lines.money)
    assert sum(line.cpu_seconds for line in lines.stages) == pytest.approx(lines.cpu_seconds)
    assert {line.release: line.per_row for line in lines.releases} == {
        "the scorecard": pytest.approx(0.1675),
        "the booster": pytest.approx(0.14),
        RULES: pytest.approx(0.00125),
    }
    assert (lines.decisions, lines.earned) == (100, 50.0)


def test_the_story_says_it_with_its_share_and_what_was_left_out(costed: Ledger) -> None:
    lines = serving_lines(batch_costs(costed, "small"), 2, [june(5_000.0)], NAMES)
    assert lines is not None
    assert plain(serving_sentences(lines, "EUR")) == (
        "Serving 100 decisions cost €30.88 for 6.88 processor seconds and 24 bytes of storage: €308.75 for every "
        "1,000. A decision cost 0.62% of the €50.00 that one earned, where outcomes are in. 1 batch of 2 was not "
        "measured and was left out."
    )


@pytest.mark.parametrize(
    ("money", "words"),
    [
        ([], "nobody knows yet"),
        ([june(5_000.0, is_mature=False)], "nobody knows yet"),
        ([june(0.0)], "earned nothing"),
        ([june(-9.0)], "earned nothing"),
        ([june(6_175.0), june(6_175.0)], "0.50% of the €61.75"),
    ],
)
def test_a_share_is_told_only_of_what_was_earned(costed: Ledger, money: list[PeriodMoney], words: str) -> None:
    lines = serving_lines(batch_costs(costed, "small"), 1, money, NAMES)
    assert lines is not None
    said = plain(serving_sentences(lines, "EUR"))
    assert words in said
    assert ("%" in said) == ("%" in words)


def test_without_a_price_there_is_effort_and_no_cost(story: Story) -> None:
    assert story.serving is not None
    unpriced = replace(story.serving, is_priced=False, money=0.0)
    assert plain(serving_sentences(unpriced, "NTD")) == (
        "Serving 142,500 decisions took 61.2 processor seconds and 98.0 MB of storage. The contract sets no price for "
        "either, so there is no cost to tell. 1 batch of 20 was not measured and was left out."
    )
    section = _section(render_story(replace(story, serving=unpriced)))
    assert "Cost per 1,000" not in section
    assert "NT$" not in section


def test_a_halted_batch_costs_and_has_no_figure_per_decision(story: Story) -> None:
    assert story.serving is not None
    halted = replace(story.serving, decisions=0, all_batches=19)
    assert plain(serving_sentences(halted, "NTD")) == (
        "Serving no decisions cost NT$0.94 for 61.2 processor seconds and 98.0 MB of storage."
    )
    render_story(replace(story, serving=halted))


def test_the_page_shows_each_stage_and_release(story: Story) -> None:
    section = _section(render_story(story)).replace(NBSP, " ")
    text = re.sub(r"<[^>]+>", " ", section)
    assert "cost NT$0.94 for 61.2 processor seconds" in text
    assert "0.000012% of the NT$53.40" in text
    assert "NT$0.0065" in text
    assert "NT$0.0000063" in text
    assert "in shadow" in text
    assert 'id="serving"' not in render_story(replace(story, serving=None))


def test_the_story_of_a_ledger_holds_its_costs(costed: Ledger, use_case: UseCase) -> None:
    told = assemble_story(costed, use_case)
    assert isinstance(told.serving, ServingLines)
    assert (told.serving.batches, told.serving.all_batches, told.serving.money) == (1, 2, pytest.approx(30.875))
    assert 'id="serving"' in render_story(told)


def test_a_ledger_without_costs_tells_none() -> None:
    assert serving_lines((), 3, [june(1.0)], NAMES) is None


def _section(page: str) -> str:
    start = page.index('<h2 id="serving-heading"')
    return page[start : page.index("</section>", start)]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0.0, "0"),
        (12.3, "12.30"),
        (12_345.678, "12,345.68"),
        (1.0, "1.00"),
        (0.999, "1.00"),
        (0.42, "0.42"),
        (0.0042, "0.0042"),
        (0.000000123, "0.00000012"),
        (-0.0042, f"{MINUS}0.0042"),
        (float("inf"), "not known"),
    ],
)
def test_a_fine_amount_has_two_of_its_digits_at_least(amount: float, expected: str) -> None:
    assert figures.fine(amount) == expected


@given(st.floats(1e-9, 1e9))
def test_a_fine_amount_is_within_five_per_cent_of_itself(amount: float) -> None:
    assert float(figures.fine(amount).replace(",", "")) == pytest.approx(amount, rel=0.051)
    assert figures.fine(-amount) == f"{MINUS}{figures.fine(amount)}"


def test_sizes_and_shares_are_written_small_and_large() -> None:
    assert [figures.data_size(n) for n in (0, 812, 3_400_000, 2 * 10**9)] == [
        f"0{NBSP}bytes", f"812{NBSP}bytes", f"3.4{NBSP}MB", f"2.0{NBSP}GB"
    ]  # fmt: skip
    assert figures.fine_percent(0.0000017) == "0.00017%"
    assert figures.fine_money(None, "NTD") == "not known"
    assert figures.fine_money(-0.001, "NTD") == f"{MINUS}NT$0.0010"
