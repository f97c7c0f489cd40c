"""Two statements about one thing are made from one record: page, terminal and status never give it two values.

The sentences carry what they claim (`report.record.claims`), so nothing here reads prose but to see that the words hold
the figures that they claim.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from decisionloop.cli.status_words import StatusRecords, StatusWords
from decisionloop.cli.summary import table_claims, told_in_short
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.report.page import paragraphs
from decisionloop.report.read.beside import caveats_of_money
from decisionloop.report.record.claims import Said, claims_of, disagreements
from decisionloop.report.record.deciding import Deciding
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.evidence import ActionFigures, Promise
from decisionloop.report.record.lines import BatchLine, Explored
from decisionloop.report.record.story import RULES, PeriodMoney, PeriodTruth, Story
from decisionloop.report.record.totals import total_of
from decisionloop.report.record.truth import check_truth
from decisionloop.report.words import figures
from decisionloop.report.words.beside import grave_caveats
from decisionloop.report.words.explaining import verdict_sentence
from decisionloop.report.words.headline import headline
from decisionloop.report.words.monitor_sentences import family_verdict
from tests.examples import examples
from tests.report.conftest import sample_story

MODEL = "the scorecard of 6 July"
amounts = st.floats(min_value=-1e7, max_value=1e7, allow_nan=False)
shifts = st.floats(min_value=0.0, max_value=2e7)
widths = st.one_of(st.none(), st.floats(min_value=1.0, max_value=1e7))


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    value = draw(st.one_of(st.none(), amounts))
    half = draw(widths)
    missing, below, above = draw(st.integers(0, 500)), draw(shifts), draw(shifts)
    to_come = draw(st.floats(0, missing))
    if value is None or half is None:
        return Estimate(value, bounds=OutcomeBounds(missing, to_come) if missing else None)
    bounds = OutcomeBounds(missing, to_come, value - half - below, value + half + above) if missing else None
    return Estimate(value, value - half, value + half, bounds)


@st.composite
def periods(draw: st.DrawFn) -> tuple[PeriodMoney, ...]:
    first, count = draw(st.integers(0, 30)), draw(st.integers(0, 15))
    names = [f"{2004 + (first + i) // 12}-{(first + i) % 12 + 1:02d}" for i in range(count)]
    deciders = st.sampled_from([(), (RULES,), (MODEL,), (RULES, MODEL)])
    parts = (estimates(), estimates(), estimates())
    return tuple(
        PeriodMoney(
            name, draw(st.integers(1, 9_999)), *(draw(part) for part in parts), draw(st.booleans()), draw(deciders)
        )
        for name in names
    )


@st.composite
def batch_lines(draw: st.DrawFn) -> tuple[BatchLine, ...]:
    states = draw(st.lists(st.sampled_from(["complete", "halted", "decided", "scored", "covered"]), max_size=12))
    return tuple(
        BatchLine(
            date(2004, 1, 5) + timedelta(days=7 * i),
            state,
            draw(st.integers(1, 9_999)),
            draw(st.sampled_from([RULES, MODEL])),
            (),
        )
        for i, state in enumerate(states)
    )


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A story whose record is drawn; what is not drawn is that of the sample."""
    sample, money, batches = sample_story(), draw(periods()), draw(batch_lines())
    made = Deciding.of(batches).decisions
    explored = Explored(
        min(made, draw(st.integers(0, 50))), made, draw(estimates()), draw(st.integers(0, 50)), 0.4, 0.1
    )
    truth = tuple(PeriodTruth(one.period, draw(amounts), draw(amounts), None, None) for one in money)
    positive = st.floats(min_value=0.1, max_value=50.0)
    cost = draw(positive)
    actions = (
        ActionFigures("hold", "keep the limit", 5, 5, draw(estimates()), 5, draw(estimates())),
        ActionFigures(
            "increase",
            "raise it",
            7,
            4,
            draw(estimates()),
            3,
            draw(estimates()),
            9,
            Estimate(cost, cost, cost),
            Estimate(40.0, 30.0, 50.0),
            Estimate(0.1, 0.05, 0.2),
        ),
    )
    promises = (
        Promise(
            date(2005, 8, 1),
            MODEL,
            "m/1",
            RULES,
            draw(st.booleans()),
            draw(estimates()),
            0.8,
            draw(st.integers(0, 99)),
            draw(estimates()),
        ),
    )
    verdicts = tuple(
        replace(one, challenger_id=f"id-{i}", became=draw(st.sampled_from(["", "refused", "shadow", "champion"])))
        for i, one in enumerate(sample.verdicts)
    )
    caveats = caveats_of_money(money, sample.use_case.currency)
    check = check_truth(truth, money, 0.9) if truth else None
    return replace(
        sample,
        money=money,
        batches=batches,
        explored=explored,
        truth=truth,
        actions=actions,
        promises=promises,
        verdicts=verdicts,
        caveats=caveats,
        headline=headline(sample.use_case, money, batches, check, grave_caveats(caveats)),
    )


