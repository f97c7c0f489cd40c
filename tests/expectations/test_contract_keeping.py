"""A property: whatever frame keeps the contract, it is accepted, with no row left to the rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from expectations.reference import merge, reference_of
from tests.examples import examples

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(100, 120))

    def column(values: st.SearchStrategy[object]) -> np.ndarray:
        return draw(hnp.arrays(object, rows, elements=values, fill=values))

    return pd.DataFrame(
        {
            "client_id": pd.Series([f"c{i}" for i in range(rows)], dtype="str"),
            "spend": column(st.floats(0, 1000)).astype("float64"),
            "score": column(FINITE | st.just(np.nan)).astype("float64"),
            "orders": column(st.integers(0, 50)).astype("float64"),
            "is_member": column(st.integers(0, 1)).astype("float64"),
            "channel": pd.Series(column(st.sampled_from(["web", "shop", "phone"])), dtype="str"),
            "sex": pd.Series(column(st.sampled_from(["1", "2"])), dtype="str"),
        }
    )


@settings(examples(7), suppress_health_check=list(HealthCheck))
@given(frame=frames(), has_reference=st.booleans())
def test_a_frame_that_keeps_the_contract_is_accepted(contract, validated, failed, frame, has_reference):
    reference = merge([reference_of(frame, contract())] * 3) if has_reference else None
    report = validated(frame, reference=reference)
    assert report.halt_reasons == ()
    assert not report.row_faults.any()
    assert {check for check, _ in failed(report)} <= {"constant_columns"}


@settings(examples(5), suppress_health_check=list(HealthCheck))
@given(frame=frames(), data=st.data())
def test_a_broken_row_is_the_only_one_left_to_the_rules(contract, validated, frame, data):
    row = data.draw(st.integers(0, len(frame) - 1))
    broken = data.draw(
        st.sampled_from([("spend", 1000.5), ("spend", np.nan), ("orders", 0.5), ("channel", "fax"), ("score", np.inf)])
    )
    frame.loc[row, broken[0]] = broken[1]
    report = validated(frame)
    assert report.state == "accepted"
    assert np.flatnonzero(report.row_faults).tolist() == [row]
