"""What another system decided is kept with no propensity where nobody knows it, and is never a message."""

from __future__ import annotations

from typing import Any

import numpy as np

from decisionloop.ledger.decisions import append_decisions, decisions_of_batch
from decisionloop.ledger.outbox import count_pending
from decisionloop.ledger.release_history import why_decided
from decisionloop.ledger.storage.engine import Ledger


def log(ledger: Ledger, decisions: Any) -> int:
    with ledger.begin() as connection:
        return append_decisions(connection, decisions)


def test_an_unknown_propensity_stays_unknown(ready: Ledger, rows: Any) -> None:
    batch = rows(5)
    made = batch.decisions.assign(role="legacy", is_sent=False, propensity=[np.nan, 0.3, np.nan, 1.0, 0.5])
    assert log(ready, made) == 5
    kept = decisions_of_batch(ready, made["batch_id"].iloc[0]).set_index("decision_id").loc[made["decision_id"]]
    assert kept["propensity"].isna().tolist() == [True, False, True, False, False]
    assert kept["propensity"].dropna().tolist() == [0.3, 1.0, 0.5]
    assert count_pending(ready, made["use_case"].iloc[0]) == 0
    told = why_decided(ready, made["decision_id"].iloc[0])
    assert told is not None
    assert (told.role, told.propensity) == ("legacy", None)
