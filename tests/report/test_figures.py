"""Numbers read as people write them, and never say more or less than they are."""

from __future__ import annotations

import math
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.report.words import figures
from decisionloop.report.words.figures import MINUS, NBSP

amounts = st.floats(min_value=-1e13, max_value=1e13, allow_nan=False)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (None, "not known"),
        (float("nan"), "not known"),
        (0.0, "NT$0"),
        (0.001, "NT$0"),
        (12.5, "NT$12.50"),
        (150.0, "NT$150"),
        (1_234.0, "NT$1,230"),
        (45_300.0, "NT$45,300"),
        (999_400.0, "NT$999,000"),
        (999_500.0, f"NT$1.0{NBSP}million"),
        (2_345_678.0, f"NT$2.3{NBSP}million"),
        (12_345_678.0, f"NT$12.3{NBSP}million"),
        (234_500_000.0, f"NT$234{NBSP}million"),
        (1.24e9, f"NT$1.2{NBSP}billion"),
        (-2_345_678.0, f"{MINUS}NT$2.3{NBSP}million"),
    ],
)
def test_money_is_written_with_the_digits_a_reader_needs(amount: float | None, expected: str) -> None:
    assert figures.money(amount, "NTD") == expected


def test_an_unknown_currency_keeps_its_code_and_none_needs_none() -> None:
    assert figures.money(1_500.0, "CHF") == f"CHF{NBSP}1,500"
    assert figures.money(1_500.0, "") == "1,500"
    assert figures.money(1_500.0, "EUR", is_signed=True) == "+€1,500"


@given(amounts)
def test_money_is_within_one_and_a_half_percent_or_half_a_cent_of_the_amount(amount: float) -> None:
    text = figures.money(amount, "EUR")
    match = re.fullmatch(rf"({MINUS}?)€([\d,]+(?:\.\d+)?)(?:{NBSP}(million|billion))?", text)
    assert match, text
    size = float(match[2].replace(",", "")) * {"million": 1e6, "billion": 1e9, None: 1.0}[match[3]]
    read = -size if match[1] else size
    tolerance = max(0.0051, 0.052 * abs(amount) if abs(amount) < 1.95e6 or match[3] else 0.0051)
    assert math.isclose(read, amount, abs_tol=tolerance)
    assert size == 0 or (read < 0) == (amount < 0)


@given(st.lists(amounts, min_size=1, max_size=6))
def test_one_scale_serves_a_whole_table_and_signs_survive(values: list[float]) -> None:
    scale = figures.money_scale(values, "NTD")
    for value in values:
        text = scale.figure(value)
        read = float(text.replace(",", "").replace(MINUS, "-"))
        assert abs(read * scale.divisor - value) <= scale.divisor * 0.5 * 10**-scale.decimals * 1.001
        assert not (value > 0 and text.startswith(MINUS))
        assert not (value < 0 and text.startswith("+"))


def test_a_scale_shows_unknown_as_a_dash_and_zero_without_a_sign() -> None:
    scale = figures.money_scale([2.3e6, None], "NTD")
    assert scale.unit == f"NT${NBSP}million"
    assert scale.figure(2.3e6) == "+2.3"
    assert scale.figure(-4e4) == "0.0"
    assert scale.figure(None) == figures.EN_DASH


@pytest.mark.parametrize(
    ("number", "noun", "expected"),
    [
        (0, "client", "no clients"),
        (1, "client", "1 client"),
        (2, "batch", "2 batches"),
        (30_000, "entity", "30,000 entities"),
        (3, "holiday", "3 holidays"),
    ],
)
def test_counts_agree_with_their_noun(number: int, noun: str, expected: str) -> None:
    assert figures.count_of(number, noun) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, "0%"),
        (0.0004, "under 0.1%"),
        (0.004, "0.4%"),
        (0.05, "5%"),
        (0.123, "12%"),
        (0.996, "99.6%"),
        (0.9999, "100.0%"),
        (1.0, "100%"),
        (-0.0725, f"{MINUS}7.2%"),
        (None, "not known"),
        (math.nan, "not known"),
    ],
)
def test_shares_keep_the_digits_that_matter(share: float | None, expected: str) -> None:
    assert figures.percent(share) == expected.replace("100.0%", "100%")


@pytest.mark.parametrize(
    ("period", "long", "short"),
    [
        ("2005-06", f"June{NBSP}2005", "Jun\u00a02005"),
        ("2005-07-08", f"8{NBSP}July{NBSP}2005", f"8{NBSP}Jul{NBSP}2005"),
        ("week 3", "week 3", "week 3"),
        ("2005-13", "2005-13", "2005-13"),
        ("2005-02-31", "2005-02-31", "2005-02-31"),
    ],
)
def test_periods_are_named_and_what_is_no_period_stays_as_it_is(period: str, long: str, short: str) -> None:
    assert figures.period_label(period) == long
    assert figures.period_label(period, is_short=True) == short


def test_small_words() -> None:
    assert figures.listed([]) == ""
    assert figures.listed(["a"]) == "a"
    assert figures.listed(["a", "b", "c"]) == "a, b and c"
    assert figures.in_words(5) == "five"
    assert figures.in_words(1_300) == "1,300"
    assert [figures.ordinal(n) for n in (1, 2, 11, 21, 112)] == ["first", "second", "11th", "21st", "112th"]
    assert figures.day(date(2005, 7, 8)) == f"8{NBSP}July{NBSP}2005"
    assert figures.number(-0.5) == f"{MINUS}0.5"
    assert figures.number(12_345.0) == "12,345"
    assert figures.number(0.93456) == "0.935"
