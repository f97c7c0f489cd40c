"""From a story to one self-contained HTML file: sentences and charts are made here, markup is in the templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import get_args

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from decisionloop.report.charts import monitors as monitor_charts
from decisionloop.report.charts import rows as row_charts
from decisionloop.report.charts import series as charts
from decisionloop.report.read import costs
from decisionloop.report.record.beside import Subject
from decisionloop.report.record.lines import CohortPerformance
from decisionloop.report.record.story import Story
from decisionloop.report.record.totals import total_of
from decisionloop.report.words import (
    bad_release,
    beside,
    capture,
    evidence,
    explained,
    explaining,
    features,
    figures,
    legacy,
    live,
    money,
    monitor_sentences,
    monitors,
    overrides,
    recounting,
    spans,
    stop_loss,
)

MOST_ROWS = 25
"""Of the measures and alarms of one family so many are in its tables; the ledger has them all."""
_WATCH_WORDS = (
    monitors.family_words,
    monitors.figure_in,
    monitors.one_in_years,
    monitors.state_words,
    monitor_sentences.chance_words,
    monitor_sentences.change_caption,
    monitor_sentences.chart_caption,
    monitor_sentences.family_verdict,
    monitor_sentences.incident_words,
)


_DECISION_WORDS = (
    live.moment,
    explained.decision_title,
    explained.revision_sentences,
    explained.rules_sentence,
    explained.sent_sentences,
    explained.who_sentences,
)


@dataclass(frozen=True)
class Figure:
    """One chart drawn twice: for wide screens and paper, and for telephones."""

    wide: Markup
    narrow: Markup


def render_story(story: Story) -> str:
    """The page as HTML text. The same story gives the same bytes."""
    amounts = [estimate.value for one in story.money for estimate in (one.policy, one.rules)]
    truths = [v for one in story.truth for v in (one.policy, one.rules, one.everyone, one.hindsight)]
    currency = story.use_case.currency
    return (
        environment()
        .get_template("story.html.j2")
        .render(
            story=story,
            say=paragraphs(story),
            draw=drawings(story),
            total=total_of(story.money),
            steps=recounting.steps(story.releases),
            skill_of=_by_release(story.performance),
            watched=monitor_charts.shown(story.monitoring),
            scale=figures.money_scale(amounts, currency),
            truth_scale=figures.money_scale(truths, currency),
            dateline=spans.dateline(story.first, story.last),
            level=figures.percent(story.interval_level),
            subject=legacy.subject_of(story.money),
        )
    )


def render_decision(story: Story) -> str:
    """The page of one decision, whole and to be printed, as HTML text; ``story.worked`` is an explained decision."""
    return (
        environment()
        .get_template("explained.html.j2")
        .render(story=story, say=paragraphs(story), draw=drawings(story), subject="")
    )


@cache
def environment() -> Environment:
    """Jinja with autoescape on and the filters that the templates use."""
    made = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "money": figures.money,
        "fine_money": figures.fine_money,
        "size": figures.data_size,
        "percent": figures.percent,
        "rate": figures.rate,
        "count": figures.count,
        "number": figures.number,
        "day": figures.day,
        "period": _label,
        "brief": _brief,
        "capital": figures.capital,
        "age": features.age_words,
    }
    made.globals |= {
        "span": money.span,
        "verdict_sentence": explaining.verdict_sentence,
        "check_title": explaining.check_title,
        "told_in_full": explaining.told_in_full,
        "passed_otherwise": explaining.passed_otherwise,
        "most_rows": MOST_ROWS,
        "whatever_comes": money.whatever_comes,
        **{one.__name__: one for one in (*_WATCH_WORDS, *_DECISION_WORDS)},
    }
    return made


def _by_release(lines: Sequence[CohortPerformance]) -> dict[str, list[CohortPerformance]]:
    """The lines of each release, in the order in which releases were first measured."""
    found: dict[str, list[CohortPerformance]] = {}
    for line in lines:
        found.setdefault(line.release, []).append(line)
    return found


def _label(period: str) -> str:
    """A period's name that may break between its words, for tables."""
    return figures.period_label(period).replace(figures.NBSP, " ")


def _brief(period: str) -> str:
    """A period's short name."""
    return figures.period_label(period, True)


def _template(name: str) -> str | None:
    source = files("decisionloop.report") / "templates" / name
    return source.read_text(encoding="utf-8") if source.is_file() else None


