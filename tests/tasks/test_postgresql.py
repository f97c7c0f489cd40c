"""The loop does not notice which database keeps its ledger."""

from __future__ import annotations

import pandas as pd
import pytest

from decisionloop.ledger.releases import shadows
from decisionloop.ledger.verdicts import verdicts

pytestmark = pytest.mark.xdist_group("loop")


def test_on_postgresql_the_loop_decides_and_learns_as_on_sqlite(
    small, fast_mlflow, postgres_url_with_tables, monkeypatch, restored
):
    monkeypatch.setenv("DECISIONLOOP_LEDGER_URL", postgres_url_with_tables)
    assert not small.ledger.is_sqlite
    for week in (0, 1):
        small.turn(week)
    with restored("shadowed") as on_sqlite:
        assert on_sqlite.ledger.is_sqlite
        expected = [on_sqlite.decisions(week) for week in (0, 1)]
        sent, learnt = on_sqlite.sent(), shadows(on_sqlite.ledger, "small")
        looks = [(v.challenger_id, v.decision) for v in verdicts(on_sqlite.ledger, "small")]
    for week in (0, 1):
        pd.testing.assert_frame_equal(small.decisions(week), expected[week])
    assert small.sent() == sent
    assert [s.release_id for s in shadows(small.ledger, "small")] == [s.release_id for s in learnt]
    assert [(v.challenger_id, v.decision) for v in verdicts(small.ledger, "small")] == looks
