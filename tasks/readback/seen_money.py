"""What had been seen when a batch was decided, as it was frozen with it: cohort by cohort."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from decisionloop.act.exploration.seen_cohorts import cohorts_of
from decisionloop.act.exploration.seen_money import NOTHING_SEEN, SeenMoney, together
from decisionloop.ledger.batch_parts import find_part
from decisionloop.ledger.batches import batch_id_of
from decisionloop.workspace import Workspace
from tasks.readback.tables import read_table


def seen_money_of(workspace: Workspace, batch_id: str) -> SeenMoney:
    """What was frozen with a batch when it was decided; nothing where nothing was."""
    found = find_part(workspace.ledger, batch_id, "seen_money", 0)
    if found is None:
        return NOTHING_SEEN
    return together(one.seen for one in cohorts_of(read_table(workspace, found.digest)))


def seen_money_by_batch(workspace: Workspace, as_ofs: Iterable[datetime]) -> Mapping[datetime, SeenMoney]:
    """What was frozen with each of the batches of these times."""
    return {at: seen_money_of(workspace, batch_id_of(workspace.use_case.name, at)) for at in as_ofs}
