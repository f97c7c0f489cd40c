"""Guardrails: what a model must not do, and what to do about it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from decisionloop.act.guardrails import Tally, guard_after, guard_before
from decisionloop.act.policy import choose
from decisionloop.act.situation import Situation

AS_OF = pd.Timestamp("2005-07-08", tz="UTC")
CALL, NOTHING, MAIL = range(3)


def _tally(use_case, frame, actions):
    return Tally.of(use_case, frame, _choice(use_case, frame, actions).action)


def _violated(findings):
    return [finding.name for finding in findings if finding.is_violated]


def _choice(use_case, frame, action):
    situation = Situation(np.zeros((len(frame), 3)), np.full(len(frame), NOTHING), has_model=False)
    return replace(choose(use_case, frame, AS_OF, situation), action=np.asarray(action))


@pytest.mark.parametrize(("shift", "is_violated"), [(0.0, False), (0.25, False), (0.26, True), (np.nan, True)])
def test_a_jump_of_the_scores_is_a_violation(make_use_case, shift, is_violated):
    (finding,) = guard_before(make_use_case(), shift)
    assert (finding.name, finding.is_violated) == ("score shift", is_violated)
    assert "retrain" in finding.remedy


def test_without_scores_nothing_can_jump(make_use_case):
    assert guard_before(make_use_case(), None) == ()


def test_shares_outside_their_bounds_are_violations(make_use_case, make_frame):
    use_case, frame = make_use_case(guardrails={"action_share": {"mail": [0.3, 0.6]}}), make_frame(10)

    def violated(mails):
        return _violated(guard_after(use_case, _tally(use_case, frame, [MAIL] * mails + [CALL] * (10 - mails))))

    assert violated(2) == ["smallest share of mail"]
    assert violated(3) == violated(6) == []
    assert violated(7) == ["largest share of mail"]


def test_the_realised_cost_is_what_was_chosen_and_not_what_was_expected(make_use_case, make_frame):
    use_case = make_use_case(
        policy={"constraints": [{"kind": "budget", "cost": {"mail": "2", "call": "0.1 * spend"}, "limit": 20}]},
        guardrails={"maximum_cost": 25},
    )
    frame = make_frame(4, spend=[100.0, 100.0, 50.0, np.nan])
    (within,) = guard_after(use_case, _tally(use_case, frame, [CALL, CALL, MAIL, CALL]))
    assert (within.observed, within.limit, within.is_violated) == (32.0, 25.0, True)
    (within,) = guard_after(use_case, _tally(use_case, frame, [CALL, CALL, MAIL, NOTHING]))
    assert (within.observed, within.is_violated) == (22.0, False)


def test_an_empty_batch_has_nothing_to_guard(make_use_case, make_frame):
    use_case = make_use_case(guardrails={"action_share": {"mail": [0.3, 0.6]}})
    assert guard_after(use_case, Tally.of(use_case, make_frame(0), np.empty(0, dtype=np.int64))) == ()
