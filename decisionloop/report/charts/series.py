"""Charts over time, as SVG text: money per period, skill per cohort, share of each action per batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from decisionloop.report.charts import svg
from decisionloop.report.record.beside import KnownEvent
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import BatchLine, CohortPerformance
from decisionloop.report.record.story import RULES, PeriodMoney, UseCaseLines
from decisionloop.report.words.figures import MoneyScale, capital, money_scale, period_label, without_year
from decisionloop.report.words.legacy import subject_of

WIDE, NARROW = 680.0, 342.0
_LABELLED = 46.0  # narrowest group, in drawing units, whose bars still have room for their figures


@dataclass(frozen=True)
class Frame:
    """The plotting area inside a drawing, and its vertical scale."""

    width: float
    height: float
    top: float
    bottom: float
    left: float
    levels: tuple[float, ...]

    @property
    def y(self) -> svg.Scale:
        """From data to vertical drawing units."""
        return svg.Scale(self.levels[0], self.levels[-1], self.height - self.bottom, self.top)

    def slot(self, index: int, slots: int) -> tuple[float, float]:
        """Centre and width of one of ``slots`` equal columns."""
        width = (self.width - self.left) / max(1, slots)
        return self.left + (index + 0.5) * width, width

    def grid(self, wordings: Iterable[str]) -> Iterator[Markup]:
        """A hairline and a label at each level; the line at zero is stronger."""
        for level, wording in zip(self.levels, wordings, strict=True):
            y = self.y(level)
            yield svg.line(self.left, y, self.width, y, "zero" if level == 0 else "grid")
            yield svg.text(self.left - 8, y + 4, wording, "tick", "end")


@dataclass(frozen=True)
class _Bar:
    """Where a bar stands, in drawing units, how it looks, and at which of its edges its figure is anchored, if any."""

    x: float
    width: float
    css: str
    anchor: str


def legend(entries: Sequence[tuple[str, str]], width: float, y: float = 12) -> tuple[list[Markup], float]:
    """Coloured words on as many lines as they need: (css, wording) each; returns marks and the next free y."""
    marks, x = [], 0.0
    for css, wording in entries:
        length = 16 + svg.length(wording)
        if x and x + length > width:
            x, y = 0.0, y + 18
        shape = _swatch(css, x, y)
        words = svg.text(x + 16, y, svg.shortened(wording, width - 16, 12.5), "legend")
        marks += [shape, words]
        x += length + 14
    return marks, y + 12


def _swatch(css: str, x: float, y: float) -> Markup:
    if css.startswith("bar"):
        return svg.rect(x, y - 9, 10, 10, css)
    if css == "halt":
        return svg.cross(x + 5, y - 4, 4, css)
    return (svg.diamond if "diamond" in css else svg.circle)(x + 5, y - 4, 5, css)


def _ends(estimates: Iterable[Estimate]) -> list[float]:
    return [end for e in estimates for end in (e.value, e.low, e.high) if end is not None]


def money_chart(
    periods: Sequence[PeriodMoney],
    currency: str,
    name: str = "money",
    width: float = WIDE,
    events: Sequence[KnownEvent] = (),
    halted: Collection[str] = (),
) -> str:
    """Bars of the loop's and the rules' money per period, with whiskers for their intervals; a cross above the periods
    in which a batch was ``halted``."""
    ends = _ends(e for one in periods if one.is_mature for e in (one.policy, one.rules))
    scale = money_scale(ends, currency)
    subject = subject_of(periods)
    done = subject if subject == "what was done" else f"{subject}, as it decided"
    entries = [("bar policy", done), ("bar rules", "the rules alone")]
    entries += [("halt", "a batch was halted")] if halted else []
    marks, top = legend(entries, width)
    marks.append(svg.text(0, top + 6, scale.unit, "tick"))
    headroom = 0.1 * (max([0.0, *ends]) - min([0.0, *ends]))  # for the figures beyond the whiskers
    levels = svg.ticks(min([0.0, *(end - headroom for end in ends if end < 0)]), max([0.0, *ends]), 5)
    frame = Frame(width, 300 + top, top + 28, 58, 44, levels)
    wordings = [scale.figure(level).replace("+", "").removesuffix(".0") for level in levels]
    marks += shades([one.period for one in periods], events, frame)
    marks += frame.grid(wordings)
    longest = max((len(scale.figure(e.value)) for one in periods for e in (one.policy, one.rules)), default=0)
    has_figures = frame.slot(0, len(periods))[1] >= 1.8 * longest * 11.5 * svg.EM
    for index, one in enumerate(periods):
        marks += _money_group(one, scale, frame, (index, len(periods)), has_figures)
        if one.period in halted:
            marks.append(svg.cross(frame.slot(index, len(periods))[0], frame.top - 14, 4, "halt"))
    marks += dates([one.period for one in periods], frame)
    by = "" if subject == "what was done" else "by "
    title = f"Money earned or lost, {by}{subject} and by the rules alone"
    description = f"Two bars for each of {len(periods)} periods; whiskers are intervals. The table has the figures."
    return svg.drawing(name, title, description, (frame.width, frame.height), marks)


def _money_group(
    one: PeriodMoney, scale: MoneyScale, frame: Frame, place: tuple[int, int], has_figures: bool
) -> Iterator[Markup]:
    centre, slot = frame.slot(*place)
    if slot >= _LABELLED:
        decider = _decider(one, slot) if one.decided_by else ""
        yield svg.text(centre, frame.height - frame.bottom + 38, decider, "tick", "middle")
    if not one.is_mature:
        words = "not yet" if one.decided_by else "halted"
        words = words if slot >= _LABELLED else "?" if one.decided_by else ""
        yield svg.text(centre, frame.y(0) - 6, words, "tick", "middle")
        return
    bar = min(30.0, slot * 0.38)
    policy = _Bar(centre - bar - 1, bar, "policy", "end" if has_figures else "")
    rules = _Bar(centre + 1, bar, "rules", "start" if has_figures else "")
    yield from _money_bar(one.policy, scale, frame, policy)
    yield from _money_bar(one.rules, scale, frame, rules)


def _decider(one: PeriodMoney, room: float) -> str:
    if one.is_by_rules:
        return "rules"
    words = "rules, then model" if RULES in one.decided_by else "model"
    return words if svg.length(words) <= room else "both" if RULES in one.decided_by else "model"


def _money_bar(estimate: Estimate, scale: MoneyScale, frame: Frame, bar: _Bar) -> Iterator[Markup]:
    if estimate.value is None:
        return
    zero, end = frame.y(0), frame.y(estimate.value)
    yield svg.rect(bar.x, min(zero, end), bar.width, abs(end - zero), f"bar {bar.css}")
    reach = [end]
    if estimate.low is not None and estimate.high is not None:
        reach += [frame.y(estimate.low), frame.y(estimate.high)]
        yield svg.whisker(bar.x + bar.width / 2, reach[1], reach[2], f"whisker {bar.css}")
    if bar.anchor:
        y = max(reach) + 14 if estimate.value < 0 else min(reach) - 6
        edge = bar.x + bar.width if bar.anchor == "end" else bar.x
        yield svg.text(edge, y, scale.figure(estimate.value), f"value {bar.css}", bar.anchor)


def skill_chart(
    lines: Sequence[CohortPerformance],
    threshold: float | None,
    name: str = "skill",
    width: float = WIDE,
    events: Sequence[KnownEvent] = (),
) -> str:
    """AUC per cohort, as times in 100, with intervals, a line for each release, and the retraining threshold."""
    releases = list(dict.fromkeys(line.release for line in lines))
    cohorts = sorted({line.cohort for line in lines})
    ends = [*_ends(line.auc for line in lines), 0.5, *([threshold] if threshold is not None else [])]
    entries = [(f"dot series-{i % 4}", capital(release)) for i, release in enumerate(releases)]
    marks, top = legend(entries, width)
    levels = svg.ticks(min(ends), 1.0, 5)
    frame = Frame(width, 250 + top, top + 16, 34, 34, levels)
    marks += shades(cohorts, events, frame)
    marks += frame.grid([f"{level * 100:.0f}" for level in levels])
    marks += _reference(frame, 0.5, "a coin toss") + _reference(frame, threshold, "below: train a new model")
    for index, release in enumerate(releases):
        own = [line for line in lines if line.release == release]
        marks += _series(own, cohorts, frame, index, len(lines) == len(cohorts))
    marks += dates(cohorts, frame)
    title = "How often the score points to the right one of two, in 100"
    description = f"One dot for each of {len(cohorts)} cohorts; whiskers are intervals. The table has the figures."
    return svg.drawing(name, title, description, (frame.width, frame.height), marks)


def _reference(frame: Frame, level: float | None, wording: str) -> list[Markup]:
    if level is None:
        return []
    y = frame.y(level)
    label = svg.text(frame.left + 4, y - 5, wording, "tick")
    return [svg.line(frame.left, y, frame.width, y, "reference"), label]


def _series(
    lines: Sequence[CohortPerformance], cohorts: Sequence[str], frame: Frame, index: int, is_alone: bool
) -> list[Markup]:
    """One release's dots; where several releases share a cohort they stand side by side and without figures."""
    css, aside = f"series-{index % 4}", 0.0 if is_alone else (index % 4 - 1.5) * 8
    known = [(frame.slot(cohorts.index(one.cohort), len(cohorts)), one.auc) for one in lines if one.auc.is_known]
    points = [(slot[0] + aside, frame.y(auc.value or 0.0)) for slot, auc in known]
    marks = [svg.path(points, f"trend {css}")] if len(points) > 1 else []
    for (x, y), (slot, auc) in zip(points, known, strict=True):
        if auc.low is not None and auc.high is not None:
            marks.append(svg.whisker(x, frame.y(auc.low), frame.y(auc.high), f"whisker {css}"))
        marks.append(svg.circle(x, y, 4, f"dot {css}"))
        if slot[1] >= _LABELLED and is_alone:
            above = frame.y(max(auc.value or 0.0, auc.high or 0.0)) - 9
            marks.append(svg.text(x, above, f"{(auc.value or 0.0) * 100:.0f}", f"value {css}", "middle"))
    return marks


