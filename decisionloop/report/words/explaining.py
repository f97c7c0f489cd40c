"""Sentences about models, gates, exploration, fairness and one decision, for readers who are not statisticians."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.report.record.claims import Claimed, Said
from decisionloop.report.record.lines import CheckLine, CohortPerformance, Explored, ImpactLine, VerdictStory
from decisionloop.report.words.exploring import planned_sentence
from decisionloop.report.words.figures import (
    capital,
    count_of,
    day,
    in_words,
    listed,
    money,
    percent,
    period_label,
    plural,
)
from decisionloop.report.words.money import direction

SMALL_MISS = 0.02
AS_OFTEN = 0.995
"""From here on a ratio reads as 100 of 100: nobody is the least chosen."""


def in_hundred(share: float) -> str:
    """A share as people count: "22 in 100"; below one in a hundred, in a thousand."""
    return f"{share * 100:.0f} in 100" if share >= 0.0095 or share == 0 else f"{share * 1000:.0f} in 1,000"


def skill_sentence(lines: Sequence[CohortPerformance], noun: str) -> str:
    """What the score could tell apart, first and last."""
    known = [line for line in leading(lines) if line.auc.value is not None]
    if not known:
        return f"No cohort's outcomes are complete yet, so nobody knows how well the score ranks {plural(noun)}."
    first, last = known[0], known[-1]
    opening = f"Take two {plural(noun)}, one who had the outcome and one who did not."
    start = f"In {period_label(first.cohort)} the score pointed to the right one {_hits(first)} times in 100"
    sentence = f"{opening} {start}"
    if last is not first:
        sentence += f", in {period_label(last.cohort)} {_hits(last)} times"
    return f"{sentence}. Tossing a coin gives 50.{_below(last)}"


def leading(lines: Sequence[CohortPerformance]) -> tuple[CohortPerformance, ...]:
    """One line a cohort: that of the release that decided it; where none did, of the first in shadow."""
    first = sorted(lines, key=lambda line: (line.cohort, not line.is_deciding))
    return tuple({line.cohort: line for line in reversed(first)}.values())[::-1]


def _hits(line: CohortPerformance) -> str:
    return f"{(line.auc.value or 0.0) * 100:.0f}"


def _below(told: CohortPerformance) -> str:
    last, threshold = told.auc, told.auc_threshold
    if threshold is None or last.value is None:
        return ""
    if last.high is not None and last.high < threshold:
        return f" That is surely below the {threshold * 100:.0f} at which a new model is trained."
    if last.value < threshold:
        line = f"the {threshold * 100:.0f} at which a new model is trained"
        return f" That may be below {line}, but it is not certain."
    return ""


def calibration_sentence(lines: Sequence[CohortPerformance], outcome: str, noun: str) -> str:
    """Where expectation and outcome were furthest apart. The rates are of everybody: see `observe.cohort`."""
    pairs = [
        (abs(line.predicted_rate - line.observed_rate), line)
        for line in leading(lines)
        if line.predicted_rate is not None and line.observed_rate is not None
    ]
    if not pairs:
        return ""
    gap, worst = max(pairs, key=lambda pair: pair[0])
    if gap <= SMALL_MISS:
        most = f"{max(1, round(gap * 100))} in 100"
        return f"What was expected and what happened never differed by more than {most}."
    expected, happened = in_hundred(worst.predicted_rate or 0.0), in_hundred(worst.observed_rate or 0.0)
    where = "The widest miss was in" if len(pairs) > 1 else "In"
    return Said(
        f"{where} {period_label(worst.cohort)}: {expected} were expected to be “{outcome}”, and {happened} were. That "
        f"is of all {plural(noun)}, worked out from those whose outcome was seen; among those that the loop chose by "
        "itself the rate is another.",
        {
            f"rate.everybody.expected[{worst.cohort}]": worst.predicted_rate,
            f"rate.everybody.seen[{worst.cohort}]": worst.observed_rate,
        },
    )


_CHECKS = {
    "money": "Money",
    "value": "Money",
    "skill": "Skill",
    "auc": "Against the champion's ranking",
    "calibration": "Honest probabilities",
    "adverse_impact": "Nobody disadvantaged",
    "slices": "No group the worse for it",
    "latency": "Speed",
    "parity": "As it was trained",
    "reasons": "Reasons",
}


def check_title(name: str) -> str:
    """What a check of the gate is called on the page."""
    return _CHECKS.get(name) or capital(name.replace("_", " ")) or "Check"


def verdict_sentence(verdict: VerdictStory) -> str:
    """What the gate decided about one challenger, and what became of it."""
    if verdict.decision == "promote":
        return Said(_passed_sentence(verdict), verdict_claims(verdict))
    verb = "refused" if verdict.decision == "refuse" else "could not judge"
    failed = sum(check.is_passed is False for check in verdict.checks)
    tail = f"; {count_of(failed, 'check')} failed" if failed else ""
    if verdict.decision == "insufficient":
        tail = ": the evidence is too thin for an answer" if verdict.look <= 1 else ": nothing is proven yet"
    tail += _asked(verdict)
    if verdict.decision == "insufficient" and verdict.became == "refused":
        tail += ", so it was refused"
    return Said(
        f"On {day(verdict.as_of)} the gate {verb} {verdict.challenger} against {verdict.champion}{tail}.",
        verdict_claims(verdict),
    )


def verdict_claims(verdict: VerdictStory) -> dict[str, Claimed]:
    """What was said of a challenger on a day, and what became of it."""
    key = f"{verdict.as_of}, {verdict.challenger_id or verdict.challenger}, {verdict.look}"
    return {f"verdict[{key}]": verdict.decision, f"became[{key}]": verdict.became}


def verdict_in_brief(verdict: VerdictStory) -> Said:
    """The same for a terminal: "2005-10-06 credit_line/scorecard/5f60: passed the first look, then refused: …"."""
    said = {"promote": "passed", "refuse": "refused", "insufficient": "nothing is proven yet"}
    told = f"{said.get(verdict.decision, verdict.decision)}{_asked(verdict)}"
    if verdict.decision == "insufficient" and verdict.became == "refused":
        told += ", so it was refused"
    if verdict.decision == "promote":
        then = {"shadow": "into shadow", "champion": "decides", "refused": f"then refused: {verdict.became_because}"}
        told = f"{'passed the first look' if verdict.look <= 1 else 'proven'}{_asked(verdict)}"
        told += f", {then[verdict.became]}" if verdict.became in then else ""
    return Said(f"{verdict.as_of} {verdict.challenger_id}: {told}", verdict_claims(verdict))


def _passed_sentence(verdict: VerdictStory) -> str:
    """A first pass is a trial in shadow; only what is proven there decides. Some that pass are sent away."""
    when = f"On {day(verdict.as_of)}"
    if verdict.is_passed_over:
        passed = f"{verdict.challenger} passed the first look against {verdict.champion}"
        return f"{when} {passed}{_asked(verdict)}, and was refused all the same: {_lowered(verdict.became_because)}"
    if verdict.look <= 1:
        return f"{when} the gate passed {verdict.challenger} for a trial in shadow beside {verdict.champion}."
    if verdict.became != "champion":
        proven = f"the gate found {verdict.challenger} proven against {verdict.champion}{_asked(verdict)}"
        return f"{when} {proven}; it has not come to decide by that, for a person must say yes first."
    return f"{when} the gate let {verdict.challenger} decide instead of {verdict.champion}{_asked(verdict)}."


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _asked(verdict: VerdictStory) -> str:
    return f" (looked at {in_words(verdict.asked)} times)" if verdict.asked > 1 else ""


def told_in_full(verdict: VerdictStory) -> tuple[CheckLine, ...]:
    """The first check (money), and all that did not pass."""
    return tuple(check for i, check in enumerate(verdict.checks) if i == 0 or not check.is_passed)


def passed_otherwise(verdict: VerdictStory) -> str:
    """The names of the checks that passed, but for the first, which is told in full."""
    names = [check_title(check.name).lower() for check in verdict.checks[1:] if check.is_passed]
    return f"Passed: {listed(names)}." if names else ""


def explored_sentences(explored: Explored, outcome: str, currency: str) -> tuple[str, ...]:
    """What exploration was, what it cost, what it bought."""
    claims: dict[str, Claimed] = {"decisions": explored.all_decisions, "decisions.explored": explored.decisions}
    if not explored.decisions:
        return (Said("Nothing was explored: no decision drew another action on purpose and at random.", claims),)
    share = percent(explored.decisions / explored.all_decisions) if explored.all_decisions else "some"
    first = Said(
        f"In {count_of(explored.decisions, 'decision')} ({share} of all) the loop drew another action than "
        "the one it expected to be best, on purpose and at random.",
        claims,
    )
    planned = "" if explored.planned is None else planned_sentence(explored.planned, currency)
    return tuple(s for s in (first, _price(explored, currency), _bought(explored, outcome), planned) if s)


def _price(explored: Explored, currency: str) -> str:
    """What exploring cost; how sure that is, its own interval says."""
    cost, claims = explored.cost, {"cost.exploration": explored.cost}
    if cost.value is None:
        return Said("What that cost is not known yet.", claims)
    if direction(cost.value, currency) == 0:
        return Said("It cost nothing that could be measured.", claims)
    if cost.value > 0:
        doubt = "" if cost.low is None or cost.sign else ", though it may have cost nothing"
        return Said(f"That cost {money(cost.value, currency)}{doubt}.", claims)
    gained = f"It cost nothing: those decisions did better, by {money(-cost.value, currency)}"
    if cost.high is None or cost.low is None:
        return Said(f"{gained}.", claims)
    if cost.high < 0:
        ends = f"between {money(-cost.high, currency)} and {money(-cost.low, currency)}"
        return Said(f"{gained} ({ends}), which is more than chance.", claims)
    return Said(f"{gained}, which may be chance.", claims)


def _bought(explored: Explored, outcome: str) -> str:
    if not explored.outcomes_seen:
        return "It has not shown any outcome yet."
    seen = count_of(explored.outcomes_seen, "outcome")
    bought = {
        "unseen": f"It bought {seen} that would otherwise have stayed unseen",
        "partly": f"It showed {seen}, some of which would otherwise have stayed unseen",
        "seen": f"It showed {seen} of actions that would otherwise not have been taken",
    }.get(explored.otherwise, f"It showed {seen}")
    if explored.yes_rate is None or explored.other_yes_rate is None:
        return f"{bought}."
    lesson = " A model that never sees such cases forgets what they look like."
    return (
        f"{bought}: {in_hundred(explored.yes_rate)} of them were “{outcome}”, against "
        f"{in_hundred(explored.other_yes_rate)} of the outcomes seen elsewhere."
        f"{lesson if explored.otherwise == 'unseen' else ''}"
    )


def impact_sentence(lines: Sequence[ImpactLine], minimum: float) -> str:
    """Whether any group came off worse than the least admissible ratio to the group chosen most often."""
    judged = [line for line in lines if not line.is_best and line.ratio.value is not None]
    if not judged:
        return "No group was large enough to be compared."
    limit = f"{minimum * 100:.0f}"
    surely = [line for line in judged if line.ratio.high is not None and line.ratio.high < minimum]
    if surely:
        names = listed([f"{line.group} ({line.attribute.replace('_', ' ')})" for line in surely])
        return f"For every 100 chosen in the group chosen most often, surely fewer than {limit} were among {names}."
    lowest = min(judged, key=lambda line: line.ratio.value or 0.0)
    if (lowest.ratio.value or 0.0) >= AS_OFTEN:
        return "Every group was chosen about as often as the one chosen most often."
    fact = (
        f"For every 100 chosen in the group chosen most often, {(lowest.ratio.value or 0.0) * 100:.0f} were chosen "
        f"among as many of the group “{lowest.group}” ({lowest.attribute.replace('_', ' ')}), the fewest of all."
    )
    open_ones = sum((line.ratio.low if line.ratio.low is not None else 0.0) < minimum for line in judged)
    if open_ones:
        groups = f"{in_words(open_ones)} {'group' if open_ones == 1 else 'groups'}"
        return f"{fact} For {groups} the data does not rule out fewer than {limit}."
    alone = " of one attribute alone" if len({line.attribute for line in lines}) > 1 else ""
    return f"{fact} No group{alone} falls below {limit}."
