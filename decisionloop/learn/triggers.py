"""Whether to retrain now, to wait, or not to: asked of what is known, answered with a reason.

Somebody has to ask: there is no model yet, none has come of it and twice as many outcomes are known as at the last
attempt, an alarm that a retraining can answer is open, the schedule is due, or a person insists. Whoever asks is told
to wait while too few outcomes are known, a training is too recent, or the outcomes of the changed world have not
matured (a model that learns from the old world is no answer to the new one); and is refused when the retraining would
cost more than it could save. Cohorts that are held back for their missing outcomes do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.errors import UsageError
from decisionloop.learn.decay import auc_decay, calibration_decay
from decisionloop.observe.estimate import Estimate

Trigger = Literal[
    "first_model",
    "more_outcomes",
    "schedule",
    "auc_decay",
    "calibration",
    "drift",
    "value_lost",
    "manual",
    "event",
    "none",
]
Verdict = Literal["retrain", "wait", "refuse"]

CALLS_FOR_TRAINING: dict[MonitorFamily, Trigger] = {
    "performance": "auc_decay",
    "value": "value_lost",
    "inputs": "drift",
    "outputs": "drift",
    "feedback": "drift",
}
"""Which alarms a retraining can answer, most telling first. It cannot heal labels, skew or adverse impact."""
GROWTH = 2.0
"""Outcomes, relative to those known at the last training, that ask for another: what is left to learn falls with their
number, so the first trainings follow each other quickly, as long as none of them has come to anything."""
OF_NO_CHANGE: tuple[Trigger, ...] = ("more_outcomes", "schedule")
"""What asks though nothing has happened, and lets others go first."""
DAYS_WITHOUT_SCHEDULE = 365.0
"""How long a loss is taken to go on where no schedule would end it."""


@dataclass(frozen=True)
class TriggerRules:
    """minimum_outcomes: mature revealed outcomes needed to train; minimum_events: of which of the rarer class.
    maximum_auc_drop, maximum_calibration_gap: what the champion's AUC may lose, and by how much observed and
    predicted rate may differ; both must be surely exceeded. interval_days None: no schedule. cooldown_days: pause
    after any training, promoted or not. retraining_cost: in currency, what a retraining must at least save."""

    minimum_outcomes: int
    minimum_events: int
    maximum_auc_drop: float
    interval_days: float | None
    cooldown_days: float
    maximum_calibration_gap: float = 1.0
    retraining_cost: float = 0.0


@dataclass(frozen=True)
class IncidentEvidence:
    """An incident that nobody has closed: since which batch, the mature outcomes of that batch and later ones, the
    money at stake in currency per decision (None: nobody can say), and what happened in words."""

    family: MonitorFamily
    since: datetime
    outcomes_since: int
    stake: float | None
    words: str


@dataclass(frozen=True)
class TriggerState:
    """What is known at ``as_of`` (all times timezone-aware).

    mature_outcomes      revealed outcomes of mature cohorts that a training set would hold
    mature_events        of these, the rarer class; equal to mature_outcomes where the outcome has no class
    new_outcomes         of these, how many matured after the last training
    has_model            whether any model (not the rules) is champion, challenger or was one
    is_unchallenged      whether the rules decide and nobody stands beside them: no training has come to anything
    last_trained_at      None before the first training
    champion_auc         selection-weighted AUC of the champion on the latest mature cohort; None for rules
    auc_bound            its upper bound by the alarm that the cohort raised about it; None: it raised none
    reference_auc        the champion's AUC when it was released; None for rules
    calibration_gap      how far observed and predicted rate of that cohort lie apart; None where it was not measured
    calibration_bound    the least of it by the alarm that the cohort raised about it; None: it raised none
    auc_cohort           name of that cohort
    is_cohort_mature     whether its maturity date has passed
    outcomes_since_cohort  mature outcomes of that cohort and later ones
    cohorts_held_back    cohorts recent enough to teach whose outcomes do not count, because they are held back
    incidents            open incidents of every family
    decisions_per_day    how many decisions the use case takes
    event                name of the alarm event that brought this run; its family (event_family) asks first
    request              what a person wrote who started this run; with is_forced that person insists
    """

    as_of: datetime
    mature_outcomes: int
    mature_events: int
    new_outcomes: int
    has_model: bool
    is_unchallenged: bool = False
    last_trained_at: datetime | None = None
    champion_auc: Estimate | None = None
    auc_bound: float | None = None
    reference_auc: float | None = None
    calibration_gap: Estimate | None = None
    calibration_bound: float | None = None
    auc_cohort: str = ""
    is_cohort_mature: bool = False
    outcomes_since_cohort: int = 0
    cohorts_held_back: int = 0
    incidents: tuple[IncidentEvidence, ...] = ()
    decisions_per_day: float = 0.0
    event: str = ""
    event_family: MonitorFamily | None = None
    request: str = ""
    is_forced: bool = False


@dataclass(frozen=True)
class TriggerDecision:
    """What to do, who asked for a retraining ("none": nobody), and why (or why not) in words."""

    verdict: Verdict
    trigger: Trigger
    reason: str

    @property
    def is_triggered(self) -> bool:
        """Whether to train now."""
        return self.verdict == "retrain"


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
    is_settled = all(answer.verdict != "wait" for answer in answers)
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
        return f"No outcome has matured since the last training.{_asks_at(state)}", []
    words, measured = _measured(state, rules)
    is_known = any(incident.family == "performance" for incident in state.incidents)
    asks = [] if is_known else measured
    for family, trigger in CALLS_FOR_TRAINING.items():
        asks += [_of_incident(incident, trigger, state) for incident in state.incidents if incident.family == family]
    asks.sort(key=lambda ask: ask.trigger != "event")
    if state.is_unchallenged and state.mature_outcomes >= _enough_to_ask(state):
        told = f"No training has seen {state.new_outcomes:,} of the {state.mature_outcomes:,} outcomes that are known."
        asks.append(_Ask("more_outcomes", told))
    due = _days_to_schedule(state, rules)
    if due is not None and due <= 0:
        asks.append(_Ask("schedule", f"The schedule asks for it: {rules.interval_days:g} days have passed."))
    wait = "No schedule is set." if due is None else f"The schedule asks in {due:.0f} days."
    return f"{words} {wait}{_asks_at(state)}", asks


def _enough_to_ask(state: TriggerState) -> float:
    """Outcomes that ask for another training where none has come to anything."""
    return GROWTH * (state.mature_outcomes - state.new_outcomes)


def _asks_at(state: TriggerState) -> str:
    """Which number of outcomes asks before any schedule does; "" where somebody stands beside the rules or decides."""
    if not state.is_unchallenged:
        return ""
    enough = _enough_to_ask(state)
    return f" Whenever {enough:,.0f} outcomes are known they ask too: {state.mature_outcomes:,} are now."


def _of_incident(incident: IncidentEvidence, trigger: Trigger, state: TriggerState) -> _Ask:
    words = f"Open since {incident.since:%Y-%m-%d} ({incident.family}): {incident.words}"
    if incident.family == state.event_family:
        trigger, words = "event", f"{state.event}. {words}"
    return _Ask(trigger, words, incident.outcomes_since, incident.stake)


def _answer(ask: _Ask, state: TriggerState, rules: TriggerRules) -> TriggerDecision:
    """Yes, unless the outcomes of the changed world are immature, or less is at stake than a retraining costs."""
    if ask.outcomes is not None:
        usable = min(ask.outcomes, state.new_outcomes)
        if usable < rules.minimum_outcomes:
            return TriggerDecision(
                "wait",
                ask.trigger,
                f"{ask.words} Of the outcomes since then that no training has seen, {usable:,} have matured and "
                f"{rules.minimum_outcomes:,} are needed: a model that learns from older ones learns the old world.",
            )
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