def dates(periods: Sequence[str], frame: Frame) -> Iterator[Markup]:
    """Labels under the columns: every period where there is room, else the first of each month.

    The first label says its year, and so does every one in another year than the label before it.
    """
    month, year, taken = "", "", -1.0
    for index, period in enumerate(periods):
        centre, slot = frame.slot(index, len(periods))
        is_same, month = slot < _LABELLED and period[:7] == month, period[:7]
        if is_same:
            continue
        label = axis_label(period if slot >= _LABELLED else month, year, slot < 90)
        # The first and last label would otherwise reach over the edge of the drawing.
        half = svg.length(label) / 2
        x = min(max(centre, half), frame.width - half)
        if x - half < taken:
            continue  # a long story on a small screen: every other month must do
        year, taken = period[:4], x + half + 5
        yield svg.text(x, frame.height - frame.bottom + 22, label, "label", "middle")


def shades(periods: Sequence[str], events: Sequence[KnownEvent], frame: Frame) -> Iterator[Markup]:
    """Known events behind a series: the columns that each fell into, with its name; none where it fell into none."""
    for event in events:
        covered = [index for index, period in enumerate(periods) if event.covers(period)]
        if covered:
            (first, slot), (last, _) = (frame.slot(index, len(periods)) for index in (covered[0], covered[-1]))
            left, width = first - slot / 2, last - first + slot
            yield svg.rect(left, frame.top, width, frame.height - frame.bottom - frame.top, "event")
            room = max(width, min(120.0, frame.width - left))
            yield svg.text(left + 3, frame.top + 11, svg.shortened(event.name, room - 6, 11), "tick")


