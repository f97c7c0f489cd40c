"""From the ledger's measurements and verdicts to what each action brought, and to promises beside deliveries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from decisionloop.contract import UseCase
from decisionloop.ledger.measurements import Measurement
from decisionloop.ledger.releases import ReleaseEvent
from decisionloop.ledger.verdicts import Verdict
from decisionloop.observe.action_for_all import FOR_ALL
from decisionloop.observe.action_for_some import FOR_SOME, action_and_group
from decisionloop.observe.action_value import AMOUNT, CONVERSION, COST, LIFT, VALUE
from decisionloop.observe.cohort import CHAMPION_LIFT
from decisionloop.observe.confidence_sequence import lift_sequence
from decisionloop.observe.estimate import Estimate as Cohort
from decisionloop.report.read.decisions import as_object
from decisionloop.report.read.measurements import Measured, mean_of
from decisionloop.report.read.releases import what_became
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.evidence import ActionFigures, ForSome, Promise
from decisionloop.report.words.naming import ReleaseNames

CONFIDENCE = 0.95


def action_lines(measured: Measured, names: ReleaseNames, use_case: UseCase) -> tuple[ActionFigures, ...]:
    """Every action that was measured, of ``measured`` the newest figures of each cohort.

    In the contract's order; behind them those that it has no longer, by the names that were logged.
    """
    by_key: dict[tuple[str, str], list[Measurement]] = {}
    for one in measured.figures:
        if one.is_mature and one.slice.startswith("action="):
            by_key.setdefault((one.monitor, one.slice.removeprefix("action=")), []).append(one)

    def known(monitor: str, action: str) -> list[Measurement]:
        return [one for one in by_key.get((monitor, action), []) if one.value is not None]

    groups = _for_some(measured)
    wordings = {one.name: one.wording for one in use_case.actions}
    wordings |= {name: name.replace("_", " ") for _, name in sorted(by_key) if name not in wordings}
    return tuple(
        ActionFigures(
            action=name,
            wording=wording,
            decisions=_rows(by_key.get((VALUE, name), [])),
            valued=_rows(known(VALUE, name)),
            value=mean_of(known(VALUE, name)),
            compared=_rows(known(LIFT, name)),
            lift=mean_of(known(LIFT, name)),
            taken=max(_rows(known(monitor, name)) for monitor in (COST, CONVERSION)),
            cost=mean_of(known(COST, name)),
            amount=mean_of(known(AMOUNT, name)),
            conversion=mean_of(known(CONVERSION, name)),
            is_rules_own=_is_by_rules({figure.cohort for figure in known(LIFT, name)}, measured, names),
            tried_in=_rows(known(FOR_ALL, name)),
            for_all=_over_rules(known(FOR_ALL, name), len(use_case.actions)),
            for_some=groups.get(name, ()),
        )
        for name, wording in wordings.items()
        if any((monitor, name) in by_key for monitor in (VALUE, COST, CONVERSION, FOR_ALL))
    )


def _for_some(measured: Measured) -> dict[str, tuple[ForSome, ...]]:
    """By action, what it would have earned over the rules in each group, at a confidence of all groups together."""
    by_slice: dict[str, list[Measurement]] = {}
    for one in measured.figures:
        if one.monitor == FOR_SOME and one.is_mature and one.value is not None:
            by_slice.setdefault(one.slice, []).append(one)
    told: dict[str, tuple[ForSome, ...]] = {}
    for slice_, figures in sorted(by_slice.items()):
        action, group = action_and_group(slice_)
        gain = _over_rules(figures, len(by_slice))
        told[action] = (*told.get(action, ()), ForSome(group, _rows(figures), gain, len(by_slice)))
    return told


def _over_rules(figures: Sequence[Measurement], questions: int) -> Estimate:
    """What an action would have earned over the rules, at a confidence of so many ``questions`` together.

    People look after every batch and write what they see into the rules, so the interval is one that holds at all looks
    (`observe.confidence_sequence`); unknown until that has enough decisions.
    """
    oldest_first = sorted(figures, key=lambda one: one.cohort)
    cohorts = [
        Cohort(one.value, one.low, one.high, one.n, one.effective_n or 0.0, CONFIDENCE)
        for one in oldest_first
        if one.low is not None and one.high is not None
    ]
    sequence = lift_sequence(cohorts, are_independent=True)
    if sequence is None:
        return Estimate()
    told = sequence.at(1 - (1 - CONFIDENCE) / questions)
    return Estimate.of(told.value, told.low, told.high, mean_of(figures).bounds)


def _is_by_rules(cohorts: Collection[str], measured: Measured, names: ReleaseNames) -> bool:
    """Whether the rules alone decided all of the cohorts, and there is one."""
    by_whom = (measured.deciders, measured.trials)
    deciders = [release for cohort in cohorts for of in by_whom for release in of.get(cohort, ())]
    return bool(deciders) and all(names.is_rules(one) for one in deciders)


def _rows(figures: Sequence[Measurement]) -> int:
    return sum(one.n for one in figures)


def promises(
    verdicts: Sequence[Verdict], events: Sequence[ReleaseEvent], measured: Measured, names: ReleaseNames
) -> tuple[Promise, ...]:
    """Every promotion that handed over the decisions, in order, beside what came until the next one."""
    handed = [one for one in verdicts if one.decision == "promote" and _hands_over(one, events)]
    return tuple(_promise(one, measured, names) for one in handed)


def _hands_over(verdict: Verdict, events: Sequence[ReleaseEvent]) -> bool:
    became = what_became(verdict, events)
    return became is not None and became.stage == "champion"


def _promise(verdict: Verdict, measured: Measured, names: ReleaseNames) -> Promise:
    promised, level = _money_at_the_look(verdict.evidence)
    is_over_rules = names.is_rules(verdict.champion_id)
    came = _came_of(verdict.challenger_id, measured)
    return Promise(
        on=verdict.as_of.date(),
        release=names[verdict.challenger_id],
        release_id=verdict.challenger_id,
        champion=names[verdict.champion_id],
        is_over_rules=is_over_rules,
        promised=promised,
        level=level,
        decisions=sum(one.n for one in came),
        delivered=mean_of(came) if is_over_rules else Estimate(),
        is_told_apart=any(one.monitor == CHAMPION_LIFT for one in came),
    )


def _came_of(release_id: str, measured: Measured) -> list[Measurement]:
    """The release's own money over the rules, of each complete cohort that it and no other champion decided."""
    own: dict[str, Measurement] = {}
    for monitor in ("value_difference", CHAMPION_LIFT):  # where somebody was on trial beside it, its own
        own |= {one.cohort: one for one in measured.figures if (one.monitor, one.slice) == (monitor, "all")}
    return [
        one
        for one in own.values()
        if one.is_mature and one.value is not None and measured.deciders.get(one.cohort) == (release_id,)
    ]


def _money_at_the_look(evidence: str) -> tuple[Estimate, float]:
    """The paired difference that a verdict rests on, and its confidence; unknown where it was not kept."""
    money: Any = as_object(evidence).get("money")
    if not isinstance(money, dict):
        return Estimate(), 0.0
    value, low, high = (_number(money.get(name)) for name in ("value", "low", "high"))
    return Estimate.of(value, low, high), _number(money.get("confidence")) or 0.0


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
