"""What a batch missed at a time, and what has become of it since; on either engine."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from decisionloop.ledger.late_outcomes import late_outcomes, late_outcomes_by_batch
from decisionloop.ledger.outcomes import append_outcomes
from decisionloop.ledger.storage.engine import Ledger
from tests.ledger.test_decisions import AS_OF, BATCH, Rows, log, revision

MONTH = timedelta(days=31)


def test_what_was_missing_is_told_as_it_is_known_since(ready: Ledger, rows: Rows) -> None:
    batch = rows(5)
    log(ready, batch)
    append_outcomes(ready, revision(batch, [0, 1], 1, 0, months=1))
    append_outcomes(ready, revision(batch, [2, 3], 1, 1, months=2))
    append_outcomes(ready, revision(batch, [3], 2, 0, months=3))
    actions = sorted(set(batch.decisions["action"].astype(str)))
    found = late_outcomes(ready, BATCH, actions, AS_OF + 1.5 * MONTH, AS_OF + 4 * MONTH)
    assert sum(found.decided.values()) == 5
    assert len(found.missing) == 3
    came = found.missing.dropna(subset=["came_at"]).sort_values("outcome_class")
    assert came["outcome_class"].tolist() == [0, 1]  # the later revision of the one
    assert (pd.to_datetime(came["came_at"], utc=True) < AS_OF + 2.5 * MONTH).all()  # and when it was first seen
    then = late_outcomes(ready, BATCH, actions, AS_OF + 1.5 * MONTH, AS_OF + 1.6 * MONTH)
    assert len(then.missing) == 3
    assert then.missing["came_at"].isna().all()
    assert late_outcomes(ready, BATCH, [], AS_OF, AS_OF + MONTH).decided == {}
    several = late_outcomes_by_batch(
        ready, {BATCH: AS_OF + 1.5 * MONTH, "none/2005": AS_OF}, actions, AS_OF + 4 * MONTH
    )
    assert several[BATCH].decided == found.decided
    pd.testing.assert_frame_equal(several[BATCH].missing, found.missing)
    assert (several["none/2005"].decided, len(several["none/2005"].missing)) == ({}, 0)
