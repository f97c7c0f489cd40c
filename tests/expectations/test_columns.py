"""A frame is asked column by column, which is cheaper and finds the very same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.column_engine import is_repeated, one_column
from expectations.engine import great_expectations
from expectations.reference import reference_of
from expectations.several_values import values_seen

FAULTS = {
    "nothing": {},
    "missing": {"spend": [np.nan] * 400, "channel": [None] * 7},
    "out of range": {"orders": [77.0, np.inf, 1.5], "channel": ["fax"]},
    "twice, side by side": {"client_id": ["c00001", "c00001"]},
    "twice, far apart": {"client_id": ["c00999"]},
    "one value": {"is_member": [1.0] * 1000, "channel": ["web"] * 1000},
    "nothing known": {"spend": [np.nan] * 1000},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_engine_finds_what_great_expectations_own_finds(clean, contract, validated, monkeypatch, fault):
    frame, reference = clean(), reference_of(clean(), contract())
    for name, values in FAULTS[fault].items():
        frame[name] = pd.Series([*values, *frame[name].iloc[len(values) :]], dtype=frame[name].dtype)
    ours = validated(frame, reference=reference)
    monkeypatch.setattr(great_expectations().datasource.fluent.PandasDatasource, "execution_engine_override", None)
    theirs = validated(frame, reference=reference)
    assert ours.results == theirs.results
    assert ours.row_reasons.tolist() == theirs.row_reasons.tolist()
    assert all(result.is_success for result in ours.results) == (fault == "nothing")


TEXTS = st.lists(st.sampled_from(["", "a", "b", "ä", "b "]), max_size=12)


@given(TEXTS, st.booleans())
def test_what_is_there_twice_is_found_in_any_order(texts, is_sorted):
    column = pd.Series(sorted(texts) if is_sorted else texts, dtype="str")
    assert is_repeated(column).tolist() == column.duplicated(keep=False).tolist()


@given(st.lists(st.sampled_from([0.0, -0.0, 1.0, np.inf, np.nan]), max_size=8) | TEXTS)
def test_several_values_are_seen_as_a_count_would(values):
    column = pd.Series(values, dtype="str" if values and isinstance(values[0], str) else "float64")
    assert values_seen(column) == min(2, column.nunique())
    assert values_seen(one_column(column.rename("c"))["c"]) == min(2, column.nunique())


def test_a_metric_has_the_name_that_the_library_gives_it():
    module = great_expectations().core.id_dict
    own = module.convert_to_json_serializable.__wrapped__
    for data in ({"a": 1, "b": ["x", 2.5, None]}, {"a": np.float64(2)}, {"a": float("nan")}, {"a": (1, 2)}, {1: 2}):
        assert module.convert_to_json_serializable(data) == own(data)
