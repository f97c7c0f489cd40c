"""Sentences of the live page: who decides now, this month, what waits, and what serving takes. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from decisionloop.ledger.approvals import ApprovalRequest
from decisionloop.ledger.flag_spans import FlagSpan
from decisionloop.ledger.flags import Flag
from decisionloop.ledger.held_actions import WaitingActions
from decisionloop.ledger.incidents import Incident
from decisionloop.report.read.costs import serving_sentences
from decisionloop.report.record.claims import Claimed, Said, claims_of
from decisionloop.report.record.lines import BatchLine
from decisionloop.report.record.live import LiveUseCase
from decisionloop.report.record.standing import LiveRelease, Standing, Waiting
from decisionloop.report.words.evidence import promise_sentence
from decisionloop.report.words.figures import (
    MONTHS,
    NBSP,
    MoneyScale,
    capital,
    count,
    count_of,
    day,
    fine,
    in_words,
    listed,
    money,
    money_scale,
    percent,
    period_label,
)
from decisionloop.report.words.headline import verdict, withdrawn_sentence
from decisionloop.report.words.monitors import family_words

LAST_BATCHES = 5


def who_decides(standing: Standing, is_observing: bool) -> str:
    """Who decides now, since when and by whose decision; the kill switch before everything."""
    champion = standing.champion
    if is_observing:
        would = f" {capital(champion.name)} would decide in its place." if champion else ""
        return f"Another system decides, and the loop looks on: it sends nothing.{would}"
    if standing.waiting.switch is not None:
        flag = standing.waiting.switch
        instead = f" {capital(champion.name)} would decide without it." if champion else ""
        stands = {
            "default": f"Nobody decides, and everybody gets the default action: {switch_name(flag)} is at “default”"
        }
        switched = stands.get(flag.value, f"The rules decide: {switch_name(flag)} is on")
        told = f"{switched} since {moment(flag.at)}{flag_end(flag)}, by {flag.set_by}"
        return f"{told}: {_sentence(flag.reason)}{instead}"
    if champion is None:
        return "Nobody decides yet: there is no release."
    return f"{capital(champion.name)} {_has(champion.name)} decided since {day(champion.since)}."


def switch_name(flag: Flag) -> str:
    """Which kill switch it is."""
    if flag.scope == "release":
        return f"the kill switch of {flag.release_id}"
    return "the kill switch of everything" if flag.scope == "everything" else "the kill switch"


def switch_standing(flag: Flag) -> str:
    """Where a kill switch stands, and what that does."""
    does = {"default": "at “default”: everybody gets the default action", "on": "on: the rules decide"}
    stands = "on: it decides nobody" if flag.scope == "release" else does[flag.value]
    return f"{capital(switch_name(flag))} is {stands}"


def ended_switch_sentences(ended: Sequence[FlagSpan]) -> tuple[str, ...]:
    """Who set the last kill switches that hold no more, why, and who lifted them or set another in their place."""
    return tuple(_ended(one) for one in ended)


def _ended(one: FlagSpan) -> str:
    flag, after = one.flag, one.ended_by
    held = f"from {moment(flag.at)} to {moment(one.ended_at or flag.at)}"
    told = f"{capital(switch_name(flag))} was “{flag.value}” {held}, set by {flag.set_by}: {_sentence(flag.reason)}"
    if after is None:
        return f"{told} It ended by itself."
    if one.ending == "lifted":
        return f"{told} {capital(after.set_by)} lifted it: {_sentence(after.reason)}"
    return f"{told} {capital(after.set_by)} set it to “{after.value}”: {_sentence(after.reason)}"


def flag_end(flag: Flag) -> str:
    """Until when a flag holds, in words that follow its beginning."""
    return "" if flag.until is None else f" and until {moment(flag.until)}"


def lifting(flag: Flag) -> str:
    """The command that lifts what the page cannot."""
    of = "--everything" if flag.scope == "everything" else f"--release {flag.release_id}"
    return f"decisionloop flags clear {flag.name} {of} --reason WHY --by APPROVER"


def _has(name: str) -> str:
    return "have" if name == "the rules" else "has"


def waits_sentence(waiting: Waiting) -> str:
    """How much waits for a person, by kind."""
    critical = sum(one.severity == "critical" for one in waiting.incidents)
    grave = f" ({in_words(critical)} critical)" if critical else ""
    held = sum(one.actions for one in waiting.held)
    people = sum(people for _, people in waiting.undecided)
    kinds = [
        (len(waiting.incidents), f"{count_of(len(waiting.incidents), 'open incident')}{grave}"),
        (held, f"{count_of(held, 'action')} to be let go or cancelled"),
        (len(waiting.approvals), f"{count_of(len(waiting.approvals), 'approval')} that is asked for"),
        (len(waiting.cohorts), f"{count_of(len(waiting.cohorts), 'cohort')} held back"),
        (len(waiting.alerts), count_of(len(waiting.alerts), "alert")),
        (people, f"{people:,} who fell due and were never decided"),
    ]
    told = [words for many, words in kinds if many]
    return f"{capital(listed(told))}." if told else "Nothing waits for anybody."


def beside_sentences(beside: Sequence[LiveRelease], is_switched_off: bool = False) -> tuple[str, ...]:
    """Who is on trial, and who is in shadow, beside the release that decides.

    ``is_switched_off``: by the kill switch, so that nobody on trial decides either.
    """
    decides = "would decide" if is_switched_off else "decides"
    on_trial = [
        f"{capital(one.name)} is on trial since {day(one.since)} and {decides} for "
        f"{percent(one.share)} of the entities."
        for one in beside
        if one.stage == "canary"
    ]
    in_shadow = [one.name for one in beside if one.stage == "shadow"]
    answer = "it answers" if len(in_shadow) == 1 else "they answer"
    shadows = [f"In shadow, where nobody acts on what {answer}: {listed(in_shadow)}."] if in_shadow else []
    return (*on_trial, *shadows)


def month_sentence(live: LiveUseCase) -> str:
    """What the month of the last batch earned; that it is too early to say while its outcomes are not complete."""
    if not live.month:
        return ""
    name, total = period_label(live.month), live.money_of_month
    if total is None:
        return f"What the decisions of {name} earned is not known yet: their outcomes are not complete."
    return Said(verdict(total, name, live.case.currency), {f"money.difference[{live.month}]": total.difference})


def decisions_sentence(live: LiveUseCase) -> str:
    """How many decisions there were in the month of the last batch and in all, and what was halted."""
    if not live.batches:
        waiting = (
            f" {capital(count_of(live.unsealed, 'decision'))} in a period that is not over." if live.unsealed else ""
        )
        return f"Nothing has been decided in a batch yet.{waiting}"
    of_month, every = live.batches_of_month, live.batches
    made = sum(one.decisions for one in of_month)
    told = (
        f"{capital(count_of(made, 'decision'))} in {period_label(live.month)}, "
        f"{count(sum(one.decisions for one in every))} in all"
    )
    claims: dict[str, Claimed] = {"decisions": sum(one.decisions for one in every)}
    unsealed = f", and {count(live.unsealed)} more in a period that is not over" if live.unsealed else ""
    withdrawn = sum(one.withdrawn for one in every if one.is_decided)
    beside = withdrawn_sentence(withdrawn) if withdrawn else ""
    said = f"{told}{unsealed}.{f' {beside}' if beside else ''}{_halted(every)}"
    return Said(said, {**claims, **claims_of(beside)})


def _halted(batches: Sequence[BatchLine]) -> str:
    """How many batches were halted, and how many were not decided for that."""
    halted = [one for one in batches if one.state == "halted"]
    if not halted:
        return ""
    rows = sum(one.rows for one in halted)
    left = f": {count(rows)} who were due were not decided in {'it' if len(halted) == 1 else 'them'}" if rows else ""
    return f" {capital(count_of(len(halted), 'batch'))} {'was' if len(halted) == 1 else 'were'} halted{left}."


def serving_now(live: LiveUseCase) -> tuple[str, ...]:
    """What serving costs and how long a decision takes."""
    told = serving_sentences(live.serving, live.case.currency) if live.serving else ()
    if live.latency is None:
        return told
    mean, longest = live.latency.mean_ms, live.latency.longest_ms
    most = f", {fine(longest)} where it took longest" if longest > 2 * mean else ""
    return (*told, f"A decision of the last batch took {fine(mean)}{NBSP}milliseconds{most}.")


def promised(live: LiveUseCase) -> str:
    """What was promised of the last promotion, and what came; "" before the first."""
    return promise_sentence(live.promises[-1], live.case.currency) if live.promises else ""


def incident_title(one: Incident, currency: str) -> str:
    """What an incident is about, how grave, since when, and what is at stake."""
    stake = "" if one.stake_total is None else f"; {money(one.stake_total, currency)} a batch at stake"
    since = f"{one.severity} since {day(one.first_alarm_as_of)}"
    return f"{family_words(one.family).title}: {since}, {count_of(one.alarms, 'alarm')}{stake}."


def looked_after(one: Incident) -> str:
    """Who looks after an incident; "" where nobody does."""
    told = one.events[-1]
    if told.state != "acknowledged":
        return ""
    return f"{told.by} looks after it since {moment(told.at)}: {_sentence(told.reason)}"


def held_title(one: WaitingActions) -> str:
    """How many actions wait, and why."""
    last = one.last
    told = f"{capital(count_of(one.actions, 'action'))} of {last.batch_id} {_waits_as(one.actions, last.state)}"
    why = f", since {moment(last.at)}, by {last.by}: {_sentence(last.reason)}"
    return f"{told}{why}{_perhaps_arrived(one.perhaps_arrived)}"


def held_together_title(held: Sequence[WaitingActions]) -> str:
    """How many actions of how many batches wait, all in one state, and the oldest of them."""
    oldest, actions = min(held, key=lambda one: one.last.at), sum(one.actions for one in held)
    if len(held) == 1:
        return held_title(oldest)
    last = oldest.last
    told = f"{capital(count_of(actions, 'action'))} of {in_words(len(held))} batches {_waits_as(actions, last.state)}"
    why = f"; the oldest of {last.batch_id}, since {moment(last.at)}, by {last.by}: {_sentence(last.reason)}"
    return f"{told}{why}{_perhaps_arrived(sum(one.perhaps_arrived for one in held))}"


def _waits_as(actions: int, state: str) -> str:
    return f"{'is' if actions == 1 else 'are'} {'held' if state == 'held' else 'released, and not sent yet'}"


def _perhaps_arrived(actions: int) -> str:
    were, its = ("was", "its") if actions == 1 else ("were", "their")
    told = f" {capital(in_words(actions))} of them {were} being sent when {its} sender was lost, and may have arrived."
    return told if actions else ""


def asked_title(one: ApprovalRequest, releases: Sequence[LiveRelease]) -> str:
    """What somebody asks an approval for."""
    text = one.as_text()
    for release in releases:
        text = text.replace(release.release_id, release.name)
    return _sentence(capital(text))


_STANDS = {
    "champion": "decides",
    "baseline": "the rules that stand by",
    "canary": "on trial",
    "shadow": "in shadow",
    "candidate": "candidate",
}


def stage_words(stage: str) -> str:
    """Where a release stands, for people."""
    return _STANDS.get(stage, stage.replace("_", " "))


def scale_of(live: LiveUseCase) -> MoneyScale:
    """The one unit in which the money of a use case is told."""
    told = [one for one in (*live.money, live.total) if one is not None]
    return money_scale([end.value for one in told for end in (one.policy, one.rules)], live.case.currency)


def moment(when: datetime) -> str:
    """A time of the ledger: 3 June 2026, 14:05 UTC."""
    return f"{when.day}{NBSP}{MONTHS[when.month - 1]}{NBSP}{when.year}, {when:%H:%M}{NBSP}UTC"


def _sentence(text: str) -> str:
    """A reason that somebody wrote, with one full stop behind it."""
    return f"{text.strip().rstrip('.')}."
