"""The second look of the gate: a challenger that has been in shadow, on decisions that it has not learnt from."""

from __future__ import annotations

from datetime import datetime, timedelta

from decisionloop.errors import UsageError
from decisionloop.learn.evidence import gate_rules, gather_evidence
from decisionloop.learn.gate import judge
from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.releases import Release, champion, shadows
from decisionloop.ledger.verdicts import find_training_set
from decisionloop.workspace import Workspace, open_workspace
from tasks.learn.candidates import contender_of
from tasks.learn.release_stages import promote, refuse
from tasks.learn.verdicts import GateAnswer, keep_verdict
from tasks.readback.mature_decisions import mature_batches
from tasks.readback.maturity import mature_until
from tasks.step import step


@step
def review_challengers(use_case: str, as_of: datetime) -> str:
    """Give every challenger its second look when it is due; returns what happened in a sentence."""
    workspace = open_workspace(use_case)
    answers = [review_shadow(workspace, shadow.release, as_of) for shadow in shadows(workspace.ledger, use_case)]
    return " ".join(answers) or "No challenger is in shadow."


def review_shadow(workspace: Workspace, release: Release, as_of: datetime) -> str:
    """Judge one challenger if its second look is due: promote it, send it away, or leave it in shadow.

    It is looked at once it has shadowed enough batches. Where the evidence is insufficient it is asked again at
    the next turn; an answer is final, so that looking again and again cannot promote by luck.
    """
    runs = shadow_runs(workspace.ledger, release.release_id)
    good = sum(run.status == "ok" for run in runs)
    failed = len(runs) - good
    needed = workspace.use_case.gate.shadow_batches
    if failed >= needed:
        reason = f"It failed on {failed} of {len(runs)} batches in shadow: {runs[-1].error or 'no value'}."
        refuse(workspace, release, reason, as_of)
        return reason
    if good < needed:
        return f"{release.release_id} has shadowed {good} of {needed} batches."
    return _judge(workspace, release, as_of)


def _judge(workspace: Workspace, release: Release, as_of: datetime) -> str:
    decides = champion(workspace.ledger, release.use_case)
    assert decides is not None  # a release in shadow stands beside a champion
    since = max(_taught_until(workspace, one) for one in (release, decides.release))
    until = mature_until(workspace, as_of)
    held = held_cohorts(workspace.ledger, release.use_case)
    try:
        batches = mature_batches(workspace, since + timedelta(microseconds=1), until, as_of, held)
    except UsageError as nothing:
        return f"{release.release_id} waits: no decision that it has not learnt from is mature ({nothing})."
    rules = gate_rules(workspace.use_case, 2)
    challenger, champion_side = (contender_of(workspace, one, batches) for one in (release, decides.release))
    evidence = gather_evidence(workspace.use_case, batches, challenger, champion_side, rules)
    verdict = judge(evidence, rules)
    keep_verdict(workspace, as_of, GateAnswer(2, release.release_id, decides.release_id, verdict, evidence))
    if verdict.decision == "promote":
        promote(workspace, release, verdict.reason, as_of)
    elif verdict.decision == "refuse":
        refuse(workspace, release, verdict.reason, as_of)
    return f"{release.release_id}: {verdict.decision}. {verdict.reason}"


def _taught_until(workspace: Workspace, release: Release) -> datetime:
    """As-of of the last cohort that taught a release; rules learnt from none."""
    if release.training_set_id is None:
        return datetime.min.replace(tzinfo=release.created_at.tzinfo, year=1970)
    fact = find_training_set(workspace.ledger, release.training_set_id)
    assert fact is not None  # the ledger refers to it by a foreign key
    return fact.cohort_to
