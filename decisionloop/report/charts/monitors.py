"""Charts of the monitors, as SVG text: a measure through time against its limit, and what changed in an alarm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from markupsafe import Markup

from decisionloop.report.charts.series import WIDE, Frame, dates, legend, shades, svg
from decisionloop.report.record.beside import KnownEvent
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.monitor_lines import FamilyWatch, Monitoring, Series, Shares, WatchPoint
from decisionloop.report.words.figures import MINUS, percent

_WHISKER_ROOM = 9.0  # narrowest column, in drawing units, where single whiskers can be told apart
_MOST_BARS = 14


def shown(monitoring: Monitoring | None) -> list[tuple[str, FamilyWatch]]:
    """The families that have something to show, each with the name of its chart."""
    families = monitoring.families if monitoring else ()
    return [(f"watch-{index}", family) for index, family in enumerate(families) if family.is_watched]


def charts_of(
    monitoring: Monitoring | None, events: Sequence[KnownEvent] = ()
) -> Iterator[tuple[str, Callable[[str, float], str]]]:
    """The charts of each family by name: its leading series, and what changed in its last alarm."""
    for chart, family in shown(monitoring):
        for index, series in enumerate(family.charted):
            is_told_below = family.foretold is not None and series == family.seen
            if not is_told_below and any(one.estimate.is_known for one in series.points):
                yield f"{chart}-{index}", partial(watch_chart, series, events=events)
        if family.foretold and family.seen:
            yield f"{chart}-foretold", partial(foretold_chart, family.seen, family.foretold, events=events)
        alarm = family.last_shares
        if alarm is not None and alarm.shares is not None:
            yield f"{chart}-change", partial(shares_then_and_now, alarm.shares)


def watch_chart(series: Series, name: str = "watch", width: float = WIDE, events: Sequence[KnownEvent] = ()) -> str:
    """Points with intervals, hairlines to what missing outcomes could make of them, the limit as a step, alarms.

    With more cohorts than whiskers have room for, the intervals become a band.
    """
    return _chart(series, None, name, width, events)


def foretold_chart(
    seen: Series, foretold: Series, name: str = "foretold", width: float = WIDE, events: Sequence[KnownEvent] = ()
) -> str:
    """The same, with what was foretold of each cohort as rings."""
    return _chart(seen, foretold, name, width, events)


def _chart(series: Series, beside: Series | None, name: str, width: float, events: Sequence[KnownEvent]) -> str:
    cohorts = sorted({one.cohort for one in (*series.points, *(beside.points if beside else ()))})
    entries = list(_entries(series, beside))
    marks, top = legend(entries, width)
    levels = _levels(series, beside)
    frame = Frame(width, 210 + top, top + 12, 34, 50, levels)
    marks += shades(cohorts, events, frame)
    marks += frame.grid([_tick(series.unit, level) for level in levels])
    marks += _limit(series.points, cohorts, frame)
    if beside:
        marks += _rings(beside.points, cohorts, frame)
    marks += _points(series.points, cohorts, frame)
    marks += dates(cohorts, frame)
    title = f"{series.wording}, cohort by cohort"
    description = f"{len(series.points)} measurements, {series.alarms} of them alarms. The table has the figures."
    return svg.drawing(name, title, description, (frame.width, frame.height), marks)


def _entries(series: Series, beside: Series | None) -> Iterator[tuple[str, str]]:
    yield "dot policy", "measured"
    if beside:
        yield "dot hollow", "foretold"
    if any(not one.is_mature for one in series.points):
        yield "dot early", "not complete yet"
    if any(one.threshold is not None for one in series.points):
        yield "bar limit", "limit"
    if series.alarms:
        yield "diamond loss", "alarm"


def _tick(unit: str, level: float) -> str:
    if unit == "share" and 0 < abs(level) < 0.001:  # ticks must differ, so none of them is "under 0.1%"
        return f"{MINUS if level < 0 else ''}{100 * abs(level):.2g}%"
    if unit == "share" and abs(level) <= 10:
        return percent(level) if level else "0"
    if abs(level) >= 1e5:
        return f"{level:.2g}"
    return f"{level:,.0f}" if abs(level) >= 100 or level == int(level) else f"{level:.3g}"


def _levels(series: Series, beside: Series | None) -> tuple[float, ...]:
    """Ticks over all values and limits; intervals and bounds widen them by no more than their own span a side."""
    points = (*series.points, *(beside.points if beside else ()))
    base = [v for one in points for v in (one.estimate.value, one.threshold) if v is not None]
    if not base:
        return svg.ticks(0.0, 1.0, 4)
    low, high = min(base), max(base)
    span = (high - low) or abs(high) or 1.0
    spans = [end for one in points for end in (one.estimate, one.estimate.at_the_bounds)]
    ends = [v for one in spans for v in (one.low, one.high) if v is not None]
    low, high = min([low, *(max(low - span, end) for end in ends)]), max([high, *(min(high + span, e) for e in ends)])
    if series.unit != "money" and min(base) >= 0 and low < 0.6 * high:
        low = 0.0  # a share or ratio: an interval that reaches below 0 ends there
    return svg.ticks(low, high, 4)


def _limit(points: Sequence[WatchPoint], cohorts: Sequence[str], frame: Frame) -> Iterator[Markup]:
    """The limit over each column; a step where it changes, a gap where there was none."""
    run: list[tuple[float, float]] = []
    for index, one in enumerate(_by_cohort(points, cohorts)):
        if one is None or one.threshold is None:
            yield from [svg.path(run, "limit")] if run else []
            run = []
            continue
        centre, slot = frame.slot(index, len(cohorts))
        y = frame.y(one.threshold)
        run += [(centre - slot / 2, y), (centre + slot / 2, y)]
    if run:
        yield svg.path(run, "limit")


def _by_cohort(points: Sequence[WatchPoint], cohorts: Sequence[str]) -> list[WatchPoint | None]:
    found = {one.cohort: one for one in points}
    return [found.get(cohort) for cohort in cohorts]


def _rings(points: Sequence[WatchPoint], cohorts: Sequence[str], frame: Frame) -> Iterator[Markup]:
    for index, one in enumerate(_by_cohort(points, cohorts)):
        if one is not None and one.estimate.value is not None:
            centre, slot = frame.slot(index, len(cohorts))
            yield svg.circle(centre, frame.y(one.estimate.value), min(5.0, 0.4 * slot), "dot hollow")


def _points(points: Sequence[WatchPoint], cohorts: Sequence[str], frame: Frame) -> list[Markup]:
    slot = frame.slot(0, len(cohorts))[1]
    placed = [
        (frame.slot(index, len(cohorts))[0], one)
        for index, one in enumerate(_by_cohort(points, cohorts))
        if one is not None and one.estimate.is_known
    ]
    known = [(x, one.estimate) for x, one in placed]
    spans = list(_whiskers(known, frame, "series-0")) if slot >= _WHISKER_ROOM else list(_bands(placed, slot, frame))
    spans += _whiskers([(x, one.at_the_bounds) for x, one in known], frame, "bounds")
    trend = [(x, frame.y(one.estimate.value or 0.0)) for x, one in placed]
    radius = min(4.0, max(1.6, 0.3 * slot))
    marks = [*spans, *([svg.path(trend, "trend")] if len(trend) > 1 else [])]
    for (x, y), (_, one) in zip(trend, placed, strict=True):
        if one.is_alarm:
            marks.append(svg.diamond(x, y, 6, "diamond loss"))
        else:
            marks.append(svg.circle(x, y, radius, "dot policy" if one.is_mature else "dot early"))
    return marks


def _whiskers(placed: Sequence[tuple[float, Estimate]], frame: Frame, css: str) -> Iterator[Markup]:
    for x, one in placed:
        if one.low is not None and one.high is not None:
            yield svg.line(x, frame.y(one.low), x, frame.y(one.high), f"whisker {css}")


def _bands(placed: Sequence[tuple[float, WatchPoint]], slot: float, frame: Frame) -> Iterator[Markup]:
    """Bands over runs of neighbours that all have an interval."""
    runs: list[list[tuple[float, float, float]]] = []
    for x, one in placed:
        if one.estimate.low is None or one.estimate.high is None:
            continue
        if not runs or x - runs[-1][-1][0] > 1.5 * slot:
            runs.append([])
        runs[-1].append((x, frame.y(one.estimate.low), frame.y(one.estimate.high)))
    for run in runs:
        edge = [(run[0][0] - slot / 2, *run[0][1:]), *run, (run[-1][0] + slot / 2, *run[-1][1:])]
        yield svg.area([*((x, low) for x, low, _ in edge), *((x, high) for x, _, high in reversed(edge))], "band")


def shares_then_and_now(shares: Shares, name: str = "change", width: float = WIDE) -> str:
    """Two bars a label: its share in the reference and now. Of many labels, those that changed most."""
    rows = list(zip(shares.labels, shares.reference, shares.current, strict=True))
    moved = sorted(range(len(rows)), key=lambda i: -abs(rows[i][1] - rows[i][2]))[:_MOST_BARS]
    shown = [rows[i] for i in sorted(moved)]
    marks, top = legend((("bar rules", "reference"), ("bar policy", "now")), width)
    left = min(0.4 * width, 8 + max((svg.length(label) for label, _, _ in shown), default=0.0))
    x = svg.Scale(0.0, max((share for row in shown for share in row[1:]), default=0.0) or 1.0, left + 8, width - 44)
    for index, (label, before, now) in enumerate(shown):
        y = top + 12 + 34.0 * index
        marks.append(svg.text(left, y + 17, svg.shortened(label, left), "label", "end"))
        for share, offset, css in ((before, 0.0, "rules"), (now, 13.0, "policy")):
            marks.append(svg.rect(x.start, y + offset, x(share) - x.start, 10, f"bar {css}"))
            marks.append(svg.text(x(share) + 6, y + offset + 9, percent(share), f"value {css}"))
    hidden = len(rows) - len(shown)
    rest = f"; {hidden} that moved less are left out" if hidden else ""
    description = f"Two bars for each of {len(shown)} values{rest}."
    size = (width, top + 12 + 34.0 * len(shown))
    return svg.drawing(name, "What it was and what it is now", description, size, marks)
