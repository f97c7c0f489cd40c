"""Profiles: exact sums, exact text, one meaning of a bin, and the reference's values with cells of their own."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.errors import UsageError
from decisionloop.monitor.compare import bins as bins_module
from decisionloop.monitor.compare.bins import category_counts, number_counts, quantile_edges, range_labels
from decisionloop.monitor.compare.profile import FrameProfile, Reference, frame_bins
from tests.monitor.customers import customers, offers

numbers = st.lists(st.one_of(st.sampled_from([0.0, 1.0, np.nan, np.inf, -np.inf]), st.floats(-5, 5)), max_size=60)


def test_a_profile_counts_every_row_of_every_column_once() -> None:
    frame = customers(3000, seed=1)
    frame.loc[:9, "plan"] = "unheard of"
    frame.loc[10:14, "plan"] = np.nan
    reference = Reference.of(offers(), customers(5000, seed=2))
    profile = FrameProfile.of(frame, reference.bins)
    assert list(profile.counts) == ["spend", "logins", "is_new", "plan", "sex"]
    assert {sum(counts) for counts in profile.counts.values()} == {3000}
    assert profile.counts["plan"] == tuple(
        [int((frame["plan"] == name).sum()) for name in ("basic", "family", "gold")] + [10, 5]
    )
    assert profile.counts["spend"][-1] == frame["spend"].isna().sum()
    assert profile.counts["is_new"] == (*np.bincount(frame["is_new"].astype(int)).tolist(), 0)


def test_reference_numbers_fill_bins_evenly_and_usual_values_have_their_own() -> None:
    frame = customers(20_000, seed=3)
    reference = Reference.of(offers(), frame)
    spend = np.array(reference.profile.counts["spend"])
    assert len(spend) == 21  # twenty bins and the missing
    assert spend[:-1].max() <= 0.06 * 20_000
    labels = reference.bins.by_name["logins"].labels
    own = dict(zip(labels, reference.profile.counts["logins"], strict=True))
    assert own["0"] == (frame["logins"] == 0).sum()
    assert labels[0] == "below 0"
    assert labels[-1] == "missing"


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers, min_size=2, max_size=4))
def test_the_profile_of_parts_is_the_sum(parts: list[list[float]]) -> None:
    bins = frame_bins(offers(), customers(400, seed=4))
    frames = []
    for seed, values in enumerate(parts):
        frames.append(customers(len(values), seed=seed).assign(spend=np.array(values, dtype=float)))
    whole = FrameProfile.of(pd.concat(frames, ignore_index=True), bins)
    merged = functools.reduce(lambda one, other: one + other, [FrameProfile.of(frame, bins) for frame in frames])
    assert merged == whole
    assert FrameProfile.total([FrameProfile.of(frame, bins) for frame in frames]) == whole


@settings(max_examples=100, deadline=None)
@given(numbers, st.lists(st.floats(-5, 5), max_size=6, unique=True), st.integers(1, 7))
def test_numbers_are_counted_as_one_by_one_in_blocks_of_any_size(values, edges, block) -> None:
    x, borders = np.array(values, dtype=float), np.sort(np.array(edges, dtype=float))
    expected = np.zeros(len(borders) + 2, dtype=int)
    for value in x:
        expected[-1 if np.isnan(value) else np.searchsorted(borders, value, side="right")] += 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bins_module, "SORTED_AT_ONCE", block)
        assert number_counts(x, borders).tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", ["str", object, "category"])
def test_categories_are_counted_whatever_holds_the_text(dtype) -> None:
    values = pd.Series(["b", None, "a", "zz", "b", "7"], dtype=dtype)
    assert category_counts(values, ["a", "b", "c", "7"]).tolist() == [1, 2, 0, 1, 1, 1]
    assert category_counts(values.iloc[:0], ["a"]).tolist() == [0, 0, 0]


def test_an_empty_or_constant_reference_still_has_bins() -> None:
    frame = customers(50, seed=5).assign(spend=np.nan, logins=3.0)
    reference = Reference.of(offers(), frame)
    assert reference.profile.counts["spend"] == (0, 50)
    assert reference.bins.by_name["spend"].labels == ("any", "missing")
    moved = FrameProfile.of(frame.assign(logins=np.nextafter(4, 9)), reference.bins)
    assert dict(zip(reference.bins.by_name["logins"].labels, moved.counts["logins"], strict=True))["4 or more"] == 50


def test_profiles_and_references_travel_as_text() -> None:
    reference = Reference.of(offers(), customers(700, seed=6))
    again = Reference.from_json(reference.to_json())
    assert again == reference
    assert again.bins.digest == reference.bins.digest
    profile = FrameProfile.of(customers(70, seed=7), reference.bins)
    assert FrameProfile.from_json(profile.to_json()) == profile
    assert len(reference.to_json()) < 3000


def test_profiles_in_other_bins_are_refused_by_name() -> None:
    one, other = (Reference.of(offers(), customers(500, seed=seed)) for seed in (8, 9))
    with pytest.raises(UsageError, match=f"{one.bins.digest[:8]}.*{other.bins.digest[:8]}.*Profile the batch again"):
        one.profile + other.profile
    with pytest.raises(UsageError, match=r"lacks plan\."):
        FrameProfile.of(customers(5, seed=1).drop(columns="plan"), one.bins)


def test_bins_are_told_without_gaps() -> None:
    edges = quantile_edges(np.repeat([0.0, 1.0, 2.0, 7.0, 9.0], [50, 30, 10, 9, 1]), 4, is_whole=True)
    assert range_labels(edges.tolist(), is_whole=True) == ("below 0", "0", "1", "2 or more")
    edges = quantile_edges(np.append(np.zeros(50), np.linspace(1, 3000, 50)), 4)
    assert range_labels(edges.tolist(), is_whole=False) == ("below 0", "0", "0 to 1,470", "1,470 or more")
    assert range_labels([5.0, np.nextafter(5.0, 9)], is_whole=False) == ("below 5", "5", "above 5")
