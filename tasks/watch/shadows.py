"""The step that audits whoever is scored beside the champion, batch by batch."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from decisionloop.act.legacy import LEGACY
from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.batches import find_batch, latest_detail, newest_batches
from decisionloop.ledger.decisions import ShadowRun, shadow_runs
from decisionloop.ledger.monitor_references import reference_of
from decisionloop.ledger.releases import RULES, Release, baseline, challengers
from decisionloop.ledger.shadow_audits import keep_audit, shadow_audits
from decisionloop.monitor.compare.profile import Reference
from decisionloop.monitor.compare.score_shift import ScoreProfile, ScoreReference
from decisionloop.monitor.shadow.audit import AuditedRun, audit_shadow
from decisionloop.monitor.shadow.beside import SeenPart
from decisionloop.monitor.shadow.counts import ScoreCounts
from decisionloop.monitor.shadow.record import ReasonStability, ShadowAudit
from decisionloop.report.words.shadow import shadow_markdown
from decisionloop.workspace import Workspace, open_workspace
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.readback.beside import agreed_in, parts_beside, reasons_beside
from tasks.readback.policy_inputs import score_reference
from tasks.readback.tables import read_part
from tasks.readback.trials import drawn_in, is_on_trial_in, timed_calls
from tasks.step import step
from tasks.tell.announcements import publish
from tasks.tell.queueing import append_alert_and_notices

KIND: Final = "shadow"
DESCRIPTION = (
    "A release beside the one that decides, on the newest batch: whom it would treat otherwise, and its limits."
)
"""The kind of the alert that tells of a limit which a release in shadow crosses."""
AT_ONCE = 8
"""Batches of a release that are audited in one turn, the newest: a ledger may hold years of earlier ones."""


@step
def audit_shadows(use_case: str, as_of: datetime) -> int:
    """Audit every release beside the champion on the batches that it has scored, each once; returns how many.

    Where another system decides, the rules are audited as well: they stand beside it like any release.
    """
    workspace = open_workspace(use_case)
    if workspace.use_case.is_observing:
        _audit_rules(workspace, as_of)
    return sum(_audit_release(workspace, one.release, as_of) for one in challengers(workspace.ledger, use_case))


def _audit_release(workspace: Workspace, release: Release, as_of: datetime) -> int:
    known = {one.batch_id for one in shadow_audits(workspace.ledger, release.release_id)}
    waiting = [one for one in shadow_runs(workspace.ledger, release.release_id) if one.batch_id not in known]
    due = [one for one in waiting[-AT_ONCE:] if _as_of(workspace, one) <= as_of]
    for run in due:
        audit_run(workspace, release, run)
    return len(due)


def _audit_rules(workspace: Workspace, as_of: datetime) -> None:
    """Audit the rules beside what another system decided, on the newest batches, each once."""
    name, ledger = workspace.use_case.name, workspace.ledger
    standing = baseline(ledger, name)
    if standing is None:
        return
    rules = standing.release
    known = {one.batch_id for one in shadow_audits(ledger, rules.release_id)}
    decided = newest_batches(ledger, name, AT_ONCE, as_of)
    for batch in decided:
        detail = latest_detail(ledger, batch.batch_id, "decided")
        is_beside = open_batch_in_hand(name, batch.batch_id).rules.release_id == rules.release_id
        if batch.batch_id not in known and detail.get("decided_by") == LEGACY and is_beside:
            rows = int(str(detail["decisions"]))
            audit_run(
                workspace, rules, ShadowRun(batch.batch_id, rules.release_id, "ok", None, rows, 0, 0.0, batch.state_at)
            )


def audit_run(workspace: Workspace, release: Release, run: ShadowRun) -> ShadowAudit:
    """Audit a release on one batch, keep what was found, tell people of limits that it did not cross before."""
    hand = open_batch_in_hand(workspace.use_case.name, run.batch_id)
    earlier = shadow_audits(workspace.ledger, release.release_id)
    beside = LEGACY if hand.use_case.is_observing else hand.champion.release_id
    before = [one for one in earlier if one.champion_id == beside and one.as_of < hand.as_of]
    name, is_model = workspace.use_case.name, release.kind != RULES  # rules have learnt from nothing
    kept = reference_of(workspace.ledger, name, release.release_id) if is_model else None
    reference = None if kept is None else Reference.from_json(kept.content)
    seen, reasons, scores = _seen(hand, release, reference) if not run.error else ((), None, None)
    audit = audit_shadow(hand.use_case, _run(hand, release, run, before), seen, reference, reasons, before)
    audit = replace(audit, scores=scores)
    if seen and is_on_trial_in(hand, release.release_id):
        audit = replace(audit, drawn=drawn_in(hand, release.release_id), calls=timed_calls(hand, release))
    _keep(workspace, audit, before)
    publish(f"shadow-{release.release_id}", shadow_markdown(audit, hand.use_case), DESCRIPTION)
    return audit


def _seen(
    hand: BatchInHand, release: Release, reference: Reference | None
) -> tuple[Sequence[SeenPart], ReasonStability | None, ScoreCounts | None]:
    seen, agreed, scored = [], [], []
    of_training, name = score_reference(release), "score" if hand.use_case.outcome.class_ else "amount"
    for number, part in parts_beside(hand, release.release_id):
        seen.append(SeenPart.of(hand.use_case, part, reference))
        agreed.append(None if hand.use_case.is_observing else agreed_in(hand, number, part))
        if of_training is not None and name in part.shadow.outputs:  # beside another system there are actions alone
            scored.append(ScoreProfile.of(part.shadow.outputs[name], of_training))
    reasons = reasons_beside(hand, release, [one for one in agreed if one is not None])
    return seen, reasons, _score_counts(scored, of_training)


def _score_counts(scored: Sequence[ScoreProfile], of_training: ScoreReference | None) -> ScoreCounts | None:
    if of_training is None or not scored:
        return None
    now = functools.reduce(lambda one, other: one + other, scored)
    return ScoreCounts(now.counts, tuple(round(share * of_training.n) for share in of_training.shares))


def _run(hand: BatchInHand, release: Release, run: ShadowRun, before: Sequence[ShadowAudit]) -> AuditedRun:
    """How scoring it went, and what it took, beside the batches that were audited before."""
    theirs = _champion_per_row(hand)
    times = [(one.time.per_row, one.time.champion_per_row) for one in before if not one.error]
    times.append((run.latency_ms / max(1, run.rows), theirs))
    return AuditedRun(
        release_id=release.release_id,
        champion_id=LEGACY if hand.use_case.is_observing else hand.champion.release_id,
        batch_id=hand.batch_id,
        as_of=hand.as_of,
        n=run.rows,
        error=run.error or "",
        nan_rows=run.nan_rows,
        per_row=tuple(mine for mine, _ in times),
        champion_per_row=tuple(other for _, other in times if other is not None) if theirs is not None else (),
        online_ms=_online_ms(release),
        champion_online_ms=_online_ms(hand.champion),
    )


def _champion_per_row(hand: BatchInHand) -> float | None:
    """Milliseconds a row that the champion took; None where rules decide, or stood in for it."""
    total, rows = 0.0, 0
    for part in hand.parts:
        scores = read_part(hand.workspace, hand.batch_id, "scores", part, ["latency_ms"])
        if "latency_ms" in scores.column_names and len(scores):
            total, rows = total + scores["latency_ms"][0].as_py() * len(scores), rows + len(scores)
    return total / rows if rows else None


def _online_ms(release: Release) -> float | None:
    """Milliseconds of one decision, as measured when it was trained; None of rules."""
    told: float | None = json.loads(release.card_json).get("latency_ms")
    return told


def _keep(workspace: Workspace, audit: ShadowAudit, before: Sequence[ShadowAudit]) -> None:
    """The audit and what is told of it, in one transaction: a kill between the two would keep it from people."""
    use_case, known = workspace.use_case, {one.limit for one in before[-1].crossed} if before else set()
    news = [one.words for one in audit.crossed if one.limit not in known]
    with workspace.ledger.begin() as connection:
        is_new = keep_audit(connection, use_case.name, audit)
        if is_new and news:
            beside = "another system" if audit.is_beside_legacy else "the champion"
            message = f"{audit.release_id}, beside {beside}: {' '.join(news)}"
            remedy = (
                f"`decisionloop shadow {use_case.name} {audit.release_id}` shows the audit, `decisionloop stop` ends "
                "its trial or its comparison; the limits are `shadow` and `gate` in the contract."
            )
            append_alert_and_notices(connection, use_case, NewAlert("warning", KIND, message, remedy, audit.batch_id))


def _as_of(workspace: Workspace, run: ShadowRun) -> datetime:
    batch = find_batch(workspace.ledger, run.batch_id)
    assert batch is not None  # held by a foreign key
    return batch.as_of
