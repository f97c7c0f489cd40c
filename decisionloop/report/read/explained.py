"""From one decision's row to its whole story: what hangs off it in the ledger, and what the rules said."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.ledger.answer_times import waited_for
from decisionloop.ledger.batch_parts import find_part
from decisionloop.ledger.decision_trail import attempts_of, is_of_stream, outcomes_of, standing_by
from decisionloop.ledger.executions import executions_of
from decisionloop.ledger.outcomes import read_until
from decisionloop.ledger.release_history import why_decided
from decisionloop.predict.reasons.codes import ReasonCatalogue
from decisionloop.predict.reasons.wording import read_reasons
from decisionloop.report.read.gathered import use_case_lines
from decisionloop.report.read.worked_decision import frozen_row, part_of, stored_chances, told_decision
from decisionloop.report.record.explained import (
    Delivery,
    ExecutionRevision,
    ExplainedDecision,
    OutcomeRevision,
    Standing,
)
from decisionloop.report.record.lines import WorkedDecision
from decisionloop.report.record.story import Headline, Story
from decisionloop.report.words.naming import ReleaseNames

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.snapshots import SnapshotStore

RULES_REASONS = "rules_reason_codes"


@dataclass(frozen=True)
class Circumstances:
    """What a decision's row does not say itself: as of when it was decided, why its release was live, what rules said.

    ``rules_reasons`` is the stored text, "" where nobody kept it.
    """

    moment: datetime
    batch_id: str | None
    standing: Standing | None
    rules_reasons: str


def explained_of_batch(
    ledger: Ledger, row: pd.Series, use_case: UseCase, names: ReleaseNames, snapshots: SnapshotStore
) -> ExplainedDecision:
    """A decision that is in a batch, as `reads.one_decision` reads it, in the words of its own contract."""
    decision_id = str(row["decision_id"])
    why = why_decided(ledger, decision_id)
    worked = told_decision(row, use_case, names, frozen_row(snapshots, row), stored_chances(ledger, snapshots, row))
    standing = None
    if why is not None and why.seq is not None and why.stage is not None and why.stage_since is not None:
        known = (why.stage, why.stage_since, why.decided_by or "", names.in_words(why.reason or ""))
        standing = Standing(*known, why.seq, why.share, why.evidence or "{}")
    moment = row["as_of"].to_pydatetime() if why is None else why.moment
    said = _rules_reasons(ledger, row, snapshots)
    return with_trail(ledger, row, worked, Circumstances(moment, str(row["batch_id"]), standing, said))


def with_trail(ledger: Ledger, row: pd.Series, worked: WorkedDecision, at: Circumstances) -> ExplainedDecision:
    """A told decision with all that was said of it since."""
    decision_id = worked.decision_id
    own: dict[str, Any] = {one.name: getattr(worked, one.name) for one in fields(WorkedDecision)}
    return ExplainedDecision(
        **own,
        use_case=str(row["use_case"]),
        moment=at.moment,
        decided_at=row["decided_at"].to_pydatetime(),
        batch_id=at.batch_id,
        release_id=str(row["release_id"]),
        contract_digest=str(row["contract_digest"]),
        policy_version=str(row["policy_version"]),
        rules_reasons=_worded(at.rules_reasons),
        standing=at.standing,
        outcomes=tuple(
            OutcomeRevision(one.revision, one.outcome_class, one.amount, one.kind, one.observed_at, one.recorded_at)
            for one in outcomes_of(ledger, decision_id)
        ),
        executions=tuple(
            ExecutionRevision(one.executed_action, one.overridden_by or "", one.override_reason or "", one.observed_at)
            for one in executions_of(ledger, decision_id)
        ),
        is_sent=bool(row["is_sent"]),
        is_online=is_of_stream(ledger, decision_id),
        deliveries=tuple(
            Delivery(one.attempt, one.status, one.detail or "", one.at) for one in attempts_of(ledger, decision_id)
        ),
        waited_ms=waited_for(ledger, decision_id),
        read_until=read_until(ledger, str(row["use_case"])),
    )


def standing_of(ledger: Ledger, names: ReleaseNames, use_case: str, release_id: str, seq: int) -> Standing | None:
    """Why a release was live when event ``seq`` was the last one."""
    found = standing_by(ledger, use_case, release_id, seq)
    if found is None:
        return None
    because = names.in_words(found.reason)
    return Standing(found.stage, found.as_of, found.decided_by, because, found.seq, found.share, found.evidence)


def _rules_reasons(ledger: Ledger, row: pd.Series, snapshots: SnapshotStore) -> str:
    part = part_of(ledger, row)
    kept = None if part is None else find_part(ledger, str(row["batch_id"]), "scores", part)
    if kept is None:
        return ""
    told = snapshots.get_table(kept.digest)
    if RULES_REASONS not in told.column_names:
        return ""
    return str(told[RULES_REASONS][int(row["snapshot_row"])].as_py() or "")


def _worded(text: str) -> tuple[str, ...]:
    """The rules' reasons are words already."""
    return tuple(one.wording for one in read_reasons(text, ReasonCatalogue({}))) if text else ()


def story_of_decision(told: ExplainedDecision, use_case: UseCase) -> Story:
    """A story of nothing but one decision, in the words of its contract."""
    case = use_case_lines(use_case)
    return Story(case, told.as_of, told.as_of, Headline(""), worked=told)
