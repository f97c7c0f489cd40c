"""Keep a verdict of the gate, and say it where people look."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from decisionloop.learn.evidence import Look
from decisionloop.learn.gate import GateEvidence, Verdict
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.verdicts import append_verdict
from decisionloop.workspace import Workspace
from tasks.tell.announcements import announce, publish


def keep_verdict(
    workspace: Workspace,
    look: Look,
    as_of: datetime,
    challenger_id: str,
    champion_id: str,
    verdict: Verdict,
    evidence: GateEvidence,
) -> None:
    """Store the verdict with its reasons and evidence, announce it, and publish it as an artifact."""
    append_verdict(
        workspace.ledger,
        use_case=workspace.use_case.name,
        challenger_id=challenger_id,
        champion_id=champion_id,
        look=look,
        as_of=as_of,
        decision=verdict.decision,
        reasons=canonical_json([asdict(check) for check in verdict.checks]),
        evidence=canonical_json(evidence),
        at=as_of,
    )
    announce(
        "gate.decided",
        workspace.use_case.name,
        challenger_id,
        {"decision": verdict.decision, "reason": verdict.reason},
    )
    publish(f"gate-{challenger_id}-{look}", _markdown(look, challenger_id, champion_id, verdict))


def _markdown(look: Look, challenger_id: str, champion_id: str, verdict: Verdict) -> str:
    mark = {True: "passed", False: "failed", None: "cannot say"}
    lines = [
        f"# Gate, look {look}: {verdict.decision}",
        "",
        f"`{challenger_id}` against `{champion_id}`",
        "",
        "| check | | |",
        "|---|---|---|",
        *(f"| {check.name} | {mark[check.is_passed]} | {check.reason} |" for check in verdict.checks),
    ]
    return "\n".join(lines) + "\n"
