"""The yardstick: what it holds, how batches are merged, and when an absence is no accident."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.errors import UsageError
from expectations.reference import (
    BatchReference,
    absence_probability,
    chance_share,
    expected_categories,
    merge,
    merge_parts,
    reference_of,
)


def test_a_reference_holds_the_shares_of_a_batch(clean, contract):
    frame = clean(400).assign(spend=1.0)
    frame["channel"] = frame["channel"].where(frame.index >= 100)
    reference = reference_of(frame, contract())
    assert reference.rows == 400
    assert reference.null_shares["channel"] == 0.25
    assert reference.category_shares["channel"]["web"] == (frame["channel"] == "web").mean()
    assert reference.is_constant == {
        "spend": True,
        "score": False,
        "orders": False,
        "is_member": False,
        "channel": False,
    }


def test_a_reference_survives_json(clean, contract):
    reference = reference_of(clean(), contract())
    assert BatchReference.model_validate_json(reference.model_dump_json()) == reference


def test_an_empty_batch_is_no_reference(clean, contract):
    with pytest.raises(UsageError, match="empty"):
        reference_of(clean().iloc[:0], contract())


def test_merging_weighs_batches_by_their_rows(clean, contract):
    whole = clean(900)
    parts = [reference_of(part, contract()) for part in (whole.iloc[:100], whole.iloc[100:])]
    merged, direct = merge(parts), reference_of(whole, contract())
    assert merged is not None
    assert merged.rows == 900
    assert merged.null_shares == pytest.approx(direct.null_shares)
    assert merged.category_shares["channel"] == pytest.approx(direct.category_shares["channel"])


def test_a_feature_that_older_batches_did_not_have_is_judged_by_the_newer_ones():
    old = BatchReference(rows=900, null_shares={}, category_shares={}, is_constant={})
    new = BatchReference(rows=100, null_shares={"a": 0.5}, category_shares={"b": {"x": 0.2}}, is_constant={"a": True})
    merged = merge([old, new])
    assert merged is not None
    assert merged.null_shares == {"a": 0.5}
    assert merged.category_shares == {"b": {"x": 0.2}}
    assert merged.is_constant == {"a": True}


def test_merging_nothing_is_nothing():
    assert merge([]) is None


def test_absence_tends_to_the_binomial_as_the_reference_grows():
    assert absence_probability(0.05, 10**8, 200) == pytest.approx(0.95**200, rel=1e-3)


def test_absence_matches_its_frequency_under_the_prior():
    rng = np.random.default_rng(0)
    share = rng.beta(0.5, 0.5, 400_000)
    seen = rng.binomial(20, share)
    absent = rng.binomial(10, share)[seen == 3] == 0
    assert absence_probability(3 / 20, 20, 10) == pytest.approx(absent.mean(), abs=4 * 0.5 / np.sqrt(len(absent)))


@given(share=st.floats(0, 1), reference_rows=st.integers(1, 10**6), rows=st.integers(1, 10**6))
def test_absence_is_a_probability_that_falls_with_rows_and_share(share, reference_rows, rows):
    probability = absence_probability(share, reference_rows, rows)
    assert 0 <= probability <= 1 + 1e-9
    assert absence_probability(share, reference_rows, rows + 1) <= probability + 1e-9
    assert absence_probability(min(share + 0.1, 1), reference_rows, rows) <= probability + 1e-9


def test_only_categories_that_cannot_be_absent_by_chance_are_expected():
    shares = {"usual": 0.2, "rare": 0.0003, "never": 0.0}
    reference = BatchReference(rows=7500, null_shares={}, category_shares={"c": shares}, is_constant={})
    assert expected_categories(reference, "c", 7500) == ("usual",)
    assert expected_categories(reference, "c", 20) == ()
    assert expected_categories(reference, "unknown", 7500) == ()


def test_a_category_that_came_once_is_not_missed_and_a_usual_one_is():
    """Seen in one batch of four it was never usual; seen in two of them it was."""
    seen, without = {"once": 0.0, "often": 0.3}, {"once": 0.4, "often": 0.0}
    batches = [
        BatchReference(rows=500, null_shares={}, category_shares={"c": shares}, is_constant={})
        for shares in (seen, without, seen, seen)
    ]
    merged = merge(batches)
    assert merged is not None
    assert merged.usual == {"c": ("often",)}
    assert expected_categories(merged, "c", 500) == ("often",)
    assert merge_parts(batches).usual == {}  # the parts of one batch say nothing of what is usual


def test_a_share_seen_in_a_handful_of_rows_is_not_taken_at_its_word():
    handful = BatchReference(rows=10, null_shares={}, category_shares={"c": {"x": 0.1}}, is_constant={})
    assert 0.9**500 < 1e-6
    assert expected_categories(handful, "c", 500) == ()


@pytest.mark.parametrize(
    ("share", "reference_rows", "rows"), [(0.1, 30, 24), (0.1, 240, 24), (0.3, 500, 60), (0.02, 90, 90)]
)
def test_chance_alone_is_hardly_ever_taken_for_missing_values(share, reference_rows, rows):
    draws = np.random.default_rng(5)
    seen = draws.binomial(reference_rows, share, 20_000) / reference_rows
    limit = {one: chance_share(one, reference_rows, rows) for one in np.unique(seen)}
    missed = draws.binomial(rows, share, 20_000) / rows
    assert np.mean(missed > [limit[one] for one in seen]) <= 1e-3  # where little was seen the prior weighs, too
    assert limit[np.median(seen)] < 1


def test_of_many_rows_chance_hides_little():
    assert chance_share(0.1, 80_000, 9_999) == pytest.approx(chance_share(0.1, 80_000, 10_001), abs=2e-3)
    assert 0.1 < chance_share(0.1, 80_000, 10_001) < 0.12
    assert chance_share(0.0, 1_000, 1_000) < 0.02
