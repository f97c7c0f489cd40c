"""What a person has to do now: one list in the order in which to go, why so, and where the rest of it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from decisionloop.ledger.alerts import Alert
from decisionloop.ledger.batches import time_of_cohort
from decisionloop.report.record.glance import STEPS, Step, ToDo
from decisionloop.report.record.monitor_lines import IncidentLine
from decisionloop.report.record.standing import Standing
from decisionloop.report.record.story import Story, UseCaseLines
from decisionloop.report.words.evidence import better_action
from decisionloop.report.words.figures import count_of, day, in_words, listed, money
from decisionloop.report.words.live import asked_title, held_together_title
from decisionloop.report.words.monitors import family_words, state_words
from decisionloop.report.words.trying import is_untold, try_more

MOST_TO_DO = 5
_GRAVITY = {"critical": 0, "warning": 1}
_WATCHED, _BATCHES, _GATE = "What we watch", "The batches", "What a model must show before it decides"
"""Headings of the page under which something stands whole."""
_SWITCHES = "`decisionloop kill-switch"
"""What a suggestion says that stops a loss at once."""
_LEARNS = frozenset(("performance", "feedback"))
"""Families of which the end is a new model."""
_WHY: dict[Step, str] = {
    "let": "let go what waits for you",
    "stop": "stop the loss, for it grows with every batch",
    "check": "see whether the data are what they were, for no model mends that",
    "learn": "let it learn anew, for what learns from wrong data is wrong too",
}


def to_do_of(story: Story) -> tuple[ToDo, ...]:
    """Everything that a person has to do, the gravest first; whatever waits is in it."""
    return tuple(_gravest_first(story))


def in_order(to_do: Sequence[ToDo]) -> tuple[tuple[ToDo, ...], str, str]:
    """The gravest few in the order in which to go, why so, and where the others stand; both "" where there is nothing
    to be said."""
    first = tuple(sorted(to_do[:MOST_TO_DO], key=lambda one: STEPS.index(one.step)))
    return first, _course(first), _elsewhere(to_do[MOST_TO_DO:])


def _course(first: Sequence[ToDo]) -> str:
    """In which order, and why; that what seems to exclude each other does not."""
    steps = list(dict.fromkeys(one.step for one in first))
    if len(steps) < 2:
        return ""
    told = "; then ".join(f"{_WHY[step]} ({_places(first, step)})" for step in steps)
    both = (
        " Going back to the rules and training do not exclude each other: candidates are trained and judged while the "
        "rules decide."
    )
    return f"In this order: first {told}.{both if {'stop', 'learn'} <= set(steps) else ''}"


def _places(first: Sequence[ToDo], step: Step) -> str:
    """Which of the list are of a step: "1", "2 and 3", "2 to 4"."""
    places = [place for place, one in enumerate(first, 1) if one.step == step]
    if len(places) < 3:
        return " and ".join(map(str, places))
    return f"{places[0]} to {places[-1]}"


def _elsewhere(rest: Sequence[ToDo]) -> str:
    """How many more there are, how many of them are critical, and where on the page each kind stands."""
    grave = sum(one.severity == "critical" for one in rest)
    if len(rest) == 1:
        of_them = ", critical" if grave else ""
    else:
        of_them = f", {in_words(grave)} of them critical" if grave else ""
    by_place = {place: sum(one.place == place for one in rest) for place in dict.fromkeys(one.place for one in rest)}
    of_one = len(by_place) == 1
    told = [
        f"{'' if of_one else f'{many} '}{f'under “{place}”' if place else 'told by `decisionloop status`'}"
        for place, many in by_place.items()
    ]
    return f"{len(rest)} more{of_them}: {listed(told)}." if rest else ""


def gravest(story: Story) -> tuple[IncidentLine, ...]:
    """The open incidents, critical ones first, then those with the most money at stake."""
    still = story.monitoring.still_open if story.monitoring else ()
    return tuple(sorted(still, key=lambda one: (_GRAVITY.get(one.severity, 2), -(one.stake or 0.0))))


def _gravest_first(story: Story) -> Iterator[ToDo]:
    """Everything that a person has to do, the gravest first; whatever waits is in it."""
    told = story.standing.waiting
    seen = [*(_of_incident(one, story) for one in gravest(story)), *map(_of_alert, reversed(told.alerts))]
    yield from (one for one in seen if one.severity == "critical")
    yield from _held(story.standing)
    if told.undecided:
        yield _of_undecided(told.undecided, story.use_case)
    more = try_more(story.tried, story.use_case.name) if story.tried is not None and is_untold(story.tried) else None
    yield from [more] if more is not None else []
    yield from _to_be_written_into_the_rules(story)
    yield from [] if more is not None else _none_let_in(story)
    yield from (one for one in seen if one.severity != "critical")
    if told.cohorts:
        yield _of_cohorts(len(told.cohorts), story.use_case.name)


def _to_be_written_into_the_rules(story: Story) -> Iterator[ToDo]:
    """The action that trying has shown to be better, where the rules decide alone: a model would find it by itself."""
    champion = story.standing.champion
    is_by_rules = champion is not None and champion.name == "the rules"
    if is_by_rules and all(one.stage != "canary" for one in story.standing.beside):
        told = better_action(story.actions, story.use_case.currency)
        yield from [told] if told is not None else []


def _none_let_in(story: Story) -> Iterator[ToDo]:
    """That the gate has let in nothing so far, and what it asked of the last candidate."""
    if not story.verdicts or any(one.decision == "promote" for one in story.verdicts):
        return
    last = story.verdicts[-1]
    why = next((one.sentence for one in last.checks if one.is_passed is not True), "")
    title = f"No candidate has been let in so far, the last on {day(last.as_of)} neither"
    yield ToDo(title, f"The gate: {why}" if why else f"“{_GATE}” says why.", step="learn", place=_GATE)


def _held(standing: Standing) -> Iterator[ToDo]:
    """Approvals and held actions, which somebody has to let go or not."""
    for one in standing.waiting.approvals:
        how = f"`decisionloop approve {one.use_case} {one.release_id} --by NAME` says yes, with `--reject` no."
        yield ToDo(asked_title(one, standing.releases), how, step="let")
    waiting = standing.waiting.held
    for state in dict.fromkeys(one.last.state for one in waiting):  # however many batches, they are let go at once
        how = "`decisionloop outbox release` lets them leave, `cancel` does not."
        yield ToDo(held_together_title([one for one in waiting if one.last.state == state]), how, step="let")


def _of_incident(one: IncidentLine, story: Story) -> ToDo:
    currency = story.use_case.currency
    stake = f", up to {money(one.stake, currency)} a batch" if one.stake else ""
    seen = "" if one.state == "opened" else f", {state_words(one.state)}"
    title = f"{family_words(one.family).title}: {one.severity} since {day(one.opened_on)}{seen}{stake}"
    what, step = f"{_in_brief(one.words)} {one.suggestion}", _step_of(one)
    if step == "stop" and (done := _stopped_already(story.standing)):
        what, step = f"{_in_brief(one.words)} {done}", "check"
    return ToDo(title, what, one.severity, step, _WATCHED)


def _step_of(one: IncidentLine) -> Step:
    if _SWITCHES in one.suggestion:
        return "stop"
    return "learn" if one.family in _LEARNS else "check"


def _stopped_already(standing: Standing) -> str:
    """That what would stop the loss is done, where it is; "" where it is not."""
    if standing.waiting.switch is not None:
        return "The kill switch is on, so that this loss has been stopped: see what it came from before it is lifted."
    champion = standing.champion
    if champion is not None and champion.name == "the rules" and all(one.stage != "canary" for one in standing.beside):
        return "The rules decide by now, so that nothing is to be switched: close it once you know what it came from."
    return ""


def _of_alert(one: Alert) -> ToDo:
    """Of a batch it has the batch's day: in a replay that is not the day on which it was raised."""
    when = f"since {day(one.at.date())}"
    if one.batch_id is not None:
        when = f"of the batch of {day(time_of_cohort(one.batch_id.rpartition('/')[2]).date())}"
    title = f"Alert, {one.severity}: {one.kind.replace('_', ' ')} {when}"
    return ToDo(title, f"{one.message.rstrip('.')}. {one.remedy}", one.severity, "check", _BATCHES)


def _of_undecided(undecided: Sequence[tuple[str, int]], case: UseCaseLines) -> ToDo:
    """Who fell due and was never decided: runs by hand do not make up for it by themselves."""
    people, (first, _), many = sum(people for _, people in undecided), undecided[0], len(undecided)
    times = f"at the due time {first}" if many == 1 else f"at {count_of(many, 'due time')}, the first {first}"
    title = f"{count_of(people, case.noun)} fell due {times}, and {'was' if people == 1 else 'were'} never decided"
    return ToDo(
        title, f"`decisionloop run {case.name} --catch-up` decides them; `decisionloop status` names each time."
    )


def _of_cohorts(many: int, use_case: str) -> ToDo:
    they = "1 cohort is held back, and neither teaches nor judges"
    return ToDo(
        they if many == 1 else f"{count_of(many, 'cohort')} are held back, and neither teach nor judge",
        f"`decisionloop cohorts list {use_case}` says why; `cohorts include` lets them teach and judge, if you trust "
        "what came.",
    )


def _in_brief(words: str) -> str:
    """What was seen, without the values that moved: the part on what is watched has them."""
    return f"{words.partition(': “')[0].rstrip('.')}."
