"""What another system decided, as the batches that were observed tell it: agreement, what was left out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from decisionloop.act.agreement import Agreement
from decisionloop.act.legacy import LEGACY
from decisionloop.ledger.batches import batches, latest_details
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True, eq=False)
class LegacyBatches:
    """All batches that another system decided, together.

    ``agreement``: of those of the newest batch's actions; None where there is none. ``left_out``: decisions that could
    not be told, by why. ``unknown``: decisions whose propensity nobody knows, of ``decisions``.
    """

    batches: int = 0
    decisions: int = 0
    unknown: int = 0
    agreement: Agreement | None = None
    left_out: Counter[str] = field(default_factory=Counter)


def legacy_batches(ledger: Ledger, use_case: str) -> LegacyBatches:
    """What the observed batches of a use case tell; all 0 where none was."""
    every = [one.batch_id for one in batches(ledger, use_case) if one.is_decided]
    told = [one for one in latest_details(ledger, every, "decided") if one.get("decided_by") == LEGACY]
    if not told:
        return LegacyBatches()
    counted = [Agreement.from_json(str(one["agreement"])) for one in told]
    newest, whole = counted[-1], counted[-1]
    for one in counted[-2::-1]:
        if one.actions == newest.actions:  # under other actions agreement meant something else
            whole = whole + one
    return LegacyBatches(
        len(told),
        sum(int(str(one["decisions"])) for one in told),
        sum(int(str(one["unknown_propensities"])) for one in told),
        whole,
        sum((Counter(json.loads(str(one["left_out"]))) for one in told), Counter[str]()),
    )
