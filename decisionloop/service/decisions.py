"""One decision, whole: the record that the service, its page and the command line tell of, for any that there is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import TypeAdapter

from decisionloop.contract import UseCase, load_use_case, parse_use_case, use_case_folder
from decisionloop.errors import ContractError
from decisionloop.ledger.batches import batches
from decisionloop.ledger.decision_access import record_access
from decisionloop.ledger.stream import Segment, find_segment, unsealed_segments
from decisionloop.ledger.use_cases import contract
from decisionloop.report.read.decisions import one_decision
from decisionloop.report.read.explained import Circumstances, explained_of_batch, standing_of, with_trail
from decisionloop.report.read.gathered import names_of_releases
from decisionloop.report.read.worked_decision import chances_in, told_decision
from decisionloop.report.record.explained import ExplainedDecision
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.settings import Settings
from decisionloop.snapshots import SnapshotStore
from decisionloop.stream.answers import logged_rows
from decisionloop.stream.deciders import Signed
from decisionloop.stream.record import decisions_of_record, read_record

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger

_ID = re.compile(r"[0-9a-f]{1,64}")
_NOT_YET = ("outcome_class", "outcome_amount", "executed_action", "overridden_by", "override_reason", "executed_seen")


def decision_json(access: LedgerAccess, use_case: str, decision_id: str, by: str) -> bytes | None:
    """The decision from its features to its money, in the words of its own contract; None where there is none.

    That ``by`` looked at it is written down first.

    Raises ConfigurationError while the ledger cannot be opened.
    """
    found = read_decision(access.settings, access.opened(), decision_id)
    if found is None or found[1].name != use_case:
        return None
    record_access(access.opened(), use_case, decision_id, by, "api")
    return TypeAdapter(ExplainedDecision).dump_json(found[0])


def read_decision(settings: Settings, ledger: Ledger, decision_id: str) -> tuple[ExplainedDecision, UseCase] | None:
    """The same as a record, and the contract whose words it is in; None where there is none.

    Raises ContractError where neither its own contract nor the present one can be read.
    """
    if not _ID.fullmatch(decision_id):
        return None  # PostgreSQL would refuse some of what may stand in an address
    row = one_decision(ledger, decision_id)
    if row is None:
        segment = find_segment(ledger, decision_id)
        return None if segment is None else _unsealed(settings, ledger, segment, decision_id)
    use_case = str(row["use_case"])
    names = names_of_releases(ledger, use_case, batches(ledger, use_case))
    own = _contract(settings, ledger, use_case, str(row["contract_digest"]))
    return explained_of_batch(ledger, row, own, names, SnapshotStore(settings.resolved_snapshots_url())), own


@dataclass(frozen=True)
class Waiting:
    """A decision that is in no batch yet, and as of when it was made."""

    decision_id: str
    moment: datetime


def unsealed_of(settings: Settings, ledger: Ledger, use_case: str, entity: str, until: datetime) -> Waiting | None:
    """The last decision for an entity up to ``until`` that is in no batch yet; None without one."""
    for one in reversed(unsealed_segments(ledger, use_case)):
        if one.as_of <= until:
            own = _contract(settings, ledger, use_case, Signed.from_json(one.deciders).contract_digest)
            decided = decisions_of_record(own, one.as_of, one.record)
            found = decided["decision_id"][decided["entity_id"] == entity]
            if len(found):
                return Waiting(str(found.iloc[0]), one.as_of)
    return None


def _unsealed(
    settings: Settings, ledger: Ledger, segment: Segment, decision_id: str
) -> tuple[ExplainedDecision, UseCase]:
    """A decision that is in no batch yet, from what was kept before it was answered."""
    name, signed = segment.use_case, Signed.from_json(segment.deciders)
    own = _contract(settings, ledger, name, signed.contract_digest)
    decided = read_record(own, segment.as_of, segment.deciders, segment.record)
    place = decided.scores["decision_id"].to_pylist().index(decision_id)
    logged = logged_rows(own, decided, "", "").slice(place, 1).to_pandas().iloc[0]
    moment, nothing = pd.Timestamp(segment.as_of), dict.fromkeys(_NOT_YET)
    # As it will be in its batch; its action left with its answer.
    row = pd.Series({**logged.to_dict(), **nothing, "as_of": moment, "decided_at": moment, "is_sent": False})
    names = names_of_releases(ledger, name, batches(ledger, name))
    frame = decided.features.iloc[[place]].reset_index(drop=True)
    chances = chances_in(decided.choice.slice(place, 1).to_pylist()[0])
    standing = standing_of(ledger, names, name, str(row["release_id"]), signed.release_seq)
    said = str(decided.scores["rules_reason_codes"][place].as_py() or "")
    worked = told_decision(row, own, names, frame, chances)
    return with_trail(ledger, row, worked, Circumstances(segment.as_of, None, standing, said)), own


def _contract(settings: Settings, ledger: Ledger, use_case: str, digest: str) -> UseCase:
    """The contract of a decision as the ledger recorded it; the present one where that can no longer be read."""
    recorded = contract(ledger, digest)
    if recorded is not None:
        try:
            return parse_use_case(recorded.contract_yaml, f"contract {digest[:12]} in the ledger")
        except ContractError:
            pass  # an earlier version accepted it; the present contract gives the same values other words
    return load_use_case(use_case_folder(settings.usecases_dir, use_case)).use_case
