"""The sentences of each section of the page: a table of sections, and the rule that nothing is said twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from decisionloop.report.read import costs
from decisionloop.report.record.beside import Subject
from decisionloop.report.record.story import Story
from decisionloop.report.words import (
    bad_release,
    beside,
    capture,
    evidence,
    explaining,
    features,
    legacy,
    money,
    monitor_sentences,
    overrides,
    recounting,
    stop_loss,
)

Sentences = Iterable[str]

SECTIONS: Mapping[str, Callable[[Story], Sentences]] = {
    "money": lambda story: legacy.told_of(
        legacy.subject_of(story.money), money.money_sentences(story.money, story.use_case.currency)
    ),
    "stop_losses": lambda story: (
        stop_loss.stop_loss_sentences(story.stop_losses, story.use_case.currency) if story.stop_losses else ()
    ),
    "legacy": lambda story: legacy.legacy_sentences(story.legacy, story.use_case) if story.legacy else (),
    "overrides": lambda story: overrides.override_sentences(story.overrides, story.use_case) if story.overrides else (),
    "actions": lambda story: _actions(story),
    "skill": lambda story: (
        (explaining.skill_sentence(story.performance, story.use_case.noun),) if story.performance else ()
    ),
    "calibration": lambda story: (
        (explaining.calibration_sentence(story.performance, story.use_case.outcome, story.use_case.noun),)
        if story.performance
        else ()
    ),
    "promises": lambda story: (evidence.promise_sentence(one, story.use_case.currency) for one in story.promises),
    "explored": lambda story: (
        explaining.explored_sentences(story.explored, story.use_case.outcome, story.use_case.currency)
        if story.explored
        else ()
    ),
    "bad_release": lambda story: (
        bad_release.bad_release_sentences(story.bad_release, story.use_case.noun, story.use_case.currency)
        if story.bad_release
        else ()
    ),
    "features": lambda story: (
        features.features_sentences(story.features, story.use_case.currency) if story.features else ()
    ),
    "choice": lambda story: (
        (
            recounting.choice_sentence(story.worked, story.use_case),
            recounting.propensity_sentence(story.worked, story.use_case.noun),
        )
        if story.worked
        else ()
    ),
    "outcome": lambda story: (
        (
            overrides.executed_sentence(story.worked, story.use_case),
            recounting.outcome_sentence(story.worked, story.use_case),
        )
        if story.worked
        else ()
    ),
    "impact": lambda story: (
        (explaining.impact_sentence(story.impact, story.minimum_impact_ratio),) if story.impact else ()
    ),
    "batches": lambda story: (recounting.batches_sentence(story.batches),) if story.batches else (),
    "quality": lambda story: (recounting.quality_sentence(story.quality),) if story.quality else (),
    "serving": lambda story: costs.serving_sentences(story.serving, story.use_case.currency) if story.serving else (),
    "truth": lambda story: (
        recounting.truth_sentences(story.truth, story.money, story.use_case, story.interval_level)
        if story.truth
        else ()
    ),
    "captured": lambda story: capture.capture_sentences(story.captured, story.use_case.currency) if story.truth else (),
}
"""What each section says, in the page's order; those of the monitors are in `monitor_sentences`."""

_CAVEATS_OF: Mapping[Subject, tuple[str, str]] = {
    "money": ("money", "headline"),
    "rates": ("calibration", "performance"),
    "actions": ("actions", "actions"),
    "promises": ("promises", "promises"),
    "impact": ("impact", "impact"),
    "monitors": ("monitors", "monitoring"),
}
"""Where the caveats of a subject stand, and the part of the story without which they are about nothing."""


def paragraphs(story: Story) -> dict[str, tuple[str, ...]]:
    """The sentences of each section; sections without data have none, and those of monitors are not there."""
    said = {name: tuple(sentences(story)) for name, sentences in SECTIONS.items()}
    if story.monitoring:
        said |= monitor_sentences.paragraphs(story.monitoring, story.use_case)
    kept = {name: tuple(one for one in sentences if one) for name, sentences in said.items()}
    return _with_caveats(kept, story)


def said_once(said: Mapping[str, tuple[str, ...]], before: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
    """The sentences of each section without those that the page has said ``before`` it, or in an earlier one."""
    heard, told = set(before), dict[str, tuple[str, ...]]()
    for name, sentences in said.items():
        told[name] = tuple(one for one in dict.fromkeys(sentences) if one not in heard)
        heard.update(sentences)
    return told


def _actions(story: Story) -> Sentences:
    """Of what another system did it is said beside it what the rules would have earned."""
    subject = legacy.subject_of(story.money)
    if not story.actions or subject == "the other system":
        return ()
    tried = evidence.tried_sentence(story.actions, story.use_case.currency)
    better = evidence.better_for_sentence(story.actions, story.use_case.currency)
    return (*legacy.told_of(subject, (evidence.actions_sentence(story.actions),)), tried, better)


def _with_caveats(said: dict[str, tuple[str, ...]], story: Story) -> dict[str, tuple[str, ...]]:
    """Every section with the caveats of its figures behind its sentences, and the money with the calendar."""
    told = dict(said)
    for subject, (section, part) in _CAVEATS_OF.items():
        if getattr(story, part):
            told[section] = (*told[section], *beside.caveats_about(story.caveats, subject))
    if story.events:
        told["money"] = (*told["money"], beside.events_sentence(story.events))
    return told
