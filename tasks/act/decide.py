"""Steps of act: choose an action for everyone, log it, let it out. Choosing and logging go over the batch's parts."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from decisionloop.act.constraints import BatchTotals, UnknownCost
from decisionloop.act.guardrails import GuardFinding, guard_after, guard_before
from decisionloop.act.policy import plan_batch
from decisionloop.act.prices import InfeasibleConstraints, Plan
from decisionloop.dispatch.opening import open_actuator
from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.batches import Scalar, batch_state, latest_detail
from decisionloop.ledger.flags import is_kill_switch_on
from decisionloop.ledger.releases import baseline
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stage_costs import ledger_bytes
from decisionloop.metering import Meter, StageCost
from decisionloop.workspace import Workspace, open_workspace
from tasks.act.choose import ChosenPart, choose_actions, log_decisions, situations
from tasks.act.deliver import send_pending
from tasks.act.log_in_ranges import log_in_ranges
from tasks.predict.due import refuse_overtaken
from tasks.readback.parts import each_part
from tasks.readback.situation import score_shift_of
from tasks.readback.stages import reached, release_of, scope_of
from tasks.readback.tables import batch_of
from tasks.step import step
from tasks.tell.announcements import announce, publish
from tasks.tell.batch_page import batch_markdown
from tasks.tell.halting import halt, halt_where_jumped
from tasks.watch.impact import watch_groups
from tasks.watch.outputs import Chosen, watch_actions


@step
def decide_batch(use_case: str, batch_id: str) -> str:
    """Choose an action for everyone under the guardrails and log it; returns a sentence.

    A violated guardrail halts the batch with BatchHalted: nothing is logged as decided and nothing leaves.
    """
    workspace = open_workspace(use_case)
    if batch_state(workspace.ledger, batch_id) != "scored":
        return "decided before"
    refuse_overtaken(workspace, batch_id)
    scored = latest_detail(workspace.ledger, batch_id, "scored")
    champion, profile = release_of(workspace, str(scored["champion"])), str(scored["score_profile"])
    is_killed = is_kill_switch_on(workspace.ledger, use_case)
    shift = None if is_killed else score_shift_of(workspace.use_case, champion, profile)
    _halt_where_violated(workspace, batch_id, guard_before(workspace.use_case, is_killed, shift))
    totals, agreed, planning = _plan(workspace, batch_id, is_killed)
    parts = each_part(workspace, choose_actions, batch_id, is_killed, totals, agreed)
    chosen = _chosen(parts)
    if not is_killed:  # the kill switch hands over to the rules at once, whatever their shares
        tally = functools.reduce(lambda one, other: one + other, (part.tally for part in parts))
        _halt_where_violated(workspace, batch_id, guard_after(workspace.use_case, tally))
        halt_where_jumped(workspace, batch_id, "jump", watch_actions(workspace, batch_id, champion, chosen))
        if watch_groups(workspace, batch_id, champion, chosen):  # the plug is pulled: the rules choose again
            is_killed = True
            parts = each_part(workspace, choose_actions, batch_id, is_killed, totals, None)
            chosen = _chosen(parts)
    costs = [planning, *(part.cost for part in parts)]
    return _log(workspace, batch_id, champion.release_id, is_killed, chosen, costs)


@step
def dispatch_batch(use_case: str, batch_id: str) -> int:
    """Send what the outbox holds of this batch, log each delivery, complete the batch; returns how many went.

    Raises DeliveryError when the receiver does not acknowledge; what was not delivered stays in the outbox.
    """
    workspace = open_workspace(use_case)
    if batch_state(workspace.ledger, batch_id) in {"complete", "covered"}:
        return 0
    settings = workspace.settings
    actuator = open_actuator(workspace.use_case, settings.home, settings.delivery_timeout_seconds)
    with Meter("dispatch", None, scope_of(workspace)) as meter:
        before = ledger_bytes(workspace.ledger)
        sent = send_pending(workspace, batch_id, actuator)
        meter.add(sent, max(0, ledger_bytes(workspace.ledger) - before))
    reached(workspace, batch_id, "complete", {"sent": sent}, [meter.cost])
    announce("batch.completed", use_case, batch_id, {"sent": sent})
    publish(f"batch-{batch_id}", batch_markdown(workspace, batch_id))
    return sent


def _plan(workspace: Workspace, batch_id: str, is_killed: bool) -> tuple[BatchTotals, Plan | None, StageCost]:
    """What the parts must agree on before anyone chooses; constraints that cannot be kept halt the batch."""
    use_case, parts = workspace.use_case, len(parts_of(workspace.ledger, batch_id, "due"))
    nothing = BatchTotals(0, ())
    with Meter("decide", None, scope_of(workspace)) as meter:
        if not use_case.policy.constraints:
            return nothing, None, meter.cost
        each = [BatchTotals.of(use_case, frame) for frame, _ in situations(workspace, batch_id, parts)]
        totals = functools.reduce(lambda one, other: one + other, each)
        if is_killed:
            return totals, None, meter.cost
        as_of = batch_of(workspace, batch_id).as_of
        try:
            agreed = plan_batch(use_case, as_of, totals, lambda: situations(workspace, batch_id, parts))
        except (InfeasibleConstraints, UnknownCost) as error:
            remedy = "Change policy.constraints, then run the batch again."
            halt(workspace, batch_id, "constraint", [str(error)], [remedy])
    return totals, agreed, meter.cost


def _chosen(parts: Sequence[ChosenPart]) -> Chosen:
    """What was chosen in all parts together."""
    actions = functools.reduce(lambda one, other: one + other, (part.actions for part in parts))
    return Chosen(actions, functools.reduce(lambda one, other: one + other, (part.groups for part in parts)))


def _log(
    workspace: Workspace, batch_id: str, champion: str, is_killed: bool, chosen: Chosen, costs: Sequence[StageCost]
) -> str:
    """Log every part, then say that the batch is decided: only then may anything of it leave."""
    rules = baseline(workspace.ledger, workspace.use_case.name)
    assert rules is not None  # the batch could not have been scored without
    before = ledger_bytes(workspace.ledger)
    parts = len(parts_of(workspace.ledger, batch_id, "due"))
    by_whom = (champion, rules.release_id, utc_now(), is_killed)
    if parts > 1 and workspace.ledger.is_sqlite:
        logged = log_in_ranges(workspace, batch_id, *by_whom, parts)
    else:
        logged = each_part(workspace, log_decisions, batch_id, *by_whom)
    grown = StageCost("log", None, 0, 0.0, max(0, ledger_bytes(workspace.ledger) - before))
    decisions, messages = sum(part.decisions for part in logged), sum(part.messages for part in logged)
    detail: dict[str, Scalar] = {
        "decisions": decisions,
        "messages": messages,
        "decided_by": rules.release_id if is_killed else champion,
        "actions": chosen.actions.to_json(),
        "groups": chosen.groups.to_json(),
    }
    reached(workspace, batch_id, "decided", detail, [*costs, *(part.cost for part in logged), grown])
    return f"{decisions} decided, {messages} to send"


def _halt_where_violated(workspace: Workspace, batch_id: str, findings: tuple[GuardFinding, ...]) -> None:
    stopping = [finding for finding in findings if finding.is_violated and finding.consequence == "halt"]
    if stopping:
        halt(workspace, batch_id, "guardrail", [str(f) for f in stopping], [f.remedy for f in stopping])