def axis_label(period: str, year: str, is_short: bool) -> str:
    """A period on an axis whose label before it was of ``year`` ("2005"; "" for the first label)."""
    label = period_label(period, is_short)
    return without_year(label) if period[:4] == year else label


def shares_chart(
    batches: Sequence[BatchLine],
    use_case: UseCaseLines,
    name: str = "shares",
    width: float = WIDE,
    events: Sequence[KnownEvent] = (),
) -> str:
    """Columns per batch: the share of decisions of each action but the default; a cross where a batch halted."""
    shown = [action for action in use_case.actions if not action.is_default]
    entries = [(f"bar action-{i % 4}", action.wording) for i, action in enumerate(shown)]
    marks, top = legend(entries, width)
    frame = Frame(width, 190 + top, top + 10, 34, 44, (0.0, 0.25, 0.5, 0.75, 1.0))
    marks += shades([batch.as_of.isoformat() for batch in batches], events, frame)
    marks += frame.grid(("0", "25%", "50%", "75%", "100%"))
    for index, batch in enumerate(batches):
        centre, slot = frame.slot(index, len(batches))
        marks += _column(batch, [a.name for a in shown], frame, centre, min(30.0, slot * 0.72))
    marks += dates([batch.as_of.isoformat() for batch in batches], frame)
    title = "Share of decisions for each action, batch by batch"
    description = f"One column for each of {len(batches)} batches; the rest of a column is the default action."
    return svg.drawing(name, title, description, (frame.width, frame.height), marks)


def _column(batch: BatchLine, actions: Sequence[str], frame: Frame, x: float, bar: float) -> Iterator[Markup]:
    if batch.state == "halted":
        yield svg.cross(x, frame.y(0.04), 4, "halt")
        return
    shares, level = dict(batch.shares), 0.0
    for index, action in enumerate(actions):
        upper = min(1.0, level + shares.get(action, 0.0))
        yield svg.rect(x - bar / 2, frame.y(upper), bar, frame.y(level) - frame.y(upper), f"bar action-{index % 4}")
        level = upper
