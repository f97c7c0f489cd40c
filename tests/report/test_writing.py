"""Sentences about money: losses are called losses, and what the data cannot tell is not told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.report.record.claims import Said, disagreements
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import BatchLine
from decisionloop.report.record.story import RULES, ActionLine, PeriodMoney, UseCaseLines
from decisionloop.report.record.totals import sum_of, total_of
from decisionloop.report.words import headline as heading
from decisionloop.report.words import missing, spans
from decisionloop.report.words import money as writing
from decisionloop.report.words.figures import NBSP

MODEL = "the scorecard of 6 July"


def about(value: float | None, half: float | None = 0.1) -> Estimate:
    """An estimate in millions, with or without an interval."""
    if value is None:
        return Estimate()
    if half is None:
        return Estimate(value * 1e6)
    return Estimate(value * 1e6, (value - half) * 1e6, (value + half) * 1e6)


def month(
    period: str,
    policy: Estimate,
    rules: Estimate,
    difference: Estimate,
    decided_by: tuple[str, ...] = (MODEL,),
    is_mature: bool = True,
) -> PeriodMoney:
    return PeriodMoney(period, 30_000, policy, rules, difference, is_mature, decided_by)


def plain(text: str | Sequence[str]) -> str:
    """Without the spaces that only keep a number and its unit together."""
    return (text if isinstance(text, str) else " ".join(text)).replace(NBSP, " ")


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (2.3e6, "earned NT$2.3 million"),
        (-2.3e6, "lost NT$2.3 million"),
        (0.0, "broke even"),
        (-0.001, "broke even"),
        (-0.01, "lost NT$0.01"),
        (None, "has no figure yet"),
    ],
)
def test_a_result_is_earned_lost_or_neither(amount: float | None, expected: str) -> None:
    assert plain(writing.earned(amount, "NTD")) == expected


@given(st.floats(min_value=-1e12, max_value=0, exclude_max=True))
def test_a_negative_amount_is_never_called_earned(amount: float) -> None:
    for sentence in (writing.earned(amount, "EUR"), writing.would_have_earned(amount, "EUR")):
        assert "earned" not in sentence
        assert "gain" not in sentence


@pytest.mark.parametrize(
    ("policy", "rules", "gap", "expected"),
    [
        (
            about(9.8),
            about(8.6),
            about(1.2),
            "In five months the decisions earned NT$9.8 million, "
            "NT$1.2 million more than the rules alone would have earned"
            " (between NT$1.1 million and NT$1.3 million).",
        ),
        (
            about(8.0),
            about(11.0),
            about(-3.0),
            "In five months the decisions earned NT$8.0 million, "
            "NT$3.0 million less than the rules alone would have earned"
            " (between NT$2.9 million and NT$3.1 million).",
        ),
        (
            about(9.8),
            about(9.7),
            about(0.1, 0.5),
            "In five months the decisions earned NT$9.8 million and the rules alone would have earned "
            "NT$9.7 million: the data cannot tell the two apart.",
        ),
        (
            about(-12.4),
            about(-12.2),
            about(-0.2, 0.9),
            "Both lost money in five months: NT$12.4 million for the loop, NT$12.2 million for the rules; "
            "the data cannot tell the two apart.",
        ),
        (
            about(-2.0),
            about(-5.0),
            about(3.0),
            "Both lost money in five months, and the loop lost NT$3.0 million less than the rules alone would have"
            " (between NT$2.9 million and NT$3.1 million).",
        ),
        (
            about(-5.0),
            about(-2.0),
            about(-3.0),
            "Both lost money in five months, and the loop lost NT$3.0 million more than the rules alone would have"
            " (between NT$2.9 million and NT$3.1 million).",
        ),
        (
            about(1.0),
            about(-2.0),
            about(3.0),
            "In five months the decisions earned NT$1.0 million where the rules alone would have lost NT$2.0 million.",
        ),
        (
            about(-1.0),
            about(2.0),
            about(-3.0),
            "In five months the decisions lost NT$1.0 million where the rules alone would have earned NT$2.0 million.",
        ),
        (
            about(1.0),
            about(None),
            about(None),
            "In five months the decisions earned NT$1.0 million; what the rules alone would have earned is not known.",
        ),
        (
            about(1.0),
            about(2.0),
            about(None),
            "In five months the decisions earned NT$1.0 million and the rules alone would have earned NT$2.0 million; "
            "the two cannot be compared.",
        ),
        (about(None), about(None), about(None), "It is too early to say what these decisions earned."),
    ],
)
def test_the_verdict(policy: Estimate, rules: Estimate, gap: Estimate, expected: str) -> None:
    total = month("all", policy, rules, gap)
    assert plain(heading.verdict(total, "five months", "NTD")) == expected


def bounded(estimate: Estimate, worst: float, best: float, missing: int = 1_200, to_come: float = 0.0) -> Estimate:
    """The same with outcomes missing; worst and best in millions."""
    return replace(estimate, bounds=OutcomeBounds(missing, to_come, worst * 1e6, best * 1e6))


@pytest.mark.parametrize(
    ("policy", "rules", "gap", "expected"),
    [
        (
            about(9.8),
            about(8.6),
            bounded(about(1.2), -0.3, 2.0),
            "In five months the decisions earned NT$9.8 million, NT$1.2 million more than the rules alone would have "
            "earned (between NT$1.1 million and NT$1.3 million), if the 1,200 outcomes that have not come were as "
            "the others; at worst NT$300,000 less.",
        ),
        (
            about(8.0),
            about(11.0),
            bounded(about(-3.0), -4.0, 0.5, to_come=900),
            "In five months the decisions earned NT$8.0 million, NT$3.0 million less than the rules alone would have "
            "earned (between NT$2.9 million and NT$3.1 million), if the 300 outcomes that will not come were as the "
            "others; at best NT$500,000 more.",
        ),
        (
            about(-2.0),
            about(-5.0),
            bounded(about(3.0), -1.0, 4.0, missing=1),
            "Both lost money in five months, and the loop lost NT$3.0 million less than the rules alone would have"
            " (between NT$2.9 million and NT$3.1 million), "
            "if the one outcome that has not come was as the others; at worst NT$1.0 million more.",
        ),
        (
            about(9.8),
            about(8.6),
            bounded(about(1.2), 0.3, 2.0),
            "In five months the decisions earned NT$9.8 million, "
            "NT$1.2 million more than the rules alone would have earned"
            " (between NT$1.1 million and NT$1.3 million).",
        ),
    ],
)
def test_the_verdict_says_where_missing_outcomes_could_turn_it(
    policy: Estimate, rules: Estimate, gap: Estimate, expected: str
) -> None:
    assert plain(heading.verdict(month("all", policy, rules, gap), "five months", "NTD")) == expected


def test_a_result_that_missing_outcomes_could_turn_is_not_certain() -> None:
    sure, hanging = bounded(about(2.0), 0.4, 3.0), bounded(about(2.0), -0.4, 3.0)
    for policy, is_told in ((sure, False), (hanging, True)):
        told = heading.headline(CASE, [month("2005-06", policy, about(1.0), about(1.0))], ())
        text = plain(told.standfirst)
        assert ("hangs on outcomes that have not come" in text) is is_told
        assert ("anywhere from a loss of NT$400,000 to a gain of NT$3.0 million" in text) is is_told


def test_what_has_not_come_stands_beside_the_money_of_a_period_and_of_all() -> None:
    lines = [
        month("2005-06", about(2.0), about(1.0), about(1.0)),
        month("2005-07", bounded(about(2.0), 1.0, 2.5, 40, 10), about(1.0), bounded(about(1.0), 0.5, 1.3, 40, 10)),
    ]
    assert "(between NT$900,000 and NT$1.1 million; whatever has not come, between NT$500,000 and NT$1.3 million)" in (
        plain(writing.money_sentences(lines, "NTD"))
    )
    beside = plain(missing.missing_sentence(lines, "NTD"))
    assert beside.startswith("40 outcomes have not come, of which about 10 will still come as earlier cohorts show;")
    total = total_of(lines)
    assert total is not None
    assert total.policy.low is not None
    assert total.policy.bounds is not None
    assert total.policy.bounds.low == pytest.approx(total.policy.low - 0.9e6)
    assert plain(writing.span(total.policy.at_the_bounds, "NTD")) in beside
    assert missing.missing_sentence(lines[:1], "NTD") == ""


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(0.1, 5), st.floats(0, 9), st.integers(0, 9)), min_size=1))
def test_bounds_of_a_sum_hold_its_interval_and_lie_within_the_sum_of_bounds(
    parts: list[tuple[float, float, float, int]],
) -> None:
    told = [bounded(about(v, h), v - h - b, v + h + b, n) if n else about(v, h) for v, h, b, n in parts]
    total = sum_of(told)
    if not any(n for *_, n in parts):
        assert total.bounds is None
        return
    assert total.bounds is not None
    assert total.bounds.missing == sum(n for *_, n in parts)
    assert total.low is not None
    assert total.bounds.low is not None
    ends = [one.low if one.bounds is None else one.bounds.low for one in told]
    assert sum(end for end in ends if end is not None) - 1 <= total.bounds.low <= total.low + 1


def test_the_sum_of_what_cannot_be_told_still_says_how_many_are_missing() -> None:
    unknown = Estimate(bounds=OutcomeBounds(7, 2.0))
    assert sum_of([unknown, about(1.0)]) == unknown
    unbounded = replace(about(1.0), bounds=OutcomeBounds(7, 2.0))
    assert sum_of([bounded(about(1.0), 0.5, 1.5), unbounded]).bounds == OutcomeBounds(1_207, 2.0)


def test_the_verdict_on_rules_alone_is_about_the_price_of_exploring() -> None:
    total = month("all", about(9.6), about(12.4), about(-2.8), (RULES,))
    assert plain(heading.verdict(total, "five months", "NTD")) == (
        "In five months the rules decided and earned NT$9.6 million, NT$2.8 million less than they would have "
        "without exploring."
    )
    nothing = month("all", about(-9.6), about(-9.5), about(-0.1, 0.5), (RULES,))
    assert plain(heading.verdict(nothing, "one month", "NTD")) == (
        "In one month the rules decided and lost NT$9.6 million; exploring cost NT$100,000, which may be chance."
    )


def test_where_nobody_departed_from_the_rules_exploring_has_no_price_that_could_not_be_told() -> None:
    same = month("2005-06", about(-9.6), about(-9.6), about(0.0, 0.0), (RULES,))
    assert plain(heading.verdict(same, "one month", "NTD")) == "In one month the rules decided and lost NT$9.6 million."
    other = replace(same, period="2005-07", policy=about(9.6), rules=about(9.6))
    assert plain(writing.money_sentences([same, other], "NTD")) == (
        "In June and July 2005 the rules decided and broke even, as they would have alone. "
        "In June 2005 they lost money: NT$9.6 million."
    )


def test_a_difference_of_zero_that_missing_outcomes_could_move_is_not_surely_nothing() -> None:
    nothing = Estimate(0.0, 0.0, 0.0)
    assert nothing.is_nothing
    assert replace(nothing, bounds=OutcomeBounds(3, 0.0, 0.0, 0.0)).is_nothing
    assert not replace(nothing, bounds=OutcomeBounds(3, 0.0, -1.0, 1.0)).is_nothing
    assert not Estimate(0.0, -1.0, 1.0).is_nothing


def test_without_any_period_it_is_too_early() -> None:
    assert heading.verdict(None, "", "NTD") == "It is too early to say what these decisions earned."


numbers = st.floats(min_value=-100, max_value=100)


@given(numbers, numbers, st.floats(min_value=0.01, max_value=200))
def test_the_verdict_never_flatters(policy: float, rules: float, half: float) -> None:
    total = month("all", about(policy), about(rules), about(policy - rules, half))
    sentence = heading.verdict(total, "one month", "EUR")
    if abs(policy - rules) < half:
        assert "cannot tell" in sentence
        assert " more than the rules" not in sentence
        assert " less than the rules" not in sentence
    if abs(policy - rules) > half:
        assert "cannot tell" not in sentence
    if policy < -1e-6:
        assert "the decisions earned" not in sentence
    if rules < -1e-6:
        assert "rules alone would have earned" not in sentence or " more than" in sentence
    if policy < -1e-6 and rules < -1e-6:
        assert sentence.startswith("Both lost money")


def test_a_difference_over_zero_is_told_as_behind_and_ahead() -> None:
    told = plain(writing.comparison(about(-1.3, 2.0), "NTD"))
    assert told == (
        "the data cannot tell the two apart: the loop may be anywhere from NT$3.3 million behind to NT$700,000 ahead"
    )
    told = plain(writing.comparison(about(-1.0, 0.5), "NTD"))
    assert told == "the rules would have done better by NT$1.0 million (between NT$500,000 and NT$1.5 million)"
    assert writing.comparison(about(1.0, None), "NTD") == "there is too little data to compare the two"
    assert writing.comparison(Estimate(), "NTD") == "the two cannot be compared"


FIVE = (
    month("2005-05", about(4.1), about(5.0), about(-0.9), (RULES,)),
    month("2005-06", about(3.8), about(4.6), about(-0.8), (RULES,)),
    month("2005-07", about(5.5), about(5.4), about(0.1, 0.9), (RULES, MODEL)),
    month("2005-08", about(7.2), about(8.2), about(-1.0, 0.9)),
    month("2005-09", about(-12.6), about(-12.2), about(-0.4, 1.6)),
)


def test_months_are_told_together_where_they_are_alike() -> None:
    assert plain(writing.money_sentences(FIVE, "NTD")) == (
        "In May and June 2005 the rules decided, apart from what was explored, and the loop earned NT$7.9 million; "
        "exploring cost NT$1.7 million (between NT$1.6 million and NT$1.8 million). "
        "The rules would have done better in August 2005 by NT$1.0 million (between NT$100,000 and NT$1.9 million). "
        "For July and September 2005 the data cannot tell the two apart. "
        "In September 2005 both lost money: the loop NT$12.6 million, the rules NT$12.2 million."
    )


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        (["2005-05"], "in May 2005"),
        (["2005-05", "2005-06"], "in May and June 2005"),
        (["2005-05", "2005-06", "2005-08"], "in May, June and August 2005"),
        (["2005-05", "2006-05"], "in May 2005 and May 2006"),
        (["2005-06", "2005-07", "2005-08"], "from June to August 2005"),
        (["2005-11", "2005-12", "2006-01"], "from November 2005 to January 2006"),
        (["2005-06-03", "2005-06-10", "2005-06-17"], "on 3 June, 10 June and 17 June 2005"),
        (["2005-06-03T12:00:00Z", "2005-06-10T12:00:00Z"], "on 3 June, 12:00 and 10 June 2005, 12:00"),
    ],
)
def test_runs_of_months_are_told_by_their_ends(periods: list[str], expected: str) -> None:
    assert plain(spans.during(periods)) == expected


def test_a_month_that_may_have_lost_money_is_called_uncertain() -> None:
    lines = (month("2005-07", about(0.2, 0.5), about(0.1), about(0.1, 0.6)),)
    assert "Whether the loop made money at all in July 2005 is not certain." in plain(
        writing.money_sentences(lines, "NTD")
    )


def test_incomplete_months_are_named_and_not_counted() -> None:
    late = month("2005-10", about(50.0), about(0.0), about(50.0), is_mature=False)
    with_late, without = total_of([*FIVE, late]), total_of(FIVE)
    assert with_late == without
    assert plain(writing.money_sentences([*FIVE, late], "NTD")[-1]) == (
        "The outcomes of October 2005 are not complete yet and are not counted."
    )


CASE = UseCaseLines(
    "credit_line",
    "Raise a line",
    "…",
    "client",
    "NTD",
    "…",
    "late",
    (ActionLine("hold", "keep the limit", True), ActionLine("increase", "raise it")),
)


def test_the_headline_tells_what_the_models_did_and_where_both_lost() -> None:
    batch = BatchLine(date(2005, 5, 3), "complete", 7_500, RULES, ())
    told = heading.headline(CASE, FIVE, [batch, batch])
    assert plain(told.verdict) == (
        "In five months the decisions earned NT$8.0 million, "
        "NT$3.0 million less than the rules alone would have earned (between NT$951,000 and NT$5.0 million)."
    )
    assert plain(told.standfirst[0]).startswith(
        "In the three months in which a model decided (July to September 2005; in July 2005 only in part) the loop "
        "earned NT$100,000 and the "
        "rules alone would have earned NT$1.4 million; the data cannot tell the two apart"
    )
    assert plain(told.standfirst[1]) == (
        "In September 2005 both lost money: the loop NT$12.6 million, the rules NT$12.2 million."
    )
    assert told.scope == "15,000 decisions in 2 batches, each a choice between “keep the limit” and “raise it”."


def test_the_headline_names_the_one_month_that_carries_its_verdict() -> None:
    quiet = [month(f"2005-0{number}", about(5.0), about(5.0), about(0.0)) for number in (6, 7)]
    rich = [month(f"2005-0{number}", about(9.0), about(5.0), about(4.0)) for number in (8, 9)]
    carried = heading.headline(CASE, [*quiet, rich[1]], ()).standfirst
    assert plain(carried[-1]) == "Without September 2005 the data cannot tell whether the loop earned more."
    assert not [one for one in heading.headline(CASE, [*quiet, *rich], ()).standfirst if "Without" in one]


def test_a_month_that_cannot_be_told_is_not_called_incomplete() -> None:
    lost = month("2005-06", Estimate(), about(4.6), Estimate())
    batches = [BatchLine(date(2005, number, 3), "complete", 31_000, RULES, ()) for number in (5, 6, 7)]
    told = heading.headline(CASE, [FIVE[0], lost, FIVE[2]], batches)
    assert plain(told.verdict).startswith("In the two months of which it can be told the decisions")
    assert "What June 2005 earned cannot be told from what came, and is not counted." in plain(told.standfirst)
    assert "or are of June 2005, of which it cannot be told" in plain(told.scope)
    assert "not complete" not in plain([*told.standfirst, told.scope])


def test_where_no_complete_month_can_be_told_it_is_not_too_early_and_says_so() -> None:
    lost = month("2005-06", Estimate(), about(4.6), Estimate())
    told = heading.headline(CASE, [lost], [BatchLine(date(2005, 6, 3), "complete", 31_000, RULES, ())])
    assert plain(told.verdict) == "What these decisions earned cannot be told from the outcomes that came."
    young = replace(lost, is_mature=False)
    assert "too early" in plain(heading.headline(CASE, [young], ()).verdict)


def test_months_with_others_between_them_are_not_told_as_if_they_followed_each_other() -> None:
    """A batch a year for three years is not three months of deciding."""
    years = [replace(one, period=f"{year}-07") for one, year in zip(FIVE, (2015, 2016, 2017), strict=False)]
    batches = [BatchLine(date(year, 7, 1), "complete", 30_000, RULES, ()) for year in (2015, 2016, 2017)]
    assert "three of the months from July 2015 to July 2017" in plain(heading.headline(CASE, years, batches).verdict)


def test_decisions_whose_outcomes_are_to_come_are_not_called_given_something_else() -> None:
    """Also where their month has batches that are complete."""
    batches = [BatchLine(date(2005, month, 3), "complete", 31_000, RULES, ()) for month in range(5, 10)]
    batches += [BatchLine(date(2005, 9, 20), "complete", 4_000, RULES, (), is_measured=False)]
    told = heading.headline(CASE, FIVE, batches)
    assert "whose outcomes are complete" in plain(told.verdict)
    assert told.scope.endswith(
        "The money counts 150,000 of them; of 4,000 the outcomes are not complete yet; the others were given something "
        "else than the rules give, by a fault, a limit or a switch."
    )


def test_the_headline_says_how_many_decisions_its_money_counts() -> None:
    """Who got something else than the rules give, for certain, is not in the money: both figures are of one record, and
    say what they differ by."""
    batches = [BatchLine(date(2005, month, 3), "complete", 31_000, RULES, ()) for month in range(5, 10)]
    told = heading.headline(CASE, FIVE, batches).scope
    assert told.startswith("155,000 decisions in 5 batches")
    assert told.endswith(
        "The money counts 150,000 of them; the others were given something else than the rules give, by a fault, a "
        "limit or a switch."
    )
    known = [replace(FIVE[0], left_out=(("switch", 4_000), ("fault", 998))), *FIVE[1:-1]]
    known.append(replace(FIVE[-1], left_out=(("fault", 2),)))
    assert heading.headline(CASE, known, batches).scope.endswith(
        "the others were given for certain something else than the rules give (4,000 by a switch and 1,000 by a fault "
        "of the row)."
    )
    young = heading.headline(CASE, FIVE[:4], batches).scope
    assert "The money counts 120,000 of them" in young
    assert young.endswith("or their outcomes are not complete yet.")
    contradicting = Said("", {"money.decisions": 7})
    assert len(disagreements([told, contradicting])) == 1


def test_the_headline_of_an_empty_ledger_and_of_rules_alone() -> None:
    assert heading.headline(CASE, (), ()).standfirst == ()
    assert heading.headline(CASE, FIVE[:2], ()).standfirst == ("So far the rules have decided; no model has.",)
    one = heading.headline(CASE, FIVE[2:3], ())
    assert one.verdict.startswith("In one month the decisions earned")


def test_sums_add_errors_in_quadrature_and_admit_what_is_missing() -> None:
    total = sum_of([Estimate(1.0, 0.0, 5.0), Estimate(2.0, 2.0, 5.0)])
    assert total.value == pytest.approx(3.0)
    assert total.low == pytest.approx(2.0)
    assert total.high == pytest.approx(8.0)
    assert sum_of([Estimate(1.0, 0.0, 2.0), Estimate(2.0)]) == Estimate(3.0)
    assert sum_of([Estimate(1.0), Estimate()]) == Estimate()
    assert sum_of([]) == Estimate()


@pytest.mark.parametrize(
    ("low", "high", "sign"), [(0.1, 2.0, 1), (-2.0, -0.1, -1), (-1.0, 1.0, 0), (0.0, 1.0, 0), (None, None, 0)]
)
def test_the_sign_is_only_known_when_the_interval_excludes_zero(
    low: float | None, high: float | None, sign: int
) -> None:
    assert Estimate(0.5, low, high).sign == sign


def test_nan_and_infinity_are_not_figures() -> None:
    assert Estimate.of(float("nan"), float("-inf"), float("inf")) == Estimate()


def week(number: int, state: str, champion: str = RULES) -> BatchLine:
    return BatchLine(date(2005, 5, 3 + 7 * number), state, 7_500, champion if state == "complete" else "nobody", ())


def test_decisions_of_a_halted_batch_are_not_counted() -> None:
    told = heading.headline(CASE, (), [week(0, "complete"), week(1, "halted"), week(2, "complete"), week(3, "scored")])
    assert told.scope == (
        "15,000 decisions in 2 batches (one more was halted and decided nothing), "
        "each a choice between “keep the limit” and “raise it”."
    )


def test_decisions_that_were_withdrawn_are_told_apart() -> None:
    batches = [week(0, "complete"), replace(week(1, "complete"), withdrawn=1_200)]
    halted = replace(week(2, "halted"), withdrawn=5)
    told = heading.headline(CASE, (), [*batches, halted]).scope
    assert told.endswith(
        "1,200 more were withdrawn before anything left, and not counted: "
        "who was answered one at a time meanwhile keeps that answer."
    )
    assert (
        " One more was withdrawn before anything left"
        in heading.headline(CASE, (), [replace(batches[0], withdrawn=1)]).scope
    )
    assert "withdrawn" not in heading.headline(CASE, (), batches[:1]).scope


def test_that_nothing_was_decided_since_is_said() -> None:
    since = heading.headline(CASE, FIVE[:1], [week(0, "complete"), week(1, "halted"), week(2, "halted")])
    assert plain(since.standfirst[-1]) == (
        "Nothing has been decided since 3 May 2005: the batches after it were all halted."
    )
    never = heading.headline(CASE, (), [week(0, "halted")])
    assert never.standfirst == ("Nothing has been decided: every batch was halted.",)
    again = heading.headline(CASE, FIVE[:1], [week(0, "halted"), week(1, "complete")])
    assert not any("Nothing has been decided" in one for one in again.standfirst)


def test_a_month_that_nobody_is_known_to_have_decided_is_not_the_rules() -> None:
    nobody = month("2005-05", about(4.1), about(5.0), about(-0.9), ())
    assert not any("the rules decided" in one for one in writing.money_sentences([nobody], "NTD"))
    assert "rules decided" not in heading.headline(CASE, [nobody], ()).verdict


def test_a_model_whose_decisions_are_young_has_decided_all_the_same() -> None:
    young = month("2005-06", about(1.0), about(1.0), about(0.0), (MODEL,), is_mature=False)
    told = heading.headline(CASE, [FIVE[0], young], [week(0, "complete"), week(1, "complete", MODEL)])
    assert "no model has" not in " ".join(told.standfirst)
    assert "A model first decided on 10 May 2005; no outcomes of its decisions are complete yet." in plain(
        told.standfirst
    )
    assert plain(told.verdict).startswith("In the one month whose outcomes are complete the rules decided and earned")


def test_a_loss_that_is_not_certain_is_not_called_one() -> None:
    lines = (FIVE[0], month("2005-06", about(-0.2, 0.5), about(-0.3, 0.5), about(0.1, 0.6)))
    told = " ".join(writing.money_sentences(lines, "NTD"))
    assert "both lost" not in told
    assert "not certain" in told
