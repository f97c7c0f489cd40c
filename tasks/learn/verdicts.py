"""Keep a verdict of the gate, and say it where people look."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from decisionloop.learn import gate
from decisionloop.learn.comparison import Comparison, Progress
from decisionloop.learn.evidence import Look
from decisionloop.ledger.releases import RULES, Release, find_stage, roster_of
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.verdicts import Verdict, append_verdict
from decisionloop.release.stages import is_default_action
from decisionloop.workspace import Workspace
from tasks.tell.announcements import announce, publish

DESCRIPTION = "What the gate found of a release beside the one that decides, check by check, and its verdict."


@dataclass(frozen=True)
class GateAnswer:
    """What the gate answered at one look at a challenger beside the champion, and on which evidence."""

    look: Look
    challenger_id: str
    champion_id: str
    verdict: gate.Verdict
    evidence: gate.GateEvidence


def keep_verdict(workspace: Workspace, as_of: datetime, answer: GateAnswer) -> str:
    """Store the verdict with its reasons and evidence, announce it, and publish it as an artifact; returns its id."""
    verdict = answer.verdict
    kept = Verdict(
        use_case=workspace.use_case.name,
        challenger_id=answer.challenger_id,
        champion_id=answer.champion_id,
        look=answer.look,
        as_of=as_of,
        decision=verdict.decision,
        reasons=canonical_json([asdict(check) for check in verdict.checks]),
        evidence=canonical_json(answer.evidence),
        at=as_of,
        attempt=attempt_of(workspace, answer.challenger_id),
    )
    append_verdict(workspace.ledger, kept)
    announce(
        "gate.decided",
        workspace.use_case.name,
        answer.challenger_id,
        {"decision": verdict.decision, "reason": verdict.reason},
    )
    publish(f"gate-{answer.challenger_id}-{answer.look}", _markdown(answer), DESCRIPTION)
    return kept.verdict_id


def keep_opening(workspace: Workspace, as_of: datetime, pair: tuple[str, str], opened: Comparison) -> None:
    """Store what the comparison of a challenger with a champion (``pair`` of ids) stakes and how it bets."""
    yearly = 100 * workspace.use_case.gate.yearly_error
    words = f"It stakes {100 * opened.stake:.3g} of the year's {yearly:.3g} % error. What matures from now on counts."
    kept = Verdict(
        use_case=workspace.use_case.name,
        challenger_id=pair[0],
        champion_id=pair[1],
        look=2,
        as_of=as_of,
        decision="insufficient",
        reasons=canonical_json([asdict(gate.Check("money", None, None, None, words))]),
        evidence=canonical_json({"progress": Progress(opened)}),
        at=as_of,
        attempt=attempt_of(workspace, pair[0]),
    )
    append_verdict(workspace.ledger, kept)


def attempt_of(workspace: Workspace, challenger_id: str) -> int:
    """Which attempt of a challenger a verdict is about now: those of an earlier one count no more."""
    return roster_of(workspace.ledger, workspace.use_case.name).attempt_of(challenger_id)


def is_beside(workspace: Workspace, verdict: Verdict, decides: Release) -> bool:
    """Whether a verdict compares with whoever decides now. The rules are the rules, also those of another contract;
    the default action in their place is the default action."""
    if verdict.champion_id == decides.release_id or decides.kind != RULES:
        return verdict.champion_id == decides.release_id
    stage = find_stage(workspace.ledger, verdict.champion_id)
    is_rules = stage is not None and stage.release.kind == RULES
    return is_rules and is_default_action(verdict.champion_id) == decides.is_default_action


def _markdown(answer: GateAnswer) -> str:
    mark = {True: "passed", False: "failed", None: "cannot say"}
    lines = [
        f"# Gate, look {answer.look}: {answer.verdict.decision}",
        "",
        f"`{answer.challenger_id}` against `{answer.champion_id}`",
        "",
        "| check | | |",
        "|---|---|---|",
        *(f"| {check.name} | {mark[check.is_passed]} | {check.reason} |" for check in answer.verdict.checks),
        *(["", answer.verdict.warning] if answer.verdict.warning else []),
    ]
    return "\n".join(lines) + "\n"
