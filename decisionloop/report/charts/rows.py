"""Charts in rows, as SVG text: what was expected and what came, the replay's truth, reasons, lives of releases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from decisionloop.report.charts.series import WIDE, axis_label, legend, svg
from decisionloop.report.record.lines import CohortPerformance, ReasonLine, ReleaseEventLine
from decisionloop.report.record.story import PeriodTruth
from decisionloop.report.words.figures import MONTHS, capital, money_scale, percent

_ROW = 34.0


@dataclass(frozen=True)
class Row:
    """One row of marks: its label and (css, value) pairs; values of None are left out."""

    label: str
    marks: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True)
class Plate:
    """What stands around the rows: a name for ids, a title, a description, the legend, the axis."""

    name: str
    title: str
    description: str
    entries: tuple[tuple[str, str], ...]
    levels: tuple[float, ...]
    wordings: tuple[str, ...]
    unit: str = ""


def rows_chart(plate: Plate, rows: Sequence[Row], width: float) -> str:
    """Rows of dots on one common axis, joined by a hairline in each row."""
    marks, top = legend(plate.entries, width)
    left = 98.0 if width > 500 else 54.0
    height = top + 14 + _ROW * len(rows) + 40
    x = svg.Scale(plate.levels[0], plate.levels[-1], left + 14, width - 26)
    foot = height - 40
    for level, wording in zip(plate.levels, plate.wordings, strict=True):
        marks.append(svg.line(x(level), top + 6, x(level), foot, "zero" if level == 0 else "grid"))
        marks.append(svg.text(x(level), foot + 18, wording, "tick", "middle"))
    marks.append(svg.text(width, foot + 36, plate.unit, "tick", "end"))
    for index, row in enumerate(rows):
        marks += _dots(row, x, top + 14 + _ROW * (index + 0.5))
    return svg.drawing(plate.name, plate.title, plate.description, (width, height), marks)


def _dots(row: Row, x: svg.Scale, y: float) -> Iterator[Markup]:
    yield svg.text(0, y + 4, row.label, "label")
    places = [x(value) for _, value in row.marks if value is not None]
    if places:
        yield svg.line(min(places), y, max(places), y, "joint")
    for css, value in row.marks:
        if value is not None:
            # A ring around a dot: both stay visible where their values coincide.
            radius = 6.5 if "hollow" in css else 4.0 if "dot" in css else 5.0
            yield (svg.diamond if "diamond" in css else svg.circle)(x(value), y, radius, css)


def _labels(periods: Sequence[str], width: float) -> list[str]:
    """Labels of rows, the year where it is another than in the row above."""
    above = ["", *(period[:4] for period in periods)]
    is_short = width <= 500
    return [axis_label(one, above[index], is_short or len(one) > 7) for index, one in enumerate(periods)]


def calibration_chart(lines: Sequence[CohortPerformance], name: str = "calibration", width: float = WIDE) -> str:
    """Expected and observed share of the outcome per cohort."""
    rates = [rate for line in lines for rate in (line.predicted_rate, line.observed_rate) if rate is not None]
    levels = svg.ticks(0.0, max(rates, default=0.1), 4)
    plate = Plate(
        name,
        "What was expected and what happened",
        f"For each of {len(lines)} cohorts the expected and the observed share. The table has the figures.",
        (("dot hollow", "expected"), ("dot policy", "happened")),
        levels,
        tuple(percent(level) if level else "0" for level in levels),
    )
    labels = _labels([line.cohort for line in lines], width)
    rows = [
        Row(label, (("dot hollow", line.predicted_rate), ("dot policy", line.observed_rate)))
        for label, line in zip(labels, lines, strict=True)
    ]
    return rows_chart(plate, rows, width)


def truth_chart(truth: Sequence[PeriodTruth], currency: str, name: str = "truth", width: float = WIDE) -> str:
    """Money per period of the loop, the rules, one action for everyone, and perfect foresight: true, or estimated."""
    is_estimated = any(one.is_estimated for one in truth)
    amounts = [v for one in truth for v in (one.policy, one.rules, one.everyone, one.hindsight) if v is not None]
    scale = money_scale(amounts, currency)
    levels = svg.ticks(min([0.0, *amounts]), max([0.0, *amounts]), 5)
    plate = Plate(
        name,
        "What the recorded experiment estimates" if is_estimated else "The truth, which only a replay knows",
        f"Money of four ways to decide in each of {len(truth)} periods. The table has the figures.",
        (
            ("dot policy", "the loop"),
            ("dot hollow", "the rules alone"),
            ("diamond loss", "for everyone"),
            ("diamond best", "perfect foresight"),
        ),
        levels,
        tuple(scale.figure(level).removesuffix(".0") for level in levels),
        scale.unit,
    )
    rows = [
        Row(
            label,
            (
                ("diamond loss", one.everyone),
                ("dot policy", one.policy),
                ("dot hollow", one.rules),
                ("diamond best", one.hindsight),
            ),
        )
        for label, one in zip(_labels([one.period for one in truth], width), truth, strict=True)
    ]
    return rows_chart(plate, rows, width)


def reasons_chart(reasons: Sequence[ReasonLine], name: str = "reasons", width: float = WIDE) -> str:
    """How far each reason moved the score: to the right it rose, to the left it fell."""
    known = [(reason, reason.contribution) for reason in reasons if reason.contribution is not None]
    largest = max((abs(moved) for _, moved in known), default=0.0) or 1.0
    x = svg.Scale(-largest, largest, 0, width)
    height = 30 + 46.0 * len(known)
    marks = [
        svg.text(width / 2 - 10, 12, "lowers the score", "tick", "end"),
        svg.text(width / 2 + 10, 12, "raises the score", "tick"),
        svg.line(width / 2, 20, width / 2, height, "zero"),
    ]
    for index, (reason, moved) in enumerate(known):
        y = 30 + 46.0 * index
        label = f"{capital(reason.wording)}: {reason.value}" if reason.value else capital(reason.wording)
        marks.append(_reason_label(svg.shortened(label, width), moved, y + 12, width))
        css = "bar raises" if moved >= 0 else "bar lowers"
        marks.append(svg.rect(min(x(0), x(moved)), y + 18, abs(x(moved) - x(0)), 12, css))
    title, description = "Reasons", f"How far each of {len(known)} reasons moved the score."
    return svg.drawing(name, title, description, (width, height), marks)


def _reason_label(label: str, moved: float, y: float, width: float) -> Markup:
    """Beside the middle line on the side of its bar, or from that side's edge when it is too long for it."""
    is_long = svg.length(label) > width / 2 - 8
    if moved >= 0:
        return svg.text(width if is_long else width / 2 + 8, y, label, "label", "end" if is_long else "start")
    return svg.text(0 if is_long else width / 2 - 8, y, label, "label", "start" if is_long else "end")


