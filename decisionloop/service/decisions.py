"""One decision as JSON: the record that the story tells of, for any decision that the ledger holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from decisionloop.contract import UseCase, load_use_case, parse_use_case, use_case_folder
from decisionloop.errors import ContractError
from decisionloop.ledger.batches import batches
from decisionloop.ledger.stream import find_segment
from decisionloop.ledger.use_cases import contract
from decisionloop.report.assemble import names_of_releases
from decisionloop.report.read.decisions import one_decision
from decisionloop.report.read.worked_decision import told_decision
from decisionloop.report.record.lines import WorkedDecision
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.settings import Settings
from decisionloop.snapshots import SnapshotStore

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger

_ID = re.compile(r"[0-9a-f]{1,64}")


def decision_json(access: LedgerAccess, use_case: str, decision_id: str) -> bytes | None:
    """The decision from its features to its money, in the words of its own contract; None where there is none.

    Raises ConfigurationError while the ledger cannot be opened.
    """
    found = read_decision(access, decision_id)
    if found is None or found[1].name != use_case:
        return None
    return TypeAdapter(WorkedDecision).dump_json(found[0])


def read_decision(access: LedgerAccess, decision_id: str) -> tuple[WorkedDecision, UseCase] | None:
    """The same as a record, and the contract whose words it is in; None where there is none."""
    if not _ID.fullmatch(decision_id):
        return None  # PostgreSQL would refuse some of what may stand in an address
    ledger = access.opened()
    row = one_decision(ledger, decision_id)
    if row is None:
        return None
    use_case = str(row["use_case"])
    names = names_of_releases(ledger, use_case, batches(ledger, use_case))
    own = _contract(access.settings, ledger, use_case, str(row["contract_digest"]))
    return told_decision(row, own, names, SnapshotStore(access.settings.resolved_snapshots_url())), own


def is_unsealed(access: LedgerAccess, use_case: str, decision_id: str) -> bool:
    """Whether a decision was made one at a time and is in no batch yet."""
    found = find_segment(access.opened(), decision_id) if _ID.fullmatch(decision_id) else None
    return found is not None and found.use_case == use_case


def _contract(settings: Settings, ledger: Ledger, use_case: str, digest: str) -> UseCase:
    """The contract of a decision as the ledger recorded it; the present one where that can no longer be read."""
    recorded = contract(ledger, digest)
    if recorded is not None:
        try:
            return parse_use_case(recorded.contract_yaml, f"contract {digest[:12]} in the ledger")
        except ContractError:
            pass  # an earlier version accepted it; the present contract gives the same values other words
    return load_use_case(use_case_folder(settings.usecases_dir, use_case)).use_case
