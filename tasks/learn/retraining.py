"""Steps of learn: review challengers, ask the triggers, build the training set, train, judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from decisionloop.errors import UsageError
from decisionloop.learn.alarm_event import read_alarm_event
from decisionloop.learn.candidates import Kind
from decisionloop.learn.evidence import gate_rules, gather_evidence
from decisionloop.learn.gate import judge
from decisionloop.learn.training_set import build_training_rows
from decisionloop.learn.triggers import decide_retraining
from decisionloop.ledger.releases import champion, current_stages, shadows
from decisionloop.ledger.verdicts import TrainingSet as TrainingSetFact
from decisionloop.ledger.verdicts import append_training_set, find_training_set, learn_runs
from decisionloop.workspace import Workspace, open_workspace
from tasks.keep import keep_table
from tasks.learn.candidates import contender_of, find_candidates, train_and_keep
from tasks.learn.release_stages import enter_shadow, refuse
from tasks.learn.retraining_answer import keep_answer, trigger_rules
from tasks.learn.second_look import review_shadow
from tasks.learn.training_rows import manifest_of, training_rows_of
from tasks.learn.trigger_state import Asked, trigger_state
from tasks.learn.verdicts import GateAnswer, keep_verdict
from tasks.readback.mature_decisions import mature_batches, training_window
from tasks.step import step


@dataclass(frozen=True)
class Trigger:
    """Whether to retrain, why, and which kinds of candidate to train."""

    is_triggered: bool
    reason: str
    candidates: tuple[Kind, ...]


@step
def review_challengers(use_case: str, as_of: datetime) -> str:
    """Give every challenger its second look when it is due; returns what happened in a sentence."""
    workspace = open_workspace(use_case)
    answers = [review_shadow(workspace, shadow.release, as_of) for shadow in shadows(workspace.ledger, use_case)]
    return " ".join(answers) or "No challenger is in shadow."


@step
def check_triggers(
    use_case: str,
    as_of: datetime,
    reason: str = "",
    is_forced: bool = False,
    candidates: Sequence[Kind] | None = None,
    event: Mapping[str, object] | None = None,
) -> Trigger:
    """Ask whether to retrain as of ``as_of``, and keep the answer with its reason; a yes is not taken back.

    A person gives a ``reason`` (and insists with ``is_forced``) and may choose the kinds of ``candidates``; an
    automation gives the ``event`` that it is an answer to. Raises UsageError for what cannot be meant.
    """
    asked = Asked(reason.strip(), is_forced, None if event is None else read_alarm_event(event))
    if candidates is not None and not candidates:
        raise UsageError("candidates: an empty list trains nothing. Name a kind, or leave it out for the contract's.")
    workspace = open_workspace(use_case)
    kinds = tuple(dict.fromkeys(candidates or workspace.use_case.model.candidates))
    if not asked.is_forced:
        answered = [run for run in learn_runs(workspace.ledger, use_case) if run.as_of == as_of]
        # A yes stands, for this run may have to finish what a killed one began; a no, until somebody asks.
        standing = [run for run in answered if run.is_triggered or not asked.is_by_somebody]
        if standing:
            last = max(standing, key=lambda run: run.is_triggered)
            return Trigger(last.is_triggered, last.reason, kinds)
    state = trigger_state(workspace, as_of, asked)
    decision = decide_retraining(state, trigger_rules(workspace.use_case))
    keep_answer(workspace, state, decision, asked)
    return Trigger(decision.is_triggered, decision.reason, kinds)


@step
def build_training_set(use_case: str, as_of: datetime) -> str:
    """Freeze which decisions teach, what they teach and with what weight; returns the training set's id."""
    workspace = open_workspace(use_case)
    since, until = training_window(workspace, as_of)
    batches = mature_batches(workspace, since, until, as_of)
    rows = build_training_rows(workspace.use_case, batches.log, batches.frame)
    cohorts = batches.log["as_of"]
    kept = append_training_set(
        workspace.ledger,
        use_case,
        as_of,
        cohorts.min().to_pydatetime(),
        cohorts.max().to_pydatetime(),
        len(rows),
        keep_table(workspace, manifest_of(rows), "training_set"),
    )
    return kept.training_set_id


@step
def train_candidate(use_case: str, training_set_id: str, kind: Kind) -> str:
    """Train one kind of candidate, compile it, log it to MLflow and register it; returns its release id."""
    workspace = open_workspace(use_case)
    for known in current_stages(workspace.ledger, use_case):
        if (known.release.training_set_id, known.release.kind) == (training_set_id, kind):
            return known.release_id
    return train_and_keep(workspace, _training_set(workspace, training_set_id), kind)


@step
def judge_candidates(use_case: str, as_of: datetime, training_set_id: str, release_ids: Sequence[str]) -> str:
    """First look: compare each candidate with the champion out of fold; the best that passes goes into shadow."""
    workspace = open_workspace(use_case)
    stages = {known.release_id: known.stage for known in current_stages(workspace.ledger, use_case)}
    if all(stages[release_id] != "candidate" for release_id in release_ids):
        return "judged before"
    _, every_batch = training_rows_of(workspace, _training_set(workspace, training_set_id))
    batches = every_batch.policy_traffic()
    decides = champion(workspace.ledger, use_case)
    assert decides is not None  # the use case has decided, or nothing could teach
    rules = gate_rules(workspace.use_case, 1)
    theirs = contender_of(workspace, decides.release, batches.frame)
    records = find_candidates(workspace, release_ids, batches.log["decision_id"].to_numpy(dtype=object))
    answers, passed = [], []
    for record in records:
        evidence = gather_evidence(workspace.use_case, batches, record.contender, theirs, rules)
        verdict = judge(evidence, rules)
        answer = GateAnswer(1, record.release.release_id, decides.release_id, verdict, evidence)
        keep_verdict(workspace, as_of, answer)
        answers.append(f"{record.release.kind}: {verdict.decision}. {verdict.reason}")
        if verdict.decision == "promote":
            passed.append((evidence.money.value or 0.0, record.release, verdict.reason))
        else:
            refuse(workspace, record.release, verdict.reason, as_of)
    passed.sort(key=lambda one: one[0], reverse=True)
    for rank, (_, release, reason) in enumerate(passed):
        if rank == 0:
            enter_shadow(workspace, release, reason, as_of)
        else:
            refuse(workspace, release, "Another candidate of this training would have earned more.", as_of)
    return " ".join(answers)


def _training_set(workspace: Workspace, training_set_id: str) -> TrainingSetFact:
    fact = find_training_set(workspace.ledger, training_set_id)
    if fact is None:
        raise UsageError(f"no training set {training_set_id} in the ledger. Build it first.")
    return fact
