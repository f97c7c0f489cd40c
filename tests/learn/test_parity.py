"""What decides is held against the answers of what it was compiled from: all of them, to the last rounding."""

from __future__ import annotations

import numpy as np
import pytest

from decisionloop.learn.parity import TOLERANCE, worst_difference
from decisionloop.predict.predictions import Predictions

P = np.array([[np.nan, 0.2], [np.nan, 0.9]])
A = np.array([[[np.nan, np.nan], [100.0, 400.0]], [[np.nan, np.nan], [5.0, 0.0]]])


def test_the_same_answers_do_not_differ():
    assert worst_difference(Predictions(P, A), Predictions(P.copy(), A.copy())) == 0


def test_a_difference_is_a_share_of_the_largest_answer():
    assert worst_difference(Predictions(P, A), Predictions(P, A + 4e-9)) == pytest.approx(1e-11, rel=1e-3)
    assert worst_difference(Predictions(P, None), Predictions(P - 1e-9, None)) == pytest.approx(1e-9, rel=1e-3)
    assert worst_difference(Predictions(P, A), Predictions(P - 1e-9, A)) > TOLERANCE


@pytest.mark.parametrize(
    "other",
    [Predictions(P, None), Predictions(np.nan_to_num(P), A), Predictions(P[:1], A[:1])],
    ids=["no amount", "an answer more", "rows fewer"],
)
def test_an_answer_too_few_or_too_many_differs_by_all(other):
    assert worst_difference(Predictions(P, A), other) == np.inf