def paragraphs(story: Story) -> dict[str, tuple[str, ...]]:
    """The sentences of each section; sections without data have none."""
    case, currency = story.use_case, story.use_case.currency
    subject = legacy.subject_of(story.money)
    said: dict[str, tuple[str, ...]] = {
        "money": legacy.told_of(subject, money.money_sentences(story.money, currency)),
    }
    if story.stop_losses:
        said["stop_losses"] = stop_loss.stop_loss_sentences(story.stop_losses, currency)
    if story.legacy:
        said["legacy"] = tuple(legacy.legacy_sentences(story.legacy, case))
    if story.overrides:
        said["overrides"] = tuple(overrides.override_sentences(story.overrides, case))
    if story.bad_release:
        said["bad_release"] = bad_release.bad_release_sentences(story.bad_release, case.noun, currency)
    if story.performance:
        skill = explaining.skill_sentence(story.performance, case.noun)
        said["skill"] = (skill,)
        said["calibration"] = (explaining.calibration_sentence(story.performance, case.outcome, case.noun),)
    if story.actions:
        # Of what another system did it is said beside it what the rules would have earned.
        is_observed = subject == "the other system"
        said["actions"] = () if is_observed else legacy.told_of(subject, (evidence.actions_sentence(story.actions),))
    if story.promises:
        said["promises"] = tuple(evidence.promise_sentence(one, currency) for one in story.promises)
    if story.explored:
        said["explored"] = explaining.explored_sentences(story.explored, case.outcome, currency)
    if story.features:
        said["features"] = features.features_sentences(story.features, currency)
    if story.impact:
        said["impact"] = (explaining.impact_sentence(story.impact, story.minimum_impact_ratio),)
    if story.worked:
        said["choice"] = (
            recounting.choice_sentence(story.worked, case),
            recounting.propensity_sentence(story.worked, case.noun),
        )
        said["outcome"] = (
            overrides.executed_sentence(story.worked, case),
            recounting.outcome_sentence(story.worked, case),
        )
    if story.batches:
        said["batches"] = (recounting.batches_sentence(story.batches),)
    if story.quality:
        said["quality"] = (recounting.quality_sentence(story.quality),)
    if story.serving:
        said["serving"] = costs.serving_sentences(story.serving, currency)
    if story.monitoring:
        said |= monitor_sentences.paragraphs(story.monitoring, case)
    if story.truth:
        said["truth"] = recounting.truth_sentences(story.truth, story.money, case, story.interval_level)
        said["captured"] = capture.capture_sentences(story.captured, case.currency)
    return {name: tuple(s for s in sentences if s) for name, sentences in _with_caveats(said, story).items()}


_SECTIONS: dict[Subject, str] = {"rates": "calibration"}
"""Where the caveats of a subject stand, if not in the section of its name."""


def _with_caveats(said: dict[str, tuple[str, ...]], story: Story) -> dict[str, tuple[str, ...]]:
    """Every section with the caveats of its figures behind its sentences, and the money with the calendar."""
    told = dict(said)
    for subject in get_args(Subject):
        section = _SECTIONS.get(subject, subject)
        if section in told:
            told[section] = (*told[section], *beside.caveats_about(story.caveats, subject))
    if story.events:
        told["money"] = (*told["money"], beside.events_sentence(story.events))
    return told


def drawings(story: Story) -> dict[str, Figure]:
    """The charts of the story, each at two widths."""
    case = story.use_case
    drawn: dict[str, Callable[[str, float], str]] = dict(monitor_charts.charts_of(story.monitoring, story.events))
    if story.money:
        drawn["money"] = lambda name, width: charts.money_chart(story.money, case.currency, name, width, story.events)
    if story.releases:
        drawn["timeline"] = lambda name, width: row_charts.timeline_chart(
            story.releases, story.first, max(story.last, *(event.on for event in story.releases)), name, width
        )
    if any(line.auc.is_known for line in story.performance):
        last = explaining.leading(story.performance)[-1]
        drawn["skill"] = lambda name, width: charts.skill_chart(
            story.performance, last.auc_threshold, name, width, story.events
        )
    if any(line.observed_rate is not None for line in story.performance):
        drawn["calibration"] = lambda name, width: row_charts.calibration_chart(
            explaining.leading(story.performance), name, width
        )
    if story.worked and any(reason.contribution is not None for reason in story.worked.reasons):
        reasons = story.worked.reasons
        drawn["reasons"] = lambda name, width: row_charts.reasons_chart(reasons, name, width)
    if story.batches:
        drawn["shares"] = lambda name, width: charts.shares_chart(story.batches, case, name, width, story.events)
    if story.truth:
        drawn["truth"] = lambda name, width: row_charts.truth_chart(story.truth, case.currency, name, width)
    return {
        name: Figure(
            Markup(draw(f"{name}-wide", charts.WIDE)),  # the charts escape what they are given
            Markup(draw(f"{name}-narrow", charts.NARROW)),
        )
        for name, draw in drawn.items()
    }
