"""Every table of the ledger, as SQLAlchemy Core tables with typed columns. All of them hold facts."""

from __future__ import annotations

from sqlalchemy import String

from decisionloop.ledger.schema.api_keys import api_key, revoked_key
from decisionloop.ledger.schema.approvals import approval_answer, approval_code, approval_request
from decisionloop.ledger.schema.audit import (
    audit_block,
    audit_entry,
    audit_waiting,
    decision_access,
    erased_leaf,
    erasing,
    erasure,
    expired_link,
    rewritten_snapshot,
)
from decisionloop.ledger.schema.batches import (
    batch,
    batch_event,
    batch_part,
    expectation_result,
    snapshot,
    use_case_version,
)
from decisionloop.ledger.schema.columns import Text, UtcDateTime, as_utc, metadata, utc_now, utc_text, views
from decisionloop.ledger.schema.costs import stage_cost
from decisionloop.ledger.schema.decisions import (
    decision,
    decision_group,
    decision_row,
    delivery,
    execution,
    outbox,
    outcome,
    outcome_intake,
    shadow_run,
)
from decisionloop.ledger.schema.holding import hold_event, sending, sending_end, withdrawn_decision
from decisionloop.ledger.schema.notices import notice, notice_attempt
from decisionloop.ledger.schema.releases import learn_run, release, release_event, training_set, verdict
from decisionloop.ledger.schema.restoring import restoration, restore_drill
from decisionloop.ledger.schema.stream import (
    answer_time,
    period_account,
    posted_outcome,
    sealed_segment,
    stream_decision,
    stream_request,
    stream_segment,
)
from decisionloop.ledger.schema.watch import (
    alarm,
    alert,
    alert_event,
    cohort_event,
    drill,
    failure,
    flag,
    incident_event,
    measured_cohort,
    measurement,
    monitor_reference,
    monitor_threshold,
    trace_context,
    weak_slice,
    worker_turn,
)
from decisionloop.ledger.schema.webhooks import webhook_delivery, webhook_step

for _table in (*metadata.tables.values(), *views.tables.values()):
    for _column in _table.c:
        if type(_column.type) is String:
            _column.type = Text

__all__ = [
    "UtcDateTime",
    "alarm",
    "alert",
    "alert_event",
    "answer_time",
    "api_key",
    "approval_answer",
    "approval_code",
    "approval_request",
    "as_utc",
    "audit_block",
    "audit_entry",
    "audit_waiting",
    "batch",
    "batch_event",
    "batch_part",
    "cohort_event",
    "decision",
    "decision_access",
    "decision_group",
    "decision_row",
    "delivery",
    "drill",
    "erased_leaf",
    "erasing",
    "erasure",
    "execution",
    "expectation_result",
    "expired_link",
    "failure",
    "flag",
    "hold_event",
    "incident_event",
    "learn_run",
    "measured_cohort",
    "measurement",
    "metadata",
    "monitor_reference",
    "monitor_threshold",
    "notice",
    "notice_attempt",
    "outbox",
    "outcome",
    "outcome_intake",
    "period_account",
    "posted_outcome",
    "release",
    "release_event",
    "restoration",
    "restore_drill",
    "revoked_key",
    "rewritten_snapshot",
    "sealed_segment",
    "sending",
    "sending_end",
    "shadow_run",
    "snapshot",
    "stage_cost",
    "stream_decision",
    "stream_request",
    "stream_segment",
    "trace_context",
    "training_set",
    "use_case_version",
    "utc_now",
    "utc_text",
    "verdict",
    "views",
    "weak_slice",
    "webhook_delivery",
    "webhook_step",
    "withdrawn_decision",
    "worker_turn",
]
