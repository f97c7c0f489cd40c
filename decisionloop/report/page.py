"""From a story to one self-contained HTML file: sentences and charts are made here, markup is in the templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from decisionloop.report.charts import monitors as monitor_charts
from decisionloop.report.charts import rows as row_charts
from decisionloop.report.charts import series as charts
from decisionloop.report.record.lines import CohortPerformance
from decisionloop.report.record.story import Story
from decisionloop.report.record.totals import total_of, with_halted, years_as_one
from decisionloop.report.words import (
    explained,
    explaining,
    features,
    figures,
    legacy,
    live,
    money,
    monitor_sentences,
    monitors,
    recounting,
    spans,
)
from decisionloop.report.words.difference import difference_parts
from decisionloop.report.words.gists import gists, told_in_lanes, told_in_steps
from decisionloop.report.words.glance import glance_of, said_at_first
from decisionloop.report.words.naming import REPLAY_LAG
from decisionloop.report.words.sections import paragraphs, said_once

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
    currency, said = story.use_case.currency, paragraphs(story)
    said["money"] = (*story.headline.standfirst, *said["money"])
    first = said_at_first(story)
    gist = said_once(gists(story, said), first)
    before = (*first, *(one for sentences in gist.values() for one in sentences))
    return (
        environment()
        .get_template("story.html.j2")
        .render(
            story=story,
            glance=glance_of(story),
            gist=gist,
            parts=difference_parts(story),
            say=said_once(said, before),
            draw=drawings(story),
            total=total_of(story.money),
            is_year_pooled=bool(years_as_one(story.money)),
            steps=recounting.steps(told_in_steps(story.releases, story.verdicts)),
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
        "coded": _coded,
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


def _coded(text: str) -> Markup:
    """Text with what stands between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one backtick has no fellow: it stands for itself
        return Markup("{}").format(text)
    told = (
        Markup("<code>{}</code>").format(one) if at % 2 else Markup("{}").format(one) for at, one in enumerate(parts)
    )
    return Markup("").join(told)


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


Drawing = Callable[[str, float], str]
"""From a name and a width to a chart."""

CHARTS: Mapping[str, Callable[[Story], Drawing | None]] = {
    "money": lambda story: partial(_money_chart, story) if story.money else None,
    "timeline": lambda story: partial(_timeline, story) if told_in_lanes(story.releases) else None,
    "skill": lambda story: partial(_skill_chart, story) if any(one.auc.is_known for one in story.performance) else None,
    "calibration": lambda story: (
        partial(row_charts.calibration_chart, explaining.leading(story.performance))
        if any(line.observed_rate is not None for line in story.performance)
        else None
    ),
    "reasons": lambda story: (
        partial(row_charts.reasons_chart, story.worked.reasons)
        if story.worked and any(reason.contribution is not None for reason in story.worked.reasons)
        else None
    ),
    "shares": lambda story: partial(_shares_chart, story) if story.batches else None,
    "truth": lambda story: (
        partial(row_charts.truth_chart, story.truth, story.use_case.currency) if story.truth else None
    ),
}
"""How each chart is drawn, by its name; None where there is nothing to draw."""


def drawings(story: Story) -> dict[str, Figure]:
    """The charts of the story, each at two widths."""
    told = {name: chart(story) for name, chart in CHARTS.items()}
    of_monitors = dict(monitor_charts.charts_of(story.monitoring, story.events))
    drawn = of_monitors | {name: draw for name, draw in told.items() if draw is not None}
    return {
        name: Figure(
            Markup(draw(f"{name}-wide", charts.WIDE)),  # the charts escape what they are given
            Markup(draw(f"{name}-narrow", charts.NARROW)),
        )
        for name, draw in drawn.items()
    }


def _money_chart(story: Story, name: str, width: float) -> str:
    periods, halted = with_halted(story.money, story.batches)
    return charts.money_chart(periods, story.use_case.currency, name, width, story.events, halted)


def _timeline(story: Story, name: str, width: float) -> str:
    near = [event.on for event in story.releases if event.on - story.last <= REPLAY_LAG]
    last = max(story.last, *near)  # what a person did long after a replay would leave no room for the replay
    lanes = [replace(one, on=min(one.on, last)) for one in told_in_lanes(story.releases)]
    return row_charts.timeline_chart(lanes, story.first, last, name, width)


def _skill_chart(story: Story, name: str, width: float) -> str:
    last = explaining.leading(story.performance)[-1]
    return charts.skill_chart(story.performance, last.auc_threshold, name, width, story.events)


def _shares_chart(story: Story, name: str, width: float) -> str:
    return charts.shares_chart(story.batches, story.use_case, name, width, story.events)
