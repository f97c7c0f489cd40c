"""What the tests of the ledger begin from: a recorded contract, and rows of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from decisionloop.act.identity import decision_ids
from decisionloop.ledger.batches import Batch, batch_id_of, open_batch
from decisionloop.ledger.releases import Release
from decisionloop.ledger.schema import decision_group
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.use_cases import record_use_case
from tests.release_lives import install_rules

USE_CASE = "credit_line"
CONTRACT = "c" * 64
AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
RULES = "credit_line/rules/000000000001"
DECIDED_AT = datetime(2005, 7, 8, 6, 30, 15, 123456, tzinfo=UTC)


@dataclass(frozen=True)
class BatchRows:
    """The rows that one batch appends, wide, as the view `decision` tells them."""

    decisions: pd.DataFrame

    @property
    def narrow(self) -> pd.DataFrame:
        """Their own part, as `decision_row` keeps it, all of one group."""
        return self.decisions.drop(columns=[name for name in self.decisions if name in decision_group.c]).assign(
            group_id=1
        )

    @property
    def sent_ids(self) -> list[str]:
        """The ids of those that are to be sent, in order."""
        return sorted(self.decisions.loc[self.decisions["is_sent"], "decision_id"])


def batch_rows(n: int = 5, as_of: datetime = AS_OF, use_case: str = USE_CASE) -> BatchRows:
    """A batch of `n` decisions of the rules; every second one sends an action."""
    batch_id = batch_id_of(use_case, as_of)
    row = np.arange(n)
    entity = [f"client-{i:05d}" for i in range(n)]
    decision_id = decision_ids(use_case, entity, as_of)
    action = np.where(row % 2 == 0, "increase", "hold")
    values = [f'{{"hold": 0.0, "increase": {i / 4}}}' for i in range(n)]
    decisions = pd.DataFrame(
        {
            "decision_id": decision_id, "batch_id": batch_id, "action": action, "rules_action": action,
            "is_sent": action == "increase", "use_case": use_case, "entity_id": entity, "as_of": as_of,
            "snapshot_digest": "a" * 64, "snapshot_row": row, "release_id": RULES, "role": "baseline",
            "score": np.nan, "action_values": values, "propensity": 0.95, "reason_codes": "[]", "policy_version": "1",
            "contract_digest": CONTRACT, "latency_ms": 0.01, "decided_at": DECIDED_AT, "release_seq": 2,
        }
    )  # fmt: skip
    return BatchRows(decisions)


def opened_batch(ledger: Ledger, as_of: datetime = AS_OF, use_case: str = USE_CASE) -> Batch:
    """A batch that is open, its contract recorded."""
    record_use_case(ledger, use_case, CONTRACT, 1, "use_case: credit_line")
    return open_batch(ledger, use_case, as_of, CONTRACT)


@pytest.fixture
def rows() -> Callable[..., BatchRows]:
    """Makes the rows of a batch: `rows(n, as_of, use_case)`."""
    return batch_rows


@pytest.fixture
def opening() -> Callable[..., Batch]:
    """Opens a batch: `opening(ledger, as_of, use_case)`."""
    return opened_batch


@pytest.fixture
def ready(ledger: Ledger) -> Ledger:
    """A ledger of either engine with one open batch, of 8 July 2005."""
    opened_batch(ledger)
    return ledger


@pytest.fixture
def released(ready: Ledger) -> Ledger:
    """A ledger with one open batch and the rules as its champion."""
    release = Release(RULES, USE_CASE, "rules", CONTRACT, None, None, None, "[]", "{}", DECIDED_AT)
    install_rules(ready, release)
    return ready
