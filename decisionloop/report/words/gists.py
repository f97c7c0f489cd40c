"""What each folded part of the page comes to, in the sentence or two that stand beside its heading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from decisionloop.report.record.lines import ReleaseEventLine, VerdictStory
from decisionloop.report.record.story import Story
from decisionloop.report.words.bad_release import cost_in_a_line
from decisionloop.report.words.figures import capital, count_of, day, in_words, percent

Sentences = Mapping[str, tuple[str, ...]]

GISTS: Mapping[str, Callable[[Story, Sentences], Sequence[str]]] = {
    "beside": lambda story, say: say.get("legacy", ())[:1],
    "overrides": lambda story, say: say.get("overrides", ())[:1],
    "actions": lambda story, say: say.get("actions", ())[:1],
    "releases": lambda story, say: releases_gist(story.releases),
    "bad-release": lambda story, say: (
        cost_in_a_line(story.bad_release, story.use_case.currency) if story.bad_release else ()
    ),
    "skill": lambda story, say: say.get("skill", ())[:1],
    "gate": lambda story, say: gate_gist(story.verdicts),
    "explored": lambda story, say: say.get("explored", ())[:2],
    "features": lambda story, say: say.get("features", ())[:1],
    "decision": lambda story, say: decision_gist(story, say),
    "impact": lambda story, say: say.get("impact", ())[:1],
    "monitors": lambda story, say: say.get("monitors", ())[:1],
    "causes": lambda story, say: say.get("causes", ())[:1],
    "batches": lambda story, say: (*say.get("batches", ()), *say.get("quality", ())),
    "serving": lambda story, say: say.get("serving", ())[:1],
    "reading": lambda story, say: (
        f"Intervals hold the true figure in {percent(story.interval_level)} of cases, if the data behaves as it did.",
    ),
}
"""By anchor of a folded part."""


def gists(story: Story, say: Sentences) -> dict[str, tuple[str, ...]]:
    """The sentences beside the heading of each folded part; ``say``: what the sections say."""
    return {anchor: tuple(one for one in told(story, say) if one) for anchor, told in GISTS.items()}


def releases_gist(events: Sequence[ReleaseEventLine]) -> tuple[str, ...]:
    """How many releases there were, and who has decided, one after another."""
    if not events:
        return ()
    deciders = [one for one in sorted(events, key=lambda one: one.on) if one.stage == "champion"]
    many = len({one.release for one in events})
    if len(deciders) <= 1:
        return (f"{capital(count_of(many, 'release'))}, {in_words(len(deciders))} of which has decided for all.",)
    told = ", then ".join(f"{one.release} (from {day(one.on)})" for one in deciders)
    return (f"{capital(told)}. In all there were {count_of(many, 'release')}.",)


def gate_gist(verdicts: Sequence[VerdictStory]) -> tuple[str, ...]:
    """How many candidates the gate has judged, and how many of them came to decide."""
    if not verdicts:
        return ()
    judged = len({one.challenger_id or one.challenger for one in verdicts})
    came = len({one.challenger_id or one.challenger for one in verdicts if one.became == "champion"})
    return (f"Of {count_of(judged, 'candidate')} {in_words(came) if came else 'none'} came to decide.",)


def decision_gist(story: Story, say: Sentences) -> tuple[str, ...]:
    """Whom the worked decision is about, what was chosen, and what came of it."""
    worked = story.worked
    if worked is None:
        return ()
    about = f"{capital(story.use_case.noun)} {worked.entity}, {day(worked.as_of)}."
    return (about, *say.get("choice", ())[:1], *say.get("outcome", ()))


def told_in_lanes(events: Sequence[ReleaseEventLine]) -> tuple[ReleaseEventLine, ...]:
    """The steps of releases that came further than being a candidate; of all, where none did."""
    further = {one.release for one in events if one.stage not in {"candidate", "refused"}}
    return tuple(one for one in events if one.release in further) or tuple(events)


def told_in_steps(events: Sequence[ReleaseEventLine], verdicts: Sequence[VerdictStory]) -> tuple[ReleaseEventLine, ...]:
    """Every step but those of candidates that were refused at once, where the gate says why by itself."""
    judged = {one.challenger for one in verdicts}
    further = {one.release for one in told_in_lanes(events)}
    return tuple(one for one in events if one.release in further or one.release not in judged)
