"""The step that asks whether to retrain, and keeps the answer with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from decisionloop.endings import Ending, Told
from decisionloop.errors import UsageError
from decisionloop.learn.alarm_event import read_alarm_event
from decisionloop.learn.candidates import Kind
from decisionloop.learn.triggers import decide_retraining
from decisionloop.ledger.verdicts import learn_runs
from decisionloop.workspace import open_workspace
from tasks.learn.retraining_answer import keep_answer, trigger_rules
from tasks.learn.trigger_state import Asked, trigger_state
from tasks.step import step

NO: Mapping[str, Ending] = {"wait": "Not yet", "refuse": "Refused"}


@dataclass(frozen=True)
class Trigger:
    """Whether to retrain, why, which kinds of candidate to train, and the answer as the ledger has it."""

    is_triggered: bool
    reason: str
    candidates: tuple[Kind, ...]
    answer: str = ""

    @property
    def words(self) -> Told:
        """The reason, as a run tells it that ends with this answer."""
        return Told(self.reason, NO.get(self.answer, "Completed"))


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
        answered = learn_runs(workspace.ledger, use_case, as_of)
        # A yes stands, for this run may have to finish what a killed one began; a no, until somebody asks.
        standing = [run for run in answered if run.is_triggered or not asked.is_by_somebody]
        if standing:
            last = max(standing, key=lambda run: run.is_triggered)
            return Trigger(last.is_triggered, last.reason, kinds, last.trigger)
    state = trigger_state(workspace, as_of, asked)
    decision = decide_retraining(state, trigger_rules(workspace.use_case))
    kept = keep_answer(workspace, state, decision, asked)
    return Trigger(decision.is_triggered, decision.reason, kinds, kept)
