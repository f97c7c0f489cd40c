"""``decisionloop status``: who decides now, what the last batches did, and what waits for a person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from decisionloop.cli.cohorts import held_line
from decisionloop.cli.costs import cost_status
from decisionloop.cli.demo_home import finished_demos
from decisionloop.cli.evidence import evidence_of
from decisionloop.cli.exploring import exploring_lines
from decisionloop.cli.figures import MoneyStatus, ToldFigure
from decisionloop.cli.known_use_case import named_use_cases
from decisionloop.cli.missed import missed_lines
from decisionloop.cli.monitors import MonitorStatus, monitor_line, monitor_states
from decisionloop.cli.observing import MODE, observing_lines
from decisionloop.cli.outbox import waiting_line
from decisionloop.cli.overridden import OverrideStatus, overrides_of
from decisionloop.cli.readings import ReadingStatus, troubled_readings
from decisionloop.cli.shadow import audited_lines, on_trial_line
from decisionloop.cli.status_without_contract import lines_of_ledger
from decisionloop.cli.status_words import StatusWords, records_of
from decisionloop.cli.told_people import awaits_approval, last_alerts, last_drills, notices_not_taken
from decisionloop.cli.value_status import last_value, value_text
from decisionloop.errors import ContractError
from decisionloop.settings import load_settings
from decisionloop.workspace import Workspace, workspaces_to_look_at

if TYPE_CHECKING:
    from decisionloop.ledger.releases import ReleaseStage
    from decisionloop.ledger.worker_turns import TurnMemory
    from decisionloop.report.record.evidence import ActionFigures

LAST_BATCHES = 5
SWITCHED = {"off": "off", "on": "on: the rules decide", "default": "default: everybody gets the default action"}


@dataclass(frozen=True)
class ActionStatus:
    """One action over all complete cohorts.

    ``value`` and ``lift`` over the rules are a decision for which the action was preferred, told of ``valued`` and of
    ``compared`` of its ``decisions``; ``acquisition_cost`` and
    ``customer_value`` for each yes of those who got it.
    """

    action: str
    decisions: int
    valued: int
    value: ToldFigure
    compared: int
    lift: ToldFigure
    acquisition_cost: ToldFigure
    customer_value: ToldFigure
    text: str


@dataclass(frozen=True)
class Status:
    """One use case at this moment."""

    use_case: str
    title: str
    mode: str
    champion: str
    in_shadow: tuple[str, ...]
    on_trial: str
    shadow_audits: tuple[str, ...]
    not_compiled: tuple[str, ...]
    kill_switch: str
    flags: tuple[str, ...]
    last_drill: str
    last_restore_drill: str
    last_batches: tuple[str, ...]
    exploring: tuple[str, ...]
    missed: tuple[str, ...]
    outcome_readings: tuple[ReadingStatus, ...]
    undelivered: int
    awaits_approval: tuple[str, ...]
    held: tuple[str, ...]
    held_cohorts: tuple[str, ...]
    value_per_decision: str
    money: MoneyStatus | None
    stop_losses: tuple[str, ...]
    observed: tuple[str, ...]
    overrides: OverrideStatus | None
    is_value_of_held_cohort: bool
    actions: tuple[ActionStatus, ...]
    promises: tuple[str, ...]
    at_stake_per_batch: float | None
    at_stake: str
    untold: str
    caveats: tuple[str, ...]
    serving_cost: str
    serving_cost_per_1000: float | None
    serving_cost_share: float | None
    serving_cost_by_release: tuple[str, ...]
    last_verdict: str
    last_alerts: tuple[str, ...]
    monitors: tuple[MonitorStatus, ...]
    undelivered_notices: tuple[str, ...]
    demos: tuple[str, ...]
    turn_memory: TurnMemory | None
    currency: str


def show_status(name: str, is_json: bool) -> None:
    """Print the status of one use case, or of all.

    A contract that cannot be read hides no other use case, nor what the ledger knows of its own: its faults are told
    after these. Raises ContractError.
    """
    states, by_ledger, broken = [], [], None
    for one in named_use_cases(name):
        try:
            with workspaces_to_look_at([one]) as (workspace,):
                states.append(status_of(workspace))
        except ContractError as faults:
            broken = faults if broken is None else broken.with_those_of(faults)
            by_ledger += ["\n".join(lines)] if (lines := lines_of_ledger(one, load_settings(), LAST_BATCHES)) else []
    if is_json:
        typer.echo(json.dumps([asdict(state) for state in states], sort_keys=True))
    elif states or by_ledger:
        typer.echo("\n\n".join([*(as_text(state) for state in states), *by_ledger]))
    if broken is not None:
        raise broken


def status_of(workspace: Workspace) -> Status:
    """Read the status from the ledger."""
    from decisionloop.ledger.batches import batches
    from decisionloop.ledger.flags import switch_of
    from decisionloop.ledger.held_actions import waiting_actions
    from decisionloop.ledger.held_cohorts import held_cohorts
    from decisionloop.ledger.outbox import count_pending
    from decisionloop.ledger.releases import challengers, champion
    from decisionloop.ledger.summary import batch_summary
    from decisionloop.ledger.worker_turns import turn_memory

    ledger, name = workspace.ledger, workspace.use_case.name
    decides, beside = champion(ledger, name), challengers(ledger, name)
    held, switch, last = held_cohorts(ledger, name), switch_of(ledger, name), batches(ledger, name)[-LAST_BATCHES:]
    value, proof, watched = last_value(workspace), evidence_of(workspace), monitor_states(workspace)
    cost = cost_status(workspace, None if value is None else float(value["value"]))
    words = StatusWords.of(records_of(workspace, proof, watched), workspace.use_case.economics.currency)
    return Status(
        use_case=name,
        title=workspace.use_case.title,
        mode=workspace.use_case.mode,
        champion=decides.release_id if decides else "nobody yet",
        in_shadow=tuple(stage.release_id for stage in beside if stage.stage == "shadow"),
        on_trial=on_trial_line([stage for stage in beside if stage.stage == "canary"]),
        shadow_audits=audited_lines(ledger, beside),
        not_compiled=_not_compiled([stage for stage in (decides, *beside) if stage]),
        kill_switch=SWITCHED[switch.position_for(decides.release_id) if decides else switch.position],
        flags=tuple(one.as_text() for one in switch.holding),
        **last_drills(ledger, name),
        last_batches=tuple(batch_summary(ledger, batch.batch_id).as_text() for batch in last),
        exploring=exploring_lines(workspace, LAST_BATCHES),
        missed=missed_lines(workspace),
        outcome_readings=troubled_readings(workspace, LAST_BATCHES),
        undelivered=count_pending(ledger, name),
        awaits_approval=awaits_approval(ledger, name),
        held=tuple(waiting_line(one) for one in waiting_actions(ledger, name)),
        held_cohorts=tuple(held_line(name, one) for one in held.values()),
        value_per_decision=value_text(workspace, value),
        money=MoneyStatus.of(proof.money),
        stop_losses=_stop_losses(workspace),
        observed=observing_lines(workspace),
        overrides=overrides_of(workspace),
        is_value_of_held_cohort=value is not None and value["cohort"] in held,
        actions=tuple(action_status(*one) for one in zip(proof.actions, words.actions, strict=True)),
        promises=words.promises,
        **words.in_doubt,
        caveats=words.caveats,
        serving_cost=cost.text,
        serving_cost_per_1000=cost.per_1000_decisions,
        serving_cost_share=cost.share_of_value,
        serving_cost_by_release=cost.by_release,
        last_verdict=words.last_verdict,
        last_alerts=last_alerts(workspace),
        monitors=watched,
        undelivered_notices=notices_not_taken(ledger, name),
        turn_memory=turn_memory(ledger, name),
        demos=() if last else finished_demos(load_settings(), name),
        currency=workspace.use_case.economics.currency,
    )


def action_status(one: ActionFigures, text: str) -> ActionStatus:
    """One action as a script reads it, and in words."""
    return ActionStatus(
        action=one.action,
        decisions=one.decisions,
        valued=one.valued,
        value=ToldFigure.of(one.value),
        compared=one.compared,
        lift=ToldFigure.of(one.lift),
        acquisition_cost=ToldFigure.of(one.acquisition_cost),
        customer_value=ToldFigure.of(one.customer_value),
        text=text,
    )


def _stop_losses(workspace: Workspace) -> tuple[str, ...]:
    """What stops of the rules saved, and what nobody could have known."""
    from decisionloop.report.read.stop_loss import stop_losses_of
    from decisionloop.report.words.stop_loss import stop_loss_sentences

    told = stop_losses_of(workspace.ledger, workspace.use_case)
    return stop_loss_sentences(told, workspace.use_case.economics.currency)


def _not_compiled(stages: Sequence[ReleaseStage]) -> tuple[str, ...]:
    """Why pipelines of the releases decide uncompiled."""
    refusals = ((one.release_id, json.loads(one.release.card_json).get("refusals", ())) for one in stages)
    return tuple(f"{release_id}: {refusal}" for release_id, told in refusals for refusal in told)


def as_text(state: Status) -> str:
    """The status for a terminal."""
    lines = [
        f"{state.use_case}: {state.title}",
        *_who_decides(state),
        f"  in shadow     {', '.join(state.in_shadow) or 'nobody'}",
        *(f"  audited       {line}" for line in state.shadow_audits),
        *(f"  not compiled  {line}" for line in state.not_compiled),
        f"  kill switch   {state.kill_switch}",
        *(f"  holds         {line}" for line in state.flags),
        *([f"  last drill    {state.last_drill}"] if state.last_drill else []),
        *([f"  last restore  {state.last_restore_drill}"] if state.last_restore_drill else []),
        f"  earned        {state.value_per_decision}{', held back' if state.is_value_of_held_cohort else ''}",
        *(f"  stop-loss     {line}" for line in state.stop_losses),
        *(f"  beside        {line}" for line in state.observed),
        *(f"  overridden    {line}" for line in (state.overrides.sentences if state.overrides else ())),
        *(f"  by action     {one.text}" for one in state.actions),
        *(f"  promised      {line}" for line in state.promises),
        *([f"  at stake      {state.at_stake}"] if state.at_stake else []),
        *([f"  but           {state.untold}"] if state.untold else []),
        *(f"  but           {line}" for line in state.caveats),
        f"  costs         {state.serving_cost}",
        *(f"                {line}" for line in state.serving_cost_by_release),
        *([f"  memory        {state.turn_memory.as_text()}"] if state.turn_memory else []),
        f"  undelivered   {state.undelivered} actions",
        *(f"  to approve    {line}" for line in state.awaits_approval),
        *(f"  waits         {line}" for line in state.held),
        *(f"  held back     {line}" for line in state.held_cohorts),
        f"  last verdict  {state.last_verdict or 'none'}",
        *(f"  batch         {line}" for line in state.last_batches),
        *(f"  explores      {line}" for line in state.exploring),
        *(f"  missed        {line}" for line in state.missed),
        *(f"  outcomes      {one.text}" for one in state.outcome_readings),
        *(f"  alert         {line}" for line in state.last_alerts),
        *(f"  watch         {monitor_line(one, state.currency)}" for one in state.monitors),
        *(f"  not notified  {line}" for line in state.undelivered_notices),
        *(f"  demo          {line}" for line in state.demos),
    ]
    return "\n".join(lines)


def _who_decides(state: Status) -> tuple[str, ...]:
    if state.mode == "observe":
        would = f"another system; in mode: decide it would be {state.champion}"
        return f"  mode          {MODE}", f"  decides       {would}"
    return f"  decides       {state.champion}", f"  on trial      {state.on_trial or 'nobody'}"
