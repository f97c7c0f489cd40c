"""Steps of predict: freeze the batch, validate it, score it side by side. Each goes over the batch's parts."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import pyarrow as pa

from decisionloop.ledger.batch_parts import append_part, parts_of
from decisionloop.ledger.batches import Scalar, batch_state, latest_detail, open_batch
from decisionloop.ledger.decisions import ShadowRun, append_shadow_run
from decisionloop.ledger.flags import is_kill_switch_on
from decisionloop.ledger.releases import baseline, champion, shadows
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.ledger.validation import ExpectationResult, append_results
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.compare.profile import FrameProfile
from decisionloop.predict.text import as_text
from decisionloop.report.words.monitoring_markdown import monitoring_markdown
from decisionloop.workspace import Workspace, open_workspace
from expectations.reference import BatchReference, merge_parts
from expectations.report import BatchReport, as_markdown
from expectations.run import settle
from tasks.predict.parts import freeze_part, score_part, validate_part
from tasks.predict.register_rules import ensure_rules
from tasks.predict.side_by_side import ShadowPart
from tasks.readback.parts import cut, each_part
from tasks.readback.stages import reached
from tasks.readback.tables import batch_of, keep_table
from tasks.step import step
from tasks.tell.announcements import publish
from tasks.tell.halting import halt, halt_where_jumped
from tasks.watch.alarms import Occasion, raise_alarms
from tasks.watch.inputs import judge_features, keep_first_reference, reference_for

FROZEN = ("frozen", "validated", "scored")


@step
def freeze_batch(use_case: str, as_of: datetime) -> str:
    """Freeze what is known, as of ``as_of``, of everyone who is due; returns the batch id."""
    workspace = open_workspace(use_case)
    contract = workspace.use_case
    record_use_case(workspace.ledger, use_case, contract.digest, contract.version, workspace.folder.text)
    ensure_rules(workspace, as_of)
    batch = open_batch(workspace.ledger, use_case, as_of, contract.digest)
    if batch.is_decided or (batch.state in FROZEN and parts_of(workspace.ledger, batch.batch_id, "due")):
        return batch.batch_id
    _cut_into_parts(workspace, batch.batch_id, as_of)
    frozen = each_part(workspace, freeze_part, batch.batch_id)
    newest = max((part.newest for part in frozen if part.newest is not None), default=None)
    detail: dict[str, Scalar] = {
        "parts": len(frozen),
        "rows": sum(part.rows for part in frozen),
        "newest": None if newest is None else newest.isoformat(),
    }
    reached(workspace, batch.batch_id, "frozen", detail, [part.cost for part in frozen])
    return batch.batch_id


@step
def validate_batch(use_case: str, batch_id: str) -> str:
    """Validate the frozen batch and compare its features with what the deciding release knows.

    A critical failure, or a feature that is surely another one than before, halts it with BatchHalted.
    """
    workspace = open_workspace(use_case)
    if batch_state(workspace.ledger, batch_id) != "frozen":
        return "validated before"
    frozen = latest_detail(workspace.ledger, batch_id, "frozen")
    rows, newest = int(frozen["rows"] or 0), frozen["newest"]
    latest = None if newest is None else datetime.fromisoformat(str(newest))
    decides = champion(workspace.ledger, use_case)
    assert decides is not None  # ensure_rules gave the use case one before its first batch
    release_id = decides.release.release_id
    checked = each_part(workspace, validate_part, batch_id, rows, latest, release_id)
    faults = sum(part.fault_rows for part in checked)
    report = settle(workspace.use_case, [part.observations for part in checked], rows, faults)
    _record(workspace, batch_id, report)
    profile = FrameProfile.total(part.profile for part in checked if part.profile is not None)
    findings = _compare(workspace, batch_id, release_id, profile)
    if report.state == "halted":
        halt(workspace, batch_id, "validation", report.halt_reasons, [r.remedy for r in report.halting])
    if not is_kill_switch_on(workspace.ledger, use_case):  # rules do not drift
        halt_where_jumped(workspace, batch_id, "drift", findings)
    if profile is None:
        keep_first_reference(workspace, batch_of(workspace, batch_id), release_id)
    reference = merge_parts([part.reference for part in checked if part.reference is not None])
    assert isinstance(reference, BatchReference)  # an empty batch is halted
    detail: dict[str, Scalar] = {
        "fault_rows": faults,
        "reference": reference.model_dump_json(),
        "profile": None if profile is None else profile.to_json(),
    }
    reached(workspace, batch_id, "validated", detail, [part.cost for part in checked])
    return f"{faults} of {rows} rows are left to the rules"


@step
def score_batch(use_case: str, batch_id: str) -> str:
    """Score the validated batch with the champion, every shadow and the rules; returns who scored it."""
    workspace = open_workspace(use_case)
    if batch_state(workspace.ledger, batch_id) != "validated":
        return "scored before"
    decides, rules = champion(workspace.ledger, use_case), baseline(workspace.ledger, use_case)
    assert decides is not None  # ensure_rules gave the use case both before its first batch
    assert rules is not None
    named, beside = decides.release.release_id, [s.release.release_id for s in shadows(workspace.ledger, use_case)]
    scored = each_part(workspace, score_part, batch_id, named, rules.release_id, beside)
    _record_shadows(workspace, batch_id, [part.shadows for part in scored])
    profiles = [part.profile for part in scored if part.profile is not None]
    profile = functools.reduce(lambda one, other: one + other, profiles) if profiles else None
    worth = functools.reduce(lambda one, other: one + other, (part.worth for part in scored))
    detail: dict[str, Scalar] = {
        "champion": named,
        "score_profile": canonical_json(profile),
        "worth": worth.per_decision,
    }
    reached(workspace, batch_id, "scored", detail, [cost for part in scored for cost in part.costs])
    return ", ".join([named, *beside])


def _compare(workspace: Workspace, batch_id: str, release_id: str, profile: FrameProfile | None) -> tuple[Finding, ...]:
    """Judge the features of a batch and raise what is to be raised; nothing before there is a reference."""
    batch = batch_of(workspace, batch_id)
    reference = reference_for(workspace, batch, release_id)
    if reference is None or profile is None:
        return ()
    findings = judge_features(workspace, batch, release_id, reference, profile)
    raise_alarms(workspace, findings, Occasion(batch.as_of, batch_id, profile.rows))
    publish(f"inputs-{batch_id}", monitoring_markdown(workspace.use_case, findings, "Features of the batch"))
    return findings


def _cut_into_parts(workspace: Workspace, batch_id: str, as_of: datetime) -> None:
    """Leave behind who is due, part by part; a batch that was cut before keeps its parts."""
    if parts_of(workspace.ledger, batch_id, "due"):
        return
    contract = workspace.use_case
    due = workspace.source.due(pd.Timestamp(as_of), contract.schedule.covers_days)
    key = contract.entity.key
    ids = as_text(due[key]).sort_values(kind="stable", ignore_index=True)
    kept = [
        (keep_table(workspace, pa.table({key: pa.array(ids.iloc[rows], pa.string())}), "features"), rows)
        for rows in cut(ids, workspace.settings.partition_rows)
    ]
    with workspace.ledger.begin() as connection:  # all of them or none, for their number is the batch's
        for part, (digest, rows) in enumerate(kept):
            append_part(connection, batch_id, "due", part, digest, rows.stop - rows.start)


def _record(workspace: Workspace, batch_id: str, report: BatchReport) -> None:
    append_results(
        workspace.ledger,
        batch_id,
        batch_of(workspace, batch_id).attempt,
        [
            ExpectationResult(
                r.check, r.column or None, r.severity, r.is_success, r.observed, r.unexpected_count,
                r.unexpected_share, r.remedy,
            )
            for r in report.results
        ],
    )  # fmt: skip
    publish(f"validation-{batch_id}", as_markdown(report))


def _record_shadows(workspace: Workspace, batch_id: str, parts: Sequence[Sequence[ShadowPart]]) -> None:
    """One record a shadow: a failure in one part is the batch's, and one that could value nobody says so."""
    for of_parts in zip(*parts, strict=True):
        fared = functools.reduce(lambda one, other: one + other, of_parts)
        status = "failed" if fared.error else "nan" if fared.nan_rows == fared.rows else "ok"
        counts = (fared.rows, fared.nan_rows, fared.milliseconds, utc_now())
        append_shadow_run(workspace.ledger, ShadowRun(batch_id, fared.release_id, status, fared.error, *counts))