_RUNNING = {"candidate": "candidate", "shadow": "shadow", "canary": "canary", "champion": "champion"}
_STAGE_WORDS = {"candidate": "tried", "shadow": "in shadow", "canary": "on a part", "champion": "decides"}


def timeline_chart(
    events: Sequence[ReleaseEventLine], first: date, last: date, name: str = "timeline", width: float = WIDE
) -> str:
    """A lane for each release: when it ran in shadow, when it decided, how it ended."""
    releases = list(dict.fromkeys(event.release for event in events))
    ends = max(last, first + timedelta(days=1))
    x = svg.Scale(first.toordinal(), ends.toordinal(), 0, width)
    foot = 48.0 * len(releases) + 6
    marks: list[Markup] = []
    ticks = _months(first, ends)
    for month in ticks:
        place = x(month.toordinal())
        marks.append(svg.line(place, 0, place, foot, "grid"))
        label = MONTHS[month.month - 1][:3] + (f" {month.year}" if month in (ticks[0], date(month.year, 1, 1)) else "")
        if place < width - svg.length(label, 11) - 4:
            marks.append(svg.text(place + 4, foot + 16, label, "tick"))
    for index, release in enumerate(releases):
        lane = [event for event in events if event.release == release]
        takeovers = [event.on for event in events if event.stage == "champion" and event.release != release]
        marks += _lane(lane, x, 48.0 * index, width, [*takeovers, ends])
    description = f"Lives of {len(releases)} releases. The list has every step with its date and reason."
    return svg.drawing(name, "Who decided when", description, (width, foot + 26), marks)


def _months(first: date, last: date) -> list[date]:
    months = {date(day.year, day.month, 1) for day in (first + timedelta(d) for d in range((last - first).days + 1))}
    return sorted({max(month, first) for month in months})


def _lane(
    events: Sequence[ReleaseEventLine], x: svg.Scale, top: float, width: float, ends: Sequence[date]
) -> Iterator[Markup]:
    """One release's stages; it stops deciding when another takes over (``ends``; the last is the page's end)."""
    steps = sorted(events, key=lambda event: event.on)
    start = x(steps[0].on.toordinal())
    name = svg.shortened(capital(steps[0].release), width)
    is_late = start + svg.length(name) > width
    yield svg.text(width if is_late else start, top + 14, name, "label", "end" if is_late else "start")
    nexts = [*(event.on for event in steps[1:]), ends[-1]]
    for event, own in zip(steps, nexts, strict=True):
        others = [day for day in ends if day >= event.on] if event.stage == "champion" else []
        until = min([own, *others])
        begin, end = x(event.on.toordinal()), x(until.toordinal())
        if event.stage in _RUNNING:
            yield svg.rect(begin, top + 20, end - begin, 16, f"stage {_RUNNING[event.stage]}")
            words = _STAGE_WORDS[event.stage]
            if end - begin > svg.length(words, 11) + 4:
                yield svg.text(begin + 5, top + 32, words, f"stage-label {event.stage}-label")
        elif event.stage in {"refused", "rolled_back"}:
            yield svg.cross(min(width - 6, max(6, begin + 6)), top + 28, 4, "halt")
