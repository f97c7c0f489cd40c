"""What a replay in full knows of a life of the loop: the capture of each month, of everybody who was decided."""

from __future__ import annotations

import numpy as np
import pytest

from decisionloop.report.read.capture import capture_of_replay, known_periods
from decisionloop.report.read.replay_truth import rows_of_replay, truth_by_period

pytestmark = pytest.mark.xdist_group("loop")


def test_a_life_is_split_into_what_was_earned_and_where_the_rest_went(decided):
    (known,) = known_periods(decided.workspace)
    role = np.concatenate([decided.decisions(week)["role"].to_numpy() for week in range(4)])
    assert len(known.frame) == len(role) == 4 * 600
    assert known.is_held_out.sum() == (role == "holdout").sum() > 0
    assert (known.preferred != known.taken).sum() == (role == "exploration").sum() > 0
    assert 0 < known.is_model.sum() <= 600
    (money,) = capture_of_replay(decided.workspace).values()
    # The only month is the first, in which the reference decides as the rules do.
    assert money.attainable == 0
    assert money.exploring + money.choices + money.waiting + money.holdout == pytest.approx(-money.gain)
    assert money.waiting == money.holdout == 0
    rows = rows_of_replay(decided.workspace)
    assert len(rows) == len(role)  # with the holdout, on which loop and rules are the same
    told = truth_by_period(rows)
    assert money.gain == pytest.approx(float((told["policy"] - told["rules"]).sum()))


def test_a_recorded_experiment_cannot_tell(offers):
    assert capture_of_replay(offers.workspace) is None
