"""The first look of the gate: candidates against the champion, both out of fold, on the world that is.

Each kind of model is two candidates: it decides everywhere, or within its support. The error is not divided among them:
this look promises nothing but that one of them is worth a place in shadow. The comparison that it opens, on decisions
that taught none, judges that one alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from decisionloop.endings import Told
from decisionloop.learn.evidence import gate_rules, gather_evidence
from decisionloop.learn.gate import GateEvidence, Verdict, judge
from decisionloop.learn.gate_money import is_untold, most_skilled, surest
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.yearly_error import SHARE
from decisionloop.ledger.releases import champion, current_stages
from decisionloop.workspace import Workspace, open_workspace
from tasks.learn.candidates import CandidateRecord, chosen_on, find_candidates, unlearnt_contender
from tasks.learn.changed_world import changed_since
from tasks.learn.comparisons import open_comparison
from tasks.learn.release_stages import by_gate, enter_shadow, refuse
from tasks.learn.training_rows import training_rows_of, training_set_of
from tasks.learn.verdicts import GateAnswer, keep_verdict
from tasks.release.mlflow_words import describe_versions
from tasks.step import step

SURER = "Another candidate of this training is surer: what it earns at least is as much or more."
UNTOLD = "Another candidate of this training ranks as well or better; what either would earn cannot be told."


@step
def judge_candidates(use_case: str, as_of: datetime, training_set_id: str, release_ids: Sequence[str]) -> str:
    """First look: compare each candidate with the champion out of fold; the surest that passes goes into shadow."""
    workspace = open_workspace(use_case)
    stages = {known.release_id: known.stage for known in current_stages(workspace.ledger, use_case)}
    if all(stages[release_id] != "candidate" for release_id in release_ids):
        return Told("The candidates of this training were judged before.")
    _, batches = training_rows_of(workspace, training_set_of(workspace, training_set_id))
    batches = batches.before(chosen_on(workspace, release_ids))
    changed = changed_since(workspace, as_of, batches)
    recent = batches if changed is None else batches.since(changed)
    decides = champion(workspace.ledger, use_case)
    assert decides is not None  # the use case has decided, or nothing could teach
    rules, theirs = gate_rules(workspace.use_case, 1), unlearnt_contender(workspace, decides.release, recent)
    answers, passed = [], []
    # In one order, whatever the run was killed in before it: the ledger numbers what happens to releases.
    for record in find_candidates(workspace, sorted(release_ids), recent):
        evidence = gather_evidence(workspace.use_case, recent, record.contender, theirs, rules)
        evidence = replace(evidence, judged_since="" if changed is None else f"{changed:%Y-%m-%d}")
        verdict = judge(evidence, rules)
        answer = GateAnswer(1, record.release.release_id, decides.release_id, verdict, evidence)
        grounds = by_gate(verdict.reason, as_of, keep_verdict(workspace, as_of, answer))
        answers.append(f"{_called(record)}: {verdict.decision}. {verdict.reason}")
        # A slow reading may be the machine's: in shadow the candidate is measured again, and decides nothing.
        is_worth_it = verdict.decision == "promote" or verdict.waits_only_for("latency")
        if is_worth_it or _may_look_on(workspace, verdict, evidence):
            passed.append((evidence, record, grounds))
        else:
            refuse(workspace, record.release, grounds)
    # That of a year's first comparison, and not of the one that comes: a killed run that is repeated chooses the same.
    deciding = 1 - SHARE * workspace.use_case.gate.yearly_error
    shown = [evidence for evidence, _, _ in passed]
    best = None if not shown else most_skilled(shown) if is_untold(shown) else surest(shown, deciding)
    for rank, (_, record, grounds) in enumerate(passed):
        if rank == best:
            if not is_untold(shown):
                _open(workspace, record, recent, as_of)
            enter_shadow(workspace, record.release, grounds)
        else:
            better = UNTOLD if is_untold(shown) else SURER
            refuse(workspace, record.release, replace(grounds, reason=better))
    describe_versions(workspace)  # also of those that are refused, for whom no alias moves
    return Told(" ".join(answers), "Refused" if best is None else "Promoted to shadow")


def _may_look_on(workspace: Workspace, verdict: Verdict, evidence: GateEvidence) -> bool:
    """Whether a candidate may stand beside another system though nobody can tell its money: it decides nobody there."""
    cannot_tell = evidence.overlap.unknown_n > 0 and not any(one.is_passed is False for one in verdict.checks)
    return workspace.use_case.is_observing and cannot_tell


def _called(record: CandidateRecord) -> str:
    return record.release.kind if record.contender.supported is None else f"{record.release.kind} within support"


def _open(workspace: Workspace, record: CandidateRecord, before: LoggedBatches, as_of: datetime) -> None:
    """Open its comparison with the champion. Before it is in shadow: a killed run is repeated until it is there."""
    decides = champion(workspace.ledger, workspace.use_case.name)
    assert decides is not None  # judged beside it
    theirs = unlearnt_contender(workspace, decides.release, before)
    open_comparison(workspace, (record.release, decides.release), (record.contender, theirs), before, as_of)
