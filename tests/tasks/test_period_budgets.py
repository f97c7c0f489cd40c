"""A budget of a watching period is used evenly and for what is worth most, and never exceeded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from decisionloop.act.policy import choose
from decisionloop.act.situation import SPENT
from decisionloop.ledger.stream import unsealed_segments
from decisionloop.predict.row_faults import row_faults
from decisionloop.stream.decide import _Rows, _weigh
from decisionloop.stream.deciders import read_deciders
from decisionloop.stream.desk import open_desk
from decisionloop.stream.record import read_record
from tasks.seal.seal import seal_stream
from tests.tasks.test_sealing import NAME, answered, asked_of, begin
from tests.tasks.test_watching_periods import rows_of

pytestmark = pytest.mark.xdist_group("loop")
BEGIN = datetime(2026, 11, 30, tzinfo=UTC)
GROUPS, LIMIT = 100, 200.0
POLICY = {
    "exploration": {"kind": "uniform", "share": 0.0},
    "holdout_share": 0.0,
    "constraints": [{"kind": "budget", "cost": {"lend": "1 + debt / 10"}, "limit": LIMIT}],
}


def test_with_stationary_arrivals_the_budget_is_used_and_earns_what_an_optimum_in_hindsight_does(restored, monkeypatch):
    with restored("modelled") as installation:
        installation.contract(online={"period_hours": 1}, policy=POLICY)
        decider, frame, random = begin(installation), rows_of(installation, 600, 3), np.random.default_rng(3)
        clock = [BEGIN]
        monkeypatch.setattr("decisionloop.stream.decide.utc_now", lambda: clock[0])
        gaps = random.exponential(1, GROUPS)
        used = []
        for gap in gaps / gaps.sum() * 3_599:
            clock[0] += timedelta(seconds=float(gap))
            answered(decider, asked_of(frame.iloc[random.permutation(600)[:10]], None))
            used.append(decider.desk().pacer.spending(clock[0]).used.used[0])
        assert 0.95 * LIMIT <= used[-1] <= LIMIT
        assert 0.35 * LIMIT < used[GROUPS // 2] < 0.65 * LIMIT  # as it goes, and not whoever comes first
        desk = open_desk(NAME, installation.workspace.settings)
        told = [
            read_record(desk.use_case, one.as_of, one.deciders, one.record)
            for one in unsealed_segments(installation.ledger, NAME)
        ]
        rows = pd.concat([one.features for one in told], ignore_index=True)
        rows = rows.assign(shop_id=[f"arrival-{i}" for i in range(len(rows))])
        known = _weigh(
            desk, read_deciders(desk), _Rows(rows, BEGIN, row_faults(desk.use_case, rows)), [], False
        ).situation
        best = choose(desk.use_case, rows, BEGIN, known).propensities
        names = np.array(desk.use_case.action_names)
        done = np.concatenate([one.choice["action"].to_pylist() for one in told])
        earned = np.nansum(np.where(names[None, :] == done[:, None], known.values, 0.0))
        assert earned > 0.95 * np.nansum(best * known.values)
        assert earned < 0.75 * np.nansum(np.nanmax(known.values, axis=1))  # the budget does bind
        # Under the next period's budget it begins anew; sealing takes both as they are.
        clock[0] = BEGIN + timedelta(hours=1, minutes=1)
        assert SPENT not in {row["fallback_reason"] for row in answered(decider, asked_of(frame.head(10), None))}
        assert seal_stream.fn(NAME, is_over=True) >= 1
