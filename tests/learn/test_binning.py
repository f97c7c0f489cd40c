"""Whole numbers that are few are statuses: none of them is merged with its neighbour."""

from __future__ import annotations

import numpy as np

from decisionloop.learn.binning import FEW_WHOLE, quantile_edges


def test_every_status_has_a_bin_of_its_own_however_rare_it_is():
    statuses = np.repeat(np.arange(-10.0, 11.0), np.r_[np.full(20, 3), 100_000])
    np.testing.assert_allclose(quantile_edges(statuses, 12), np.arange(-9.5, 10.5))


def test_where_there_are_few_rows_for_each_neighbours_share_a_bin():
    counts = np.tile(np.arange(30.0), 7)
    assert len(quantile_edges(counts, 12)) == 11


def test_many_whole_numbers_and_fractions_are_binned_by_their_quantiles():
    many = np.arange(FEW_WHOLE + 1.0)
    assert len(quantile_edges(many, 12)) == 11
    assert len(quantile_edges(np.arange(20) / 3, 12)) == 11


def test_missing_values_do_not_count():
    np.testing.assert_allclose(quantile_edges(np.array([np.nan, 1.0, 2.0, np.inf]), 12), [1.5])
