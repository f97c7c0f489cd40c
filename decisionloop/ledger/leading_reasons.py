"""Which feature each decision of a model named first as its reason, counted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from decisionloop.ledger.decisions import batches_of_span
from decisionloop.ledger.id_spans import ids_of_batches
from decisionloop.ledger.schema import decision
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame

_FIRST = r'^\[\["([^"]+)",'
"""The feature in ``[["debt",0.81],...]``; the rules' words are a list of texts, and match nothing."""


def leading_reasons(ledger: Ledger, use_case: str, since: datetime, until: datetime) -> Mapping[str, int]:
    """By feature, how many decisions of the batches from ``since`` to ``until`` name it as their largest reason.

    Decisions of rules, and those of a model that nothing moved, name none and are not counted.
    """
    meant = batches_of_span(use_case, since, until)
    where = (decision.c.batch_id.in_(meant), *ids_of_batches(ledger, meant).holds(decision.c.decision_id))
    statement = select(decision.c.reason_codes).where(*where)
    named = read_frame(ledger, statement)["reason_codes"].str.extract(_FIRST, expand=False).dropna()
    return {str(name): int(count) for name, count in named.value_counts().items()}
