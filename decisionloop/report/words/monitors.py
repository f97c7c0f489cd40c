"""What each monitor watches, in the words of the page, and the unit that its figures are read in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from decisionloop.contract import UseCase
from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.monitor.alarm.budget import FAMILIES
from decisionloop.report.words.figures import UNKNOWN, fine_money, number, percent

Unit = Literal["share", "ratio", "money"]


@dataclass(frozen=True)
class FamilyWords:
    """A family of monitors: its heading, and the question that it answers."""

    title: str
    question: str


@dataclass(frozen=True)
class MonitorWords:
    """One monitor. ``wording`` follows a name and a colon, or stands alone; ``family`` is "" for one nobody knows."""

    family: MonitorFamily | Literal[""]
    wording: str
    unit: Unit


_FAMILIES: dict[str, FamilyWords] = {
    "inputs": FamilyWords("What comes in", "Do the facts look as they used to?"),
    "outputs": FamilyWords("What is decided", "Are scores and actions shared out as usual?"),
    "performance": FamilyWords("How well it foresees", "Do outcomes come as the score says?"),
    "labels": FamilyWords("Which outcomes arrive", "Do as many outcomes come as usual, as fast, and of the same kind?"),
    "value": FamilyWords("What it earns", "Is more earned than by the rules and than by the holdout?"),
    "impact": FamilyWords("Who is favoured", "Is every group favoured about as often as the others?"),
    "feedback": FamilyWords("Whether it fools itself", "Is the score as right on cases drawn at random as on its own?"),
    "skew": FamilyWords("Whether it is served the truth", "Are served facts those that their source gives again?"),
}

_PAIRS = "pairs pointed out rightly"
_MONITORS: dict[str, MonitorWords] = {
    "input_shift": MonitorWords("inputs", "moved from its reference", "share"),
    "input_shift_recent": MonitorWords("inputs", "moved against the last batches", "share"),
    "input_change": MonitorWords("inputs", "moved from its reference, however little", "share"),
    "missing_share": MonitorWords("inputs", "share missing, more than in its reference", "share"),
    "unseen_categories": MonitorWords("inputs", "share with an unknown value, more than in its reference", "share"),
    "vanished_categories": MonitorWords("inputs", "share that a vanished value used to have", "share"),
    "score_shift": MonitorWords("outputs", "moved scores", "share"),
    "action_shift": MonitorWords("outputs", "moved actions", "share"),
    "action_share": MonitorWords("outputs", "share of the action", "share"),
    "auc_against_release": MonitorWords("performance", f"{_PAIRS}, against its release", "share"),
    "auc": MonitorWords("performance", f"{_PAIRS}, where outcomes were revealed", "share"),
    "ranking": MonitorWords("performance", f"{_PAIRS}, against its own promise", "share"),
    "auc_weighted": MonitorWords("performance", f"{_PAIRS}, weighted for selection", "share"),
    "auc_estimated": MonitorWords("performance", f"{_PAIRS}, foretold before outcomes", "share"),
    "auc_estimation_error": MonitorWords("performance", f"{_PAIRS}, seen less foretold", "share"),
    "log_loss": MonitorWords("performance", "log loss", "ratio"),
    "calibration": MonitorWords("performance", "gap between foreseen and seen", "share"),
    "calibration_error": MonitorWords("performance", "calibration error", "share"),
    "late_labels": MonitorWords("labels", "outcomes missing so far, beyond the usual", "share"),
    "missing_labels": MonitorWords("labels", "outcomes missing in the end, beyond the usual", "share"),
    "promised_labels": MonitorWords("labels", "outcomes missing in the end, beyond what the contract allows", "share"),
    "label_shortfall": MonitorWords("labels", "outcomes too few for the monitors to judge by", "share"),
    "late_share": MonitorWords("labels", "share of what is missing that will still come", "share"),
    "late_outcome_rate": MonitorWords("labels", "rate of the outcome, of those that come late", "share"),
    "early_outcome_rate": MonitorWords("labels", "rate of the outcome, of those that had come", "share"),
    "outcome_shift": MonitorWords("labels", "rate of the outcome, away from the usual", "share"),
    "outcome_rate": MonitorWords("labels", "rate of the outcome", "share"),
    "value_against_rules": MonitorWords("value", "difference to the rules, all cohorts so far", "money"),
    "value_against_holdout": MonitorWords("value", "difference to the holdout, all cohorts so far", "money"),
    "value_lately_against_rules": MonitorWords("value", "difference to the rules, last cohorts", "money"),
    "value_lately_against_holdout": MonitorWords("value", "difference to the holdout, last cohorts", "money"),
    "value_against_action": MonitorWords("value", "difference to all getting it, all cohorts so far", "money"),
    "value_lately_against_action": MonitorWords("value", "difference to all getting it, last cohorts", "money"),
    "value_over_known_action": MonitorWords("value", "difference to all getting it", "money"),
    "value_estimated": MonitorWords("value", "earned, foretold before outcomes", "money"),
    "value_policy": MonitorWords("value", "earned by what was decided", "money"),
    "value_rules": MonitorWords("value", "earned by the rules alone", "money"),
    "value_holdout": MonitorWords("value", "earned on the holdout", "money"),
    "conversion": MonitorWords("value", "rate of the outcome", "share"),
    "conversion_lift": MonitorWords("value", "rate of the outcome, more than on the holdout", "share"),
    "revenue_per_decision": MonitorWords("value", "amount of the outcome", "money"),
    "false_positive_cost": MonitorWords("value", "lost where acting was wrong", "money"),
    "acquisition_cost_ratio": MonitorWords("value", "cost of acting, for each unit of amount", "ratio"),
    "adverse_impact": MonitorWords("impact", "favoured as often as others", "ratio"),
    "impact_ratio": MonitorWords("impact", "favoured as often as the most favoured", "ratio"),
    "bad_outcome_gap": MonitorWords("impact", "bad outcomes, more than in the reference group", "share"),
    "missed_good_gap": MonitorWords("impact", "good ones missed, more than in the reference group", "share"),
    "feedback_gap": MonitorWords("feedback", "gap between its own choice and chance", "share"),
    "calibration_explored": MonitorWords("feedback", "seen less foreseen, on cases drawn at random", "share"),
    "calibration_selected": MonitorWords("feedback", "seen less foreseen, on its own choice", "share"),
    "auc_explored": MonitorWords("feedback", f"{_PAIRS}, on cases drawn at random", "share"),
    "auc_selected": MonitorWords("feedback", f"{_PAIRS}, on its own choice", "share"),
    "skew": MonitorWords("skew", "share that its source gives otherwise", "share"),
}

_STATES = {"opened": "open", "acknowledged": "in hand", "closed": "closed"}


def family_words(family: str) -> FamilyWords:
    """A family's words; its own name where the page has none."""
    return _FAMILIES.get(family, FamilyWords(family.replace("_", " "), ""))


