"""Sentences about one decision, whole: who decided and why that release was live, what left, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from decisionloop.act.legacy import LEGACY
from decisionloop.act.situation import DEFAULT_FOR_ALL
from decisionloop.report.record.explained import ExplainedDecision, OutcomeRevision
from decisionloop.report.record.story import UseCaseLines
from decisionloop.report.words.figures import NBSP, UNKNOWN, capital, money, number, rate
from decisionloop.report.words.live import moment
from decisionloop.report.words.overrides import executed_sentence
from decisionloop.report.words.recounting import choice_sentence, outcome_sentence, propensity_sentence

_ROLES = {
    "champion": "as the champion",
    "canary": "on trial",
    "baseline": "in the place of the champion",
    "exploration": "by a draw that explores",
    "holdout": "for the holdout, which stays on the rules",
}


def decision_title(one: ExplainedDecision, case: UseCaseLines) -> str:
    """About whom, and what was chosen."""
    return f"{capital(case.noun)} {one.entity}: {case.wording(one.action)}"


def chosen_sentences(one: ExplainedDecision, case: UseCaseLines) -> tuple[str, ...]:
    """As of when, what was chosen, and with which chance."""
    asked = f"decided as of {moment(one.moment)}"
    first = f"It was {asked}, {'one at a time' if one.is_online else 'in a batch'}."
    if one.fallback_reason == DEFAULT_FOR_ALL:
        by_rules = next((case.wording(each.action) for each in one.values if each.is_rules and not each.is_chosen), "")
        instead = f"; the rules would have chosen “{by_rules}”" if by_rules else ""
        return first, f"By the kill switch everybody got “{case.wording(one.action)}”, whoever it was{instead}."
    return first, choice_sentence(one, case), propensity_sentence(one, case.noun)


def who_sentences(one: ExplainedDecision) -> tuple[str, ...]:
    """Who decided, in which role, why that one was live, and where it is written down."""
    if one.role == LEGACY:
        first = f"Another system decided, observed beside {one.release}."
    elif one.fallback_reason == DEFAULT_FOR_ALL:
        first = f"People decided, by the kill switch; beside it stood {one.release}."
    else:
        fell = f", because: {one.fallback_reason.rstrip('.')}" if one.fallback_reason else ""
        is_own = one.role == "baseline" and one.standing is not None and one.standing.stage == "champion"
        role = "champion" if is_own else one.role
        first = f"{capital(one.release)} decided {_ROLES.get(role, f'as {role}')}{fell}."
    told = [first]
    if one.standing is not None and one.role != LEGACY:
        at = one.standing
        of_whom = f", of {rate(at.share)} of the decisions" if at.share is not None else ""
        told.append(
            f"It stood as {at.stage.replace('_', ' ')}{of_whom} since {moment(at.since)}, by {at.by}: "
            f"{at.reason.rstrip('.')}.{_evidence(at.evidence)}"
        )
    if one.waited_ms is not None:
        told.append(f"Whoever asked waited {one.waited_ms:,.0f}{NBSP}ms for the answer.")
    kept = f"in the batch {one.batch_id}" if one.batch_id else "in no batch yet"
    told.append(
        f"Decision {one.decision_id}, {kept}; contract {one.contract_digest[:12]}, release {one.release_id}; written "
        f"down on {moment(one.decided_at)}."
    )
    return tuple(told)


def _evidence(text: str) -> str:
    known = json.loads(text or "{}")
    told = ", ".join(f"{name} {value}" for name, value in sorted(known.items()))
    return f" Evidence: {told}." if told else ""


def rules_sentence(one: ExplainedDecision) -> str:
    """What the rules said; "" where nobody kept it, or where it is the reason that is given anyway."""
    given = [reason.wording for reason in one.reasons]
    if not one.rules_reasons or list(one.rules_reasons) == given:
        return ""
    return f"The rules said: {', '.join(f'“{reason}”' for reason in one.rules_reasons)}."


def became_sentences(one: ExplainedDecision, case: UseCaseLines) -> tuple[str, ...]:
    """What was done, and what happened."""
    seen = (outcome_sentence(one, case), *_reading_sentence(one))
    told = (executed_sentence(one, case), *seen, *revision_sentences(one, case))
    return tuple(one for one in told if one)


def _reading_sentence(one: ExplainedDecision) -> tuple[str, ...]:
    """Of what was not seen: up to when anybody has looked, for what came since is not known yet."""
    if one.outcome_class is not None or one.outcome_amount is not None:
        return ()
    if one.read_until is None:
        return ("No outcomes have been read yet: the next turn of the loop reads them.",)
    return (f"Outcomes were read last as of {moment(one.read_until)}.",)


def revision_sentences(one: ExplainedDecision, case: UseCaseLines) -> tuple[str, ...]:
    """Every revision of what happened and of what was done, where there were several."""
    told: list[str] = []
    if len(one.outcomes) > 1:
        told += [f"Reported {_outcome(each, case)}." for each in one.outcomes]
    if len(one.executions) > 1:
        said = (f"“{case.wording(each.action)}” on {moment(each.observed_at)}{_by(each.by)}" for each in one.executions)
        told.append(f"What was said to have been done: {'; '.join(said)}.")
    return tuple(told)


def _by(name: str) -> str:
    return f" by {name}" if name else ""


def _outcome(one: OutcomeRevision, case: UseCaseLines) -> str:
    parts = []
    if one.outcome_class is not None:
        parts.append(f"“{case.outcome}”: {'yes' if one.outcome_class else 'no'}")
    if one.amount is not None:
        parts.append(f"amount {number(one.amount)}")
    return f"{one.kind}, seen on {moment(one.observed_at)}: {', '.join(parts) or UNKNOWN}"


def sent_sentences(one: ExplainedDecision) -> tuple[str, ...]:
    """How the action left: with its answer, by which attempts, or not at all."""
    if one.role == LEGACY:
        return ("Nothing was sent: the other system acts.",)
    if one.is_online:
        return ("The action left with the answer.",)
    if not one.is_sent:
        return ("Nothing is sent for this action.",)
    if not one.deliveries:
        return ("It waits to be sent, or is held back.",)
    return tuple(
        f"Attempt {each.attempt} on {moment(each.at)}: {each.status}{f', {each.detail}' if each.detail else ''}."
        for each in one.deliveries
    )


def explained_lines(one: ExplainedDecision, case: UseCaseLines) -> list[str]:
    """The whole of it for a terminal."""
    why = [f"{each.wording}{f' ({each.value})' if each.value else ''}" for each in one.reasons]
    sections: list[tuple[str, Sequence[str]]] = [
        (decision_title(one, case), chosen_sentences(one, case)),
        ("Why", [*why, *([rules_sentence(one)] if rules_sentence(one) else [])]),
        ("What was known", [f"{capital(each.wording)}: {each.value}" for each in one.features]),
        ("What each action was expected to earn", _alternatives(one, case)),
        ("Who decided, and why it was the one to", who_sentences(one)),
        ("What left", sent_sentences(one)),
        ("What became of it", became_sentences(one, case)),
    ]
    lines: list[str] = []
    for name, told in sections:
        if told:
            lines += [name, *(f"  {line}" for line in told), ""]
    return [line.replace(NBSP, " ") for line in lines[:-1]]


def _alternatives(one: ExplainedDecision, case: UseCaseLines) -> list[str]:
    width = max((len(case.wording(each.action)) for each in one.values), default=0)
    lines = []
    for each in one.values:
        roles = (("chosen", each.is_chosen), ("the rules' choice", each.is_rules), ("the default", each.is_default))
        chance = f", chance {rate(each.propensity)}" if each.propensity is not None else ""
        named = ", ".join(name for name, is_it in roles if is_it)
        earns = money(each.expected, case.currency, True)
        lines.append(f"{case.wording(each.action):<{width}}  {earns}{chance}{f'; {named}' if named else ''}")
    return lines
