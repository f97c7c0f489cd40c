"""Keep the answer to whether to retrain, and say it where people look."""

from __future__ import annotations

from decisionloop.contract import UseCase
from decisionloop.learn.trigger_state import TriggerDecision, TriggerRules, TriggerState
from decisionloop.ledger.verdicts import LearnRun, append_learn_run
from decisionloop.workspace import Workspace
from tasks.learn.trigger_state import Asked
from tasks.tell.announcements import announce, publish

HEADINGS = {"retrain": "Retraining", "wait": "Not retraining yet", "refuse": "Retraining refused"}


def trigger_rules(use_case: UseCase) -> TriggerRules:
    """The contract's monitors as the rules of the triggers."""
    monitors = use_case.monitors
    return TriggerRules(
        minimum_outcomes=monitors.minimum_outcomes,
        minimum_events=monitors.minimum_events,
        maximum_auc_drop=monitors.maximum_auc_drop,
        interval_days=monitors.retrain_every_days,
        cooldown_days=monitors.cooldown_days,
        maximum_calibration_gap=monitors.maximum_calibration_gap,
        retraining_cost=monitors.retraining_cost,
        growth=monitors.retrain_growth,
    )


def keep_answer(workspace: Workspace, state: TriggerState, decision: TriggerDecision, asked: Asked) -> str:
    """Append the answer to the ledger, announce a retraining, publish why as an artifact; returns its trigger.

    In the ledger the trigger of a yes is who asked; of a no it is "wait" or "refuse", or "none" if nobody asked.
    """
    use_case, day = workspace.use_case.name, f"{state.as_of:%Y-%m-%d}"
    refusal = decision.verdict if decision.trigger != "none" else "none"
    trigger = decision.trigger if decision.is_triggered else refusal
    reason = " ".join([decision.reason, *_brought_by(asked, decision)])
    run = LearnRun(use_case, state.as_of, trigger, decision.is_triggered, reason, state.as_of)
    append_learn_run(workspace.ledger, run)
    if decision.is_triggered:
        announce("retraining.triggered", use_case, day, {"trigger": decision.trigger, "reason": reason})
    publish(
        f"retraining-{use_case}-{day}", _markdown(state, decision, asked), f"Whether {use_case} is retrained, and why."
    )
    return trigger


def _brought_by(asked: Asked, decision: TriggerDecision) -> list[str]:
    """What the ledger keeps beside the answer: the measurement of an event, the words of who did not insist."""
    if asked.event:
        return [f"Event {asked.event.name}: {asked.event.measurement}"]
    return [f"Asked for: {asked.reason}"] if asked.reason and decision.trigger != "manual" else []


def _markdown(state: TriggerState, decision: TriggerDecision, asked: Asked) -> str:
    asks = "nobody" if decision.trigger == "none" else decision.trigger.replace("_", " ")
    lines = [f"# {HEADINGS[decision.verdict]}: {asks} asked", "", decision.reason, ""]
    if asked.event:
        lines += [f"Started by the event `{asked.event.name}`: {asked.event.words}", ""]
        lines += ["```json", asked.event.measurement, "```", ""]
    elif asked.reason and decision.trigger != "manual":
        lines += [f"Asked for by a person: {asked.reason}", ""]
    lines += [
        f"{state.mature_outcomes:,} outcomes could teach ({state.mature_events:,} of the rarer class); "
        f"{state.new_outcomes:,} of them no training has seen. Cohorts held back: {state.cohorts_held_back}.",
        "",
    ]
    if state.incidents:
        lines += [
            "| open incident | since | mature outcomes since | at stake a decision | |",
            "|---|---|---:|---:|---|",
        ]
    for one in state.incidents:
        stake = "unknown" if one.stake is None else f"{one.stake:.3g}"
        lines.append(f"| {one.family} | {one.since:%Y-%m-%d} | {one.outcomes_since:,} | {stake} | {one.words} |")
    return "\n".join(lines).rstrip() + "\n"