def on_the_page(story: Story) -> Iterator[str]:
    yield from (story.headline.verdict, *story.headline.standfirst, story.headline.scope)
    for sentences in paragraphs(story).values():
        yield from sentences
    yield from (verdict_sentence(one) for one in story.verdicts)
    assert story.monitoring is not None
    yield from (family_verdict(one, story.use_case) for one in story.monitoring.families)


def on_the_terminal(story: Story) -> Iterator[str]:
    yield from told_in_short(story)
    yield Said("the table", table_claims(story))


def in_the_status(story: Story) -> Iterator[str]:
    """What `decisionloop status` says of the same records; tests/cli/test_status.py asks it of a ledger."""
    currency = story.use_case.currency
    assert story.monitoring is not None
    stakes = [one.stake for one in story.monitoring.still_open]
    caveats = caveats_of_money(story.money, currency)
    yield from StatusWords.of(StatusRecords(caveats, stakes, story.verdicts, story.actions, story.promises), currency)


@examples(20)
@given(stories())
def test_no_two_statements_about_one_thing_differ(story: Story) -> None:
    said = [*on_the_page(story), *on_the_terminal(story), *in_the_status(story)]
    assert disagreements(said) == ()


def test_the_same_things_are_said_in_several_places_or_this_could_not_fail() -> None:
    story = sample_story()
    page, status = (
        {key for one in said for key in claims_of(one)} for said in (on_the_page(story), in_the_status(story))
    )
    terminal = {key for one in on_the_terminal(story) for key in claims_of(one)}
    assert {"incidents.open", "at_stake"} <= page & status
    assert any(key.startswith("verdict[") for key in page & status)
    assert {"decisions", "batches.halted"} <= page & terminal
    assert any(key.startswith("money.difference[") for key in page & terminal)
    twice = [key for one in on_the_page(story) for key in claims_of(one)]
    assert twice.count("batches.halted") >= 2
    assert twice.count("truth.held") >= 1


def test_two_records_of_one_thing_are_found_out() -> None:
    told = sample_story()
    other = replace(told, batches=told.batches[1:], headline=told.headline)
    found = {one.key for one in disagreements(on_the_page(other))}
    assert "batches.decided" in found


@examples(20)
@given(stories())
def test_words_hold_the_figures_that_they_claim(story: Story) -> None:
    currency = story.use_case.currency
    for sentence in (*on_the_page(story), *in_the_status(story)):
        claims = claims_of(sentence)
        if claims.get("at_stake") is not None:
            assert figures.money(claims["at_stake"], currency) in sentence  # type: ignore[arg-type]
        if "decisions" in claims and sentence.startswith(f"{claims['decisions']:,}"):
            assert figures.count_of(int(claims["decisions"]), "decision") in sentence  # type: ignore[arg-type]
        if "truth.held" in claims and claims["truth.tested"]:
            held = int(claims["truth.held"])  # type: ignore[arg-type]
            assert figures.in_words(held) in sentence or f"{held:,}" in sentence


@examples(20)
@given(stories())
def test_no_verdict_is_sure_of_a_sign_that_missing_outcomes_could_turn(story: Story) -> None:
    total = total_of(story.money)
    if total is None or not total.policy.is_known:
        return
    told = " ".join((story.headline.verdict, *story.headline.standfirst))
    is_told_of_rules = total.is_by_rules and total.difference.sign >= 0
    if total.difference.is_sign_open and total.rules.value is not None and not is_told_of_rules:
        assert "as the others; at " in story.headline.verdict
    if total.policy.is_sign_open:
        assert "hangs on outcomes that have not come" in told
    # Once: in the headline where it is grave, else beside the money.
    is_told = [
        "not come" in words for words in (" ".join(grave_caveats(story.caveats)), " ".join(paragraphs(story)["money"]))
    ]
    assert any(is_told) or total.policy.bounds is None
    assert all(words in story.headline.standfirst for words in grave_caveats(story.caveats))


@examples(20)
@given(stories())
def test_what_was_halted_is_nowhere_counted_as_decided(story: Story) -> None:
    decided = sum(one.rows for one in story.batches if one.state in {"complete", "decided"})
    claimed = [claims_of(one)["decisions"] for one in on_the_page(story) if "decisions" in claims_of(one)]
    assert set(claimed) <= {decided}


@examples(20)
@given(stories())
def test_nobody_says_that_no_model_decided_where_one_did(story: Story) -> None:
    has_model = any(one.is_decided and one.champion != RULES for one in story.batches) or any(
        one.is_by_model for one in story.money
    )
    told = " ".join(story.headline.standfirst)
    assert not ("no model has" in told and has_model)


MONTH = "|".join(figures.MONTHS)
WITH_YEAR = re.compile(rf"(?:{MONTH})(?:\u00a0\d{{4}}|(?:,| and| to) (?:\d+\u00a0)?(?:{MONTH}))")
ANY_MONTH = re.compile(rf"\b(?:{MONTH})\b")


@examples(20)
@given(stories())
def test_a_month_is_never_told_without_its_year(story: Story) -> None:
    for sentence in (story.headline.verdict, *story.headline.standfirst, *paragraphs(story)["money"]):
        for found in ANY_MONTH.finditer(sentence):
            assert WITH_YEAR.match(sentence, found.start()), sentence