def monitor_words(monitor: str) -> MonitorWords:
    """A monitor's words; its own name where the page has none."""
    return _MONITORS.get(monitor, MonitorWords("", monitor.replace("_", " "), "ratio"))


def monitor_order(monitor: str) -> int:
    """Where the monitor stands among those of the page; monitors that it does not know come last."""
    names = list(_MONITORS)
    return names.index(monitor) if monitor in names else len(names)


def family_order(family: str) -> int:
    """Where the family stands among the contract's; families that it does not know come last."""
    names = list[str](FAMILIES)
    return names.index(family) if family in names else len(names)


def state_words(state: str) -> str:
    """An incident's state as people say it."""
    return _STATES.get(state, state)


def slice_words(use_case: UseCase, part: str) -> str:
    """A slice in the contract's wordings: "feature=limit" is "credit limit", "sex=2" is "sex: women"."""
    name, _, value = part.partition("=")
    if not value:
        return "" if part == "all" else part
    features = {feature.name: feature.wording for feature in use_case.features}
    if name == "feature":
        return features.get(value, value.replace("_", " "))
    if name == "action":
        return next((action.wording for action in use_case.actions if action.name == value), value)
    groups = {attribute.name: attribute.groups for attribute in use_case.protected}
    parts = zip(name.split(" x "), value.split(" x "), strict=False)
    worded = [groups.get(attribute, {}).get(group, group.replace("_", " ")) for attribute, group in parts]
    return f"{features.get(name, name.replace('_', ' '))}: {', '.join(worded)}"


def figure_in(unit: str, value: float | None, currency: str) -> str:
    """A monitor's figure in its unit: 12%, 0.83, NT$1.20."""
    if value is None:
        return UNKNOWN
    if unit == "money":
        return fine_money(value, currency)
    return percent(value) if unit == "share" else number(value)


def one_in_years(budget: float) -> str:
    """A budget of false alarms as people say it: "one false alarm in 8 years", "2 false alarms a year"."""
    if budget <= 0:
        return "no false alarm at all"
    if budget < 1:
        return f"one false alarm in {1 / budget:.3g} years"
    return "one false alarm a year" if budget == 1 else f"{budget:.3g} false alarms a year"
