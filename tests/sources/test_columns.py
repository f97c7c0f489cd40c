"""Ids are text and times are UTC, however a table wrote them; what is neither is refused by row."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.errors import SourceError
from decisionloop.predict.text import as_text
from decisionloop.sources.columns import entity_ids, outcome_numbers, times_of, utc_times


def series(*values: object, **options: object) -> pd.Series:
    return pd.Series(list(values), name="x", **options)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (series("007", "7"), ["007", "7"]),
        (series(7, 8), ["7", "8"]),
        (series(7.0, 8.5), ["7", "8.5"]),
        (series("7.0", "-3.0", " x ", "NA", ""), ["7.0", "-3.0", " x ", "NA", None]),
        (series("7.00", "007.0", "v1.0", "1.0.0"), ["7.00", "007.0", "v1.0", "1.0.0"]),
        (series(7, None, dtype="Int64"), ["7", None]),
        (series(7, None), ["7", None]),
        (series("a", None), ["a", None]),
        (series(True, False), ["true", "false"]),
        (series(True, None, dtype="boolean"), ["true", None]),
        (series(True, "True", None, dtype=object), ["true", "True", None]),
        (series(7, "007", 7.0, Decimal("7.0"), None, dtype=object), ["7", "007", "7", "7", None]),
        (series("b", "a", None, dtype="category"), ["b", "a", None]),
        (series(2, 1, dtype="category"), ["2", "1"]),
        (series(10**17, 2**62), ["100000000000000000", str(2**62)]),
        (series(1e17, 123456789.0), ["100000000000000000", "123456789"]),
    ],
)
def test_ids_become_text_that_keeps_what_was_meant(values, expected):
    text = as_text(values)
    assert [None if pd.isna(one) else one for one in text] == expected
    assert isinstance(text.dtype, pd.StringDtype)
    assert text.index.equals(values.index)
    assert text.name == "x"


@given(st.lists(st.integers(-(2**53), 2**53), min_size=1))
def test_a_whole_number_has_one_text_however_it_was_stored(numbers):
    expected = [str(number) for number in numbers]
    for values in (
        pd.Series(numbers, dtype="int64"),
        pd.Series(numbers, dtype="float64"),
        pd.Series(numbers, dtype="Int64"),
        pd.Series(numbers, dtype=object),
        pd.Series(expected),
    ):
        assert as_text(values).tolist() == expected


def test_a_missing_id_is_refused_by_row():
    with pytest.raises(SourceError, match=r"here: column x has 1 rows without an entity id, the first in row 2"):
        entity_ids(series("a", None), "here")


def test_an_id_that_no_ledger_can_keep_is_refused_by_row():
    with pytest.raises(SourceError, match=r"here: column x holds a NUL character in row 3"):
        entity_ids(series("a", None, "b\0c"), "here", is_any_missing=True)


@pytest.mark.parametrize(
    "values",
    [
        series("2005-07-08T06:00:00Z"),
        series("2005-07-08 06:00"),
        series("2005-07-08T08:00:00+02:00"),
        series(datetime(2005, 7, 8, 6)),
        series(pd.Timestamp("2005-07-08 08:00", tz="Europe/Berlin")),
        series(np.datetime64("2005-07-08T06:00", "ns")),
        series(np.datetime64("2005-07-08T06:00", "s")),
        series(datetime(2005, 7, 8, 6), dtype=object),
    ],
)
def test_times_become_utc(values):
    times = utc_times(values, "here")
    assert times.tolist() == [pd.Timestamp("2005-07-08 06:00", tz="UTC")]
    assert str(times.dtype) == "datetime64[us, UTC]"


def test_a_date_is_its_midnight_and_texts_may_be_mixed():
    times = utc_times(series("2005-07-08", "2005-07-08T06:00:00.5Z", "2005-07-08 06:00+01:00"), "here")
    assert [time.isoformat() for time in times] == [
        "2005-07-08T00:00:00+00:00",
        "2005-07-08T06:00:00.500000+00:00",
        "2005-07-08T05:00:00+00:00",
    ]
    assert utc_times(series(date(2005, 7, 8)), "here")[0] == pd.Timestamp("2005-07-08", tz="UTC")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (series("2005-07-08", "soon"), r"column x holds 'soon' in row 2"),
        (series("2005-07-08", "2005-13-01"), "2005-13-01"),
        (series("2005-07-08", None), "holds nothing in row 2"),
        (series("2005-07-08", " "), "holds nothing in row 2"),
        (series("08/07/2005"), "08/07/2005"),
        (series(1120802400), "holds numbers such as 1120802400, not times"),
    ],
)
def test_what_is_no_time_is_refused_by_row(values, expected):
    with pytest.raises(SourceError, match=expected):
        utc_times(values, "here")


def test_a_time_that_need_not_be_there_may_be_missing_but_not_wrong():
    assert utc_times(series("2005-07-08", None, ""), "here", is_required=False).isna().tolist() == [False, True, True]
    assert utc_times(series(None, None), "here", is_required=False).isna().all()
    assert utc_times(series(np.nan, np.nan), "here", is_required=False).isna().all()
    with pytest.raises(SourceError, match="soon"):
        utc_times(series("2005-07-08", "soon"), "here", is_required=False)


@pytest.mark.parametrize(
    "values",
    [series(1, 0, None), series("1", "0", None), series(" Yes", "no ", None), series(True, False, None, dtype=object)],
)
def test_outcomes_become_numbers(values):
    assert outcome_numbers(values, "here").fillna(-1).tolist() == [1, 0, -1]


def test_a_boolean_column_is_an_outcome():
    assert outcome_numbers(series(True, False), "here").tolist() == [1, 0]


def test_an_outcome_that_is_no_number_is_refused_by_row():
    with pytest.raises(SourceError, match=r"column x holds 'late' in row 2"):
        outcome_numbers(series("1", "late"), "here")


def test_letters_of_a_zone_are_read_and_others_are_a_row_s_trouble() -> None:
    told, is_bad = times_of(series("2024-01-31 08:00 CET", "2024-01-31T08:00:00 EST", "2024-01-31 08:00", "soon"), "t")
    assert [str(one) for one in told] == [
        *("2024-01-31 07:00:00+00:00", "2024-01-31 13:00:00+00:00", "2024-01-31 08:00:00+00:00", "NaT")
    ]
    assert is_bad.tolist() == [False, False, False, True]


OF_A_ZONE = [
    ("2024-07-31 08:00:00+02:00 CEST", "2024-07-31 06:00"),
    ("2024-07-31T08:00:00-05:00 EST", "2024-07-31 13:00"),
    ("2024-07-31T08:00:00+0200 (CEST)", "2024-07-31 06:00"),
    ("2024-07-31T06:00:00Z UTC", "2024-07-31 06:00"),
    ("2024-07-31 08:00 cet", "2024-07-31 07:00"),
    ("2024-07-31 08:00 PM EST", "2024-08-01 01:00"),
    ("2024-07-31T08:00:00+02:00 CET", None),
    ("2024-07-31T08:00:00Z CET", None),
]


@pytest.mark.parametrize(("written", "meant"), OF_A_ZONE)
def test_an_offset_before_the_letters_of_a_zone_says_it_and_letters_that_contradict_it_make_no_time(written, meant):
    told, is_bad = times_of(series("2024-01-31 08:00", written), "t")
    assert is_bad.tolist() == [False, meant is None]
    assert meant is None or told[1] == pd.Timestamp(meant, tz="UTC")


@pytest.mark.parametrize(
    "text", ["0000-01-01", "-0044-03-15", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"]
)
def test_a_time_that_python_cannot_hold_is_none(text):
    times, is_bad = times_of(series("2024-01-08", text), "here")
    assert is_bad.tolist() == [False, True]
    assert times.isna().tolist() == [False, True]
    with pytest.raises(SourceError, match="which is not a time"):
        utc_times(series("2024-01-08", text), "here")


def test_the_last_day_that_some_write_for_never_is_a_time():
    assert not times_of(series("9999-12-31"), "here")[1].any()
