"""A batch that is checked part by part is judged exactly as it is in one piece."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from expectations.reference import merge_parts, reference_of
from expectations.run import WholeBatch, check_part, settle, validate

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")
NEWEST = AS_OF - pd.Timedelta(days=1)
ROWS = 600


def _cuts(frame, rng):
    """One to five parts at random places; rows of one entity stay together, as they do where a batch is cut."""
    ids = frame["client_id"].to_numpy(dtype=object)
    places = np.sort(rng.integers(1, len(frame), rng.integers(1, 5)))
    places = [place for place in places if ids[place] != ids[place - 1]]
    return _split(frame, places)


def _split(frame, places):
    ends = zip([0, *places], [*places, len(frame)], strict=True)
    return [frame.iloc[start:stop].reset_index(drop=True) for start, stop in ends]


def _in_parts(parts, use_case, reference, newest=NEWEST):
    """The verdict of the parts, and why each row is faulty, in their order."""
    rows = sum(map(len, parts))
    whole = WholeBatch(use_case, reference, newest, AS_OF, rows)
    found = [check_part(part, whole) for part in parts]
    report = settle(use_case, [part.observations for part in found], rows, sum(part.fault_rows for part in found))
    return report, np.concatenate([part.row_reasons for part in found])


def _with(frame, column, rows, value):
    changed = frame.copy()
    changed.loc[changed.index[rows], column] = value
    return changed


def _missing_share(frame, share):
    return _with(frame.assign(spend=5.0), "spend", np.arange(round(share * len(frame))) * 7 % len(frame), np.nan)


FAULTS = {
    "none": lambda frame: frame,
    "rows out of range and unseen categories": lambda frame: _with(
        _with(frame, "spend", [3, 4, 599], -1.0), "channel", [4, 77], "fax"
    ),
    "the same fault in too many rows": lambda frame: _with(frame, "orders", slice(100, 300), 0.5),
    "few faults of each column that are many together": lambda frame: _with(
        _with(frame, "spend", slice(0, 40), -1.0), "orders", slice(300, 340), 99.0
    ),
    "a column without a value": lambda frame: frame.assign(spend=np.nan),
    "a column without a value at its beginning": lambda frame: _with(frame, "spend", slice(0, 300), np.nan),
    "as much missing as may be": lambda frame: _missing_share(frame, 0.1),
    "a little more missing than may be": lambda frame: _missing_share(frame, 0.1 + 1 / ROWS),
    "a vanished category": lambda frame: frame.assign(channel=frame["channel"].replace("shop", "web")),
    "a category that begins late": lambda frame: frame.assign(
        channel=frame["channel"].where((frame.index > 500) | (frame["channel"] != "shop"), "web")
    ),
    "a constant column": lambda frame: frame.assign(spend=7.0),
    "a column that steps once": lambda frame: frame.assign(orders=np.where(frame.index < 300, 3.0, 4.0)),
    "a nearly constant column": lambda frame: _with(frame.assign(spend=7.0), "spend", [599], 8.0),
    "a missing column": lambda frame: frame.drop(columns="sex"),
    "text for numbers": lambda frame: frame.assign(spend=frame["spend"].astype("str")),
    "doubled entities": lambda frame: (
        frame.iloc[[*range(10), 5, 5, *range(10, 600)]].sort_values("client_id", kind="stable").reset_index(drop=True)
    ),
    "a row without an entity": lambda frame: _with(frame, "client_id", [599], None),
    "too few rows": lambda frame: frame.iloc[:99],
    "as few rows as may be": lambda frame: frame.iloc[:100],
}
SOUND = {
    "none",
    "a category that begins late",
    "a column that steps once",
    "a nearly constant column",
    "as few rows as may be",
}

LIKE_ANOTHER = {
    "the same fault in too many rows",
    "a column without a value",
    "as much missing as may be",
    "a constant column",
    "a nearly constant column",
    "as few rows as may be",
}
"""What the checks tell from parts as they do another one of these faults."""


@pytest.fixture(scope="module")
def reference(clean, contract):
    return reference_of(clean(), contract())


@pytest.mark.parametrize(
    "fault", [pytest.param(one, marks=[pytest.mark.exhaustive] if one in LIKE_ANOTHER else []) for one in FAULTS]
)
def test_parts_are_judged_as_the_whole(clean, contract, reference, fault):
    frame, rng = FAULTS[fault](clean(ROWS)), np.random.default_rng(list(FAULTS).index(fault))
    use_case = contract(duplicates="row")
    whole = validate(frame, use_case, reference, NEWEST, AS_OF)
    assert all(result.is_success for result in whole.results) == (fault in SOUND)
    report, reasons = _in_parts(_cuts(frame, rng), use_case, reference)
    assert report.results == whole.results
    assert (report.state, report.rows, report.fault_rows) == (whole.state, whole.rows, whole.fault_rows)
    assert reasons.tolist() == whole.row_reasons.tolist()


def test_a_stale_batch_is_stale_in_parts(clean, contract):
    newest = AS_OF - pd.Timedelta(days=40)
    frame = clean(ROWS)
    whole = validate(frame, contract(), None, newest, AS_OF)
    report, _ = _in_parts(_cuts(frame, np.random.default_rng(0)), contract(), None, newest)
    assert report.results == whole.results
    assert report.halt_reasons[0].startswith("freshness: 40.0 days old")


def test_a_category_that_only_the_batch_lacks_is_found_among_many_that_parts_lack(clean, contract):
    """The engine names twenty at most, and each part of sorted rows lacks more than that."""
    names = [f"c{i:02d}" for i in range(40)]
    plain = contract()
    channel = next(feature for feature in plain.features if feature.name == "channel")
    features = [
        one.model_copy(update={"categories": tuple(names)}) if one is channel else one for one in plain.features
    ]
    use_case = plain.model_copy(update={"features": tuple(features)})
    frame = clean(1000).assign(channel=pd.Series(np.sort(np.resize(names, 1000)), dtype="str"))
    reference = reference_of(frame, use_case)
    gone = frame.assign(channel=frame["channel"].replace("c39", "c38"))
    report, _ = _in_parts(_split(gone, [250, 500, 750]), use_case, reference)
    assert report.results == validate(gone, use_case, reference, NEWEST, AS_OF).results
    assert [str(one) for one in report.drifting] == ["vanished_categories: channel: gone: c39"]
    assert report.halt_reasons == ()  # it keeps a model from deciding, and rules go on


def test_a_check_that_could_not_be_made_of_one_part_halts(clean, contract):
    parts = [check_part(part, WholeBatch(contract(), None, NEWEST, AS_OF, ROWS)) for part in _split(clean(ROWS), [300])]
    broken = [replace(one, is_evaluated=False, is_success=False) for one in parts[1].observations[-1:]]
    observations = [parts[0].observations, (*parts[1].observations[:-1], *broken)]
    report = settle(contract(), observations, ROWS, 0)
    assert [result.observed for result in report.halting] == ["not evaluated"]


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "text for numbers"])
def test_parts_are_remembered_as_the_whole(clean, contract, fault):
    frame, rng = FAULTS[fault](clean(ROWS)), np.random.default_rng(1)
    whole = reference_of(frame, contract())
    for _ in range(10):
        assert merge_parts([reference_of(part, contract()) for part in _cuts(frame, rng)]) == whole
