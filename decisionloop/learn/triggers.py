"""Whether to retrain now, to wait, or not to: asked of what is known, answered with a reason.

Somebody has to ask: there is no model yet, twice as many outcomes are known as at the last training, an alarm that a
retraining can answer is open, the schedule is due, or a person insists. Whoever asks is told to wait while too few
outcomes are known, a training is too recent, the outcomes of the changed world have not matured (a model that learns
from the old world is no answer to the new one), or are hardly more than the last training has learnt from; and is
refused when the retraining would cost more than it could save. Cohorts that are held back for their missing outcomes do
not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.errors import UsageError
from decisionloop.learn.decay import auc_decay, calibration_decay
from decisionloop.learn.trigger_state import IncidentEvidence, Trigger, TriggerDecision, TriggerRules, TriggerState

CALLS_FOR_TRAINING: dict[MonitorFamily, Trigger] = {
    "performance": "auc_decay",
    "value": "value_lost",
    "inputs": "drift",
    "outputs": "drift",
    "feedback": "drift",
}
"""Which alarms a retraining can answer, most telling first. It cannot heal labels, skew or adverse impact."""
OF_NO_CHANGE: tuple[Trigger, ...] = ("more_outcomes", "schedule")
"""What asks though nothing has happened, and lets others go first."""
DAYS_WITHOUT_SCHEDULE = 365.0
"""How long a loss is taken to go on where no schedule would end it."""


@dataclass(frozen=True)
class _Ask:
    """Who asks for a retraining, why, how many outcomes tell of the world that it should learn, what is at stake."""

    trigger: Trigger
    words: str
    outcomes: int | None = None
    stake: float | None = None


def decide_retraining(state: TriggerState, rules: TriggerRules) -> TriggerDecision:
    """Answer whoever asks, the most telling first; the first who is answered with yes wins.

    Who asks though nothing has happened (growth, the schedule) waits while somebody else waits for the outcomes of a
    changed world: it would teach the old one.
    A person who insists is refused for a shortage of outcomes alone. Raises UsageError when a time has no zone, or
    when somebody insists without saying why.
    """
    _check(state)
    shortage = _shortage(state, rules)
    if state.is_forced:
        if shortage:
            return TriggerDecision("refuse", "manual", f"{shortage} Nobody's word can stand in for outcomes.")
        return TriggerDecision("retrain", "manual", f"A person insists: {state.request.strip()}")
    quiet, asks = _asks(state, rules)
    trigger = asks[0].trigger if asks else "none"
    waits_for = shortage or _cooldown(state, rules) or (None if asks else quiet)
    if waits_for:
        asked = f" It was asked for because: {asks[0].words}" if asks and state.has_model else ""
        return TriggerDecision("wait", trigger, f"{waits_for}{asked}")
    answers = [_answer(ask, state, rules) for ask in asks]
    is_settled = not any(_is_immature(ask, state, rules) for ask in asks)
    wanted = [one for one in answers if one.is_triggered and (is_settled or one.trigger not in OF_NO_CHANGE)]
    return next(iter(wanted), next((answer for answer in answers if answer.verdict == "wait"), answers[0]))


def _check(state: TriggerState) -> None:
    times = [state.as_of, state.last_trained_at, *(incident.since for incident in state.incidents)]
    if any(time is not None and time.tzinfo is None for time in times):
        raise UsageError("retraining triggers need times with a time zone. Pass UTC times.")
    if state.is_forced and not state.request.strip():
        raise UsageError("a forced retraining needs a reason: it passes over the triggers. Say why in `reason`.")


def _asks(state: TriggerState, rules: TriggerRules) -> tuple[str, list[_Ask]]:
    """What a quiet loop says of itself, and everyone who asks for a retraining, the most telling first."""
    if not state.has_model:
        words = f"No model yet, and {state.mature_outcomes:,} mature outcomes are enough for the first."
        return "", [_Ask("first_model", words)]
    if state.new_outcomes <= 0:
        return f"No outcome has matured since the last training.{_asks_at(state, rules)}", []
    words, measured = _measured(state, rules)
    is_known = any(incident.family == "performance" for incident in state.incidents)
    asks = [] if is_known else measured
    for family, trigger in CALLS_FOR_TRAINING.items():
        asks += [_of_incident(incident, trigger, state) for incident in state.incidents if incident.family == family]
    asks.sort(key=lambda ask: ask.trigger != "event")
    if state.mature_outcomes >= _enough_to_ask(state, rules):
        told = f"No training has seen {state.new_outcomes:,} of the {state.mature_outcomes:,} outcomes that are known."
        asks.append(_Ask("more_outcomes", told))
    due = _days_to_schedule(state, rules)
    if due is not None and due <= 0:
        asks.append(_Ask("schedule", f"The schedule asks for it: {rules.interval_days:g} days have passed."))
    wait = "No schedule is set." if due is None else f"The schedule asks in {due:.0f} days."
    return f"{words} {wait}{_asks_at(state, rules)}", asks


def _enough_to_ask(state: TriggerState, rules: TriggerRules) -> float:
    """Outcomes that ask for another training (inf: none do)."""
    return math.inf if rules.growth is None else rules.growth * (state.mature_outcomes - state.new_outcomes)


def _asks_at(state: TriggerState, rules: TriggerRules) -> str:
    """Which number of outcomes asks before any schedule does; "" where none does."""
    enough = _enough_to_ask(state, rules)
    if math.isinf(enough):
        return ""
    return f" Whenever {enough:,.0f} outcomes are known they ask too: {state.mature_outcomes:,} are now."


def _of_incident(incident: IncidentEvidence, trigger: Trigger, state: TriggerState) -> _Ask:
    words = f"Open since {incident.since:%Y-%m-%d} ({incident.family}): {incident.words}"
    if incident.family == state.event_family:
        trigger, words = "event", f"{state.event}. {words}"
    return _Ask(trigger, words, incident.outcomes_since, incident.stake)


def _answer(ask: _Ask, state: TriggerState, rules: TriggerRules) -> TriggerDecision:
    """Yes, unless the outcomes of the changed world are immature, or less is at stake than a retraining costs."""
    too_little = _too_little_is_new(ask, state, rules)
    if too_little:
        return TriggerDecision("wait", ask.trigger, f"{ask.words} {too_little}")
    if ask.stake is not None:
        due = _days_to_schedule(state, rules)
        days = DAYS_WITHOUT_SCHEDULE if due is None else max(due, 0.0)
        saved = ask.stake * state.decisions_per_day * days
        if saved < rules.retraining_cost:
            return TriggerDecision(
                "refuse",
                ask.trigger,
                f"{ask.words} At stake are {ask.stake:.3g} a decision, {saved:,.0f} in the {days:.0f} days until the "
                f"next schedule; a retraining costs {rules.retraining_cost:,.0f}.",
            )
    return TriggerDecision("retrain", ask.trigger, ask.words)


def _too_little_is_new(ask: _Ask, state: TriggerState, rules: TriggerRules) -> str:
    """Why what is known of the changed world teaches nothing that is not known already; "" where it does."""
    if ask.outcomes is None:
        return ""
    new = min(ask.outcomes, state.new_outcomes)
    worth = (rules.growth or 1.0) * (ask.outcomes - new)
    if _is_immature(ask, state, rules):
        return (
            f"Of the outcomes since then that no training has seen, {new:,} have matured and "
            f"{rules.minimum_outcomes:,} are needed: a model that learns from older ones learns the old world."
        )
    if ask.outcomes >= worth:
        return ""
    return (
        f"The last training has learnt from {ask.outcomes - new:,} outcomes since then: {worth:,.0f} are worth "
        f"another, and {ask.outcomes:,} are known."
    )


def _is_immature(ask: _Ask, state: TriggerState, rules: TriggerRules) -> bool:
    """Whether the outcomes of the changed world that could teach something new have not matured."""
    return ask.outcomes is not None and min(ask.outcomes, state.new_outcomes) < rules.minimum_outcomes


def _shortage(state: TriggerState, rules: TriggerRules) -> str | None:
    count = state.cohorts_held_back
    held = "One cohort is" if count == 1 else f"{count} cohorts are"
    held = f" {held} held back: `decisionloop cohorts list`." if count else ""
    if state.mature_outcomes < rules.minimum_outcomes:
        few = f"Only {state.mature_outcomes:,} outcomes have matured; training needs {rules.minimum_outcomes:,}."
        return few + held
    if state.mature_events < rules.minimum_events:
        return (
            f"Only {state.mature_events:,} mature outcomes are of the rarer class; {rules.minimum_events:,} are "
            f"needed to train.{held}"
        )
    return None


def _cooldown(state: TriggerState, rules: TriggerRules) -> str | None:
    if state.last_trained_at is None:
        return None
    left = state.last_trained_at + timedelta(days=rules.cooldown_days) - state.as_of
    if left <= timedelta(0):
        return None
    return f"The last training is too recent: {left / timedelta(days=1):.1f} days of cooldown are left."


def _measured(state: TriggerState, rules: TriggerRules) -> tuple[str, list[_Ask]]:
    """What the latest mature cohort says of the champion's AUC, and the asks that follow from it."""
    auc, gap = state.champion_auc, state.calibration_gap
    if auc is None or state.reference_auc is None:
        return "No model decides, so none can decay.", []
    if not state.is_cohort_mature:
        return f"The outcomes of {state.auc_cohort} are not mature, so its AUC says nothing yet.", []
    decay = auc_decay(auc, state.auc_bound, state.reference_auc, rules.maximum_auc_drop, state.auc_cohort)
    asks = [_Ask("auc_decay", decay.words, state.outcomes_since_cohort)] if decay.is_sure else []
    if gap is not None:
        off = calibration_decay(gap, state.calibration_bound, rules.maximum_calibration_gap, state.auc_cohort)
        asks += [_Ask("calibration", off.words, state.outcomes_since_cohort)] if off.is_sure else []
    return decay.words, asks


def _days_to_schedule(state: TriggerState, rules: TriggerRules) -> float | None:
    if rules.interval_days is None:
        return None
    if state.last_trained_at is None:
        return 0.0
    return rules.interval_days - (state.as_of - state.last_trained_at) / timedelta(days=1)
