"""Charts are well-formed, finite, inside their frame, and say what they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.contract import UseCase
from decisionloop.contract.monitoring import KnownEvent as ContractEvent
from decisionloop.ledger.batches import time_of_cohort
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.known_events import with_known_events
from decisionloop.observe.estimate import Estimate as MeasuredShare
from decisionloop.report.charts import rows as row_charts
from decisionloop.report.charts import series as charts
from decisionloop.report.charts import svg
from decisionloop.report.page import drawings, paragraphs
from decisionloop.report.read.beside import known_events
from decisionloop.report.record.beside import KnownEvent
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import ReasonLine
from decisionloop.report.record.story import PeriodMoney, Story
from decisionloop.report.record.totals import with_halted
from decisionloop.report.words.beside import events_sentence
from decisionloop.report.words.figures import MINUS

SVG = "{http://www.w3.org/2000/svg}"
Draw = Callable[[Story, float], str]
DRAWINGS: dict[str, Draw] = {
    "money": lambda s, w: charts.money_chart(s.money, "NTD", "money", w),
    "skill": lambda s, w: charts.skill_chart(s.performance, 0.83, "skill", w),
    "shares": lambda s, w: charts.shares_chart(s.batches, s.use_case, "shares", w),
    "calibration": lambda s, w: row_charts.calibration_chart(s.performance, "calibration", w),
    "truth": lambda s, w: row_charts.truth_chart(s.truth, "NTD", "truth", w),
    "reasons": lambda s, w: row_charts.reasons_chart(s.worked.reasons if s.worked else (), "reasons", w),
    "timeline": lambda s, w: row_charts.timeline_chart(s.releases, s.first, s.last, "timeline", w),
}


def parsed(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)


def texts(drawing: str) -> list[str]:
    return ["".join(node.itertext()) for node in parsed(drawing).iter(f"{SVG}text")]


def _coordinates(node: ElementTree.Element) -> list[tuple[float, float]]:
    def at(*names: str) -> tuple[float, ...]:
        return tuple(float(node.get(name, "nan")) for name in names)

    match node.tag.removeprefix(SVG):
        case "line":
            return [(at("x1")[0], at("y1")[0]), (at("x2")[0], at("y2")[0])]
        case "rect":
            x, y, width, height = at("x", "y", "width", "height")
            return [(x, y), (x + width, y + height)]
        case "circle":
            x, y, r = at("cx", "cy", "r")
            return [(x - r, y - r), (x + r, y + r)]
        case "polyline" | "polygon":
            return [tuple(map(float, p.split(","))) for p in node.get("points", "").split()]  # type: ignore[misc]
        case "text":
            (x, y), wide = at("x", "y"), len("".join(node.itertext())) * 12 * svg.EM * 0.9
            left = {"start": x, "middle": x - wide / 2, "end": x - wide}[node.get("text-anchor", "start")]
            return [(left, y - 9), (left + wide, y + 2)]
    return []


def assert_inside(drawing: str) -> None:
    root = parsed(drawing)
    _, _, width, height = map(float, root.get("viewBox", "").split())
    for node in root.iter():
        for x, y in _coordinates(node):
            where = f"{node.tag} {node.attrib} {node.text}"
            assert -8 <= x <= width + 8, where
            assert -2 <= y <= height + 2, where


@pytest.mark.parametrize("width", [charts.WIDE, charts.NARROW])
@pytest.mark.parametrize("name", DRAWINGS)
def test_a_chart_is_readable_xml_inside_its_frame_with_a_title(name: str, width: float, story: Story) -> None:
    drawing = DRAWINGS[name](story, width)
    root = parsed(drawing)
    assert drawing == DRAWINGS[name](story, width)
    assert "nan" not in drawing.lower().replace("finance", "")
    assert root.get("role") == "img"
    ids = {node.get("id") for node in root.iter() if node.get("id")}
    assert set(root.get("aria-labelledby", "").split()) == ids == {f"{name}-title", f"{name}-desc"}
    assert all("".join(node.itertext()).strip() for node in root.iter(f"{SVG}title"))
    assert_inside(drawing)


def test_the_money_chart_labels_periods_figures_and_deciders(story: Story) -> None:
    shown = texts(DRAWINGS["money"](story, charts.WIDE))
    assert {"May\u00a02005", "June", "July", "August", "September"} <= set(shown)
    assert {"+4.1", "+5.0", f"{MINUS}12.6", f"{MINUS}12.2"} <= set(shown)
    assert {"rules", "rules, then model", "model"} <= set(shown)
    assert "NT$\u00a0million" in shown
    assert {"May\u00a02005", "Sep"} <= set(texts(DRAWINGS["money"](story, charts.NARROW)))


def test_bars_hang_below_zero_for_losses_and_stand_above_for_gains(story: Story) -> None:
    root = parsed(DRAWINGS["money"](story, charts.WIDE))
    zero = next(float(node.get("y1", "")) for node in root.iter(f"{SVG}line") if node.get("class") == "zero")
    bars = [node for node in root.iter(f"{SVG}rect") if node.get("class") == "bar policy"][1:]  # without the legend
    tops = [float(node.get("y", "")) for node in bars]
    assert len(bars) == 5
    assert all(top < zero for top in tops[:4])
    assert tops[4] == pytest.approx(zero, abs=0.11)


def test_bar_lengths_are_proportional_to_money(story: Story) -> None:
    root = parsed(DRAWINGS["money"](story, charts.WIDE))
    bars = [node for node in root.iter(f"{SVG}rect") if node.get("class") == "bar policy"][1:]
    per_million = [
        float(bar.get("height", "")) / abs((one.policy.value or 0.0) / 1e6)
        for bar, one in zip(bars, story.money, strict=True)
    ]
    assert per_million == pytest.approx([per_million[0]] * 5, rel=0.01)


def test_an_immature_period_has_a_label_and_no_bars(story: Story) -> None:
    late = replace(story.money[-1], is_mature=False)
    drawing = charts.money_chart([late], "NTD")
    assert "not yet" in texts(drawing)
    bars = [node for node in parsed(drawing).iter(f"{SVG}rect") if node.get("class") == "bar policy"]
    assert len(bars) == 1  # the legend's


money_values = st.one_of(st.none(), st.floats(min_value=-1e12, max_value=1e12))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(money_values, money_values, st.floats(0, 1e12)), min_size=1, max_size=30))
def test_any_money_stays_inside_the_frame(rows: list[tuple[float | None, float | None, float]]) -> None:
    def around(value: float | None, half: float) -> Estimate:
        return Estimate() if value is None else Estimate(value, value - half, value + half)

    periods = [
        PeriodMoney(f"2005-06-{i + 1:02d}", 1, around(a, h), around(b, h), Estimate(), True, ("the rules",))
        for i, (a, b, h) in enumerate(rows)
    ]
    for width in (charts.WIDE, charts.NARROW):
        drawing = charts.money_chart(periods, "EUR", "money", width)
        assert "nan" not in drawing
        assert "inf" not in drawing
        assert_inside(drawing)


def test_the_threshold_and_the_coin_toss_are_drawn_and_named(story: Story) -> None:
    shown = texts(DRAWINGS["skill"](story, charts.WIDE))
    assert {"a coin toss", "below: train a new model", "88", "70"} <= set(shown)
    without = charts.skill_chart(story.performance, None)
    assert "below: train a new model" not in texts(without)


def test_cohorts_without_a_figure_are_left_out(story: Story) -> None:
    lines = [replace(story.performance[0], auc=Estimate()), *story.performance[1:]]
    root = parsed(charts.skill_chart(lines, 0.8))
    assert sum(node.get("class") == "dot series-0" for node in root.iter(f"{SVG}circle")) == 3  # two and the legend


def test_a_halted_batch_is_a_cross_and_no_column(story: Story) -> None:
    root = parsed(DRAWINGS["shares"](story, charts.WIDE))
    columns = [node for node in root.iter(f"{SVG}rect") if node.get("class") == "bar action-0"]
    crosses = [node for node in root.iter(f"{SVG}line") if node.get("class") == "halt"]
    assert len(columns) == len(story.batches) - 1 + 1  # and the legend's
    assert len(crosses) == 2


def test_the_bars_of_a_month_show_what_was_halted_in_it(story: Story) -> None:
    assert "a batch was halted" not in texts(charts.money_chart(story.money, "NTD"))
    (halted,) = [one for one in story.batches if one.state == "halted"]
    month = f"{halted.as_of:%Y-%m}"
    periods, months = with_halted(story.money, story.batches)
    assert (periods, months) == (story.money, {month})
    root = parsed(charts.money_chart(periods, "NTD", halted=months))
    crosses = [node for node in root.iter(f"{SVG}line") if node.get("class") == "halt"]
    assert len(crosses) == 4  # two strokes above the month's bars, and two in the legend
    assert "a batch was halted" in texts(charts.money_chart(periods, "NTD", halted=months))
    without = [one for one in story.money if one.period != month]
    periods, months = with_halted(without, story.batches)  # a month of which nothing was decided has no bars
    assert [one.period for one in periods] == [one.period for one in story.money]
    assert "halted" in texts(charts.money_chart(periods, "NTD", halted=months))
    assert with_halted((), story.batches) == ((), frozenset())


def test_reasons_go_left_or_right_of_the_middle(story: Story) -> None:
    drawing = DRAWINGS["reasons"](story, charts.WIDE)
    bars = {node.get("class"): float(node.get("x", "")) for node in parsed(drawing).iter(f"{SVG}rect")}
    assert bars["bar lowers"] < charts.WIDE / 2
    assert bars["bar raises"] == pytest.approx(charts.WIDE / 2)
    assert "Repayment status: 0" in texts(drawing)


def test_long_names_are_cut_to_fit() -> None:
    drawing = row_charts.reasons_chart([ReasonLine("a very long wording " * 20, "0", 0.4)], width=charts.NARROW)
    assert_inside(drawing)
    assert any(text.endswith("…") for text in texts(drawing))


def test_empty_charts_are_still_charts() -> None:
    for drawing in (
        charts.money_chart([], "EUR"),
        charts.skill_chart([], None),
        row_charts.reasons_chart([]),
        row_charts.truth_chart([], "EUR"),
        row_charts.calibration_chart([]),
    ):
        assert parsed(drawing).tag == f"{SVG}svg"


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(1, 8))
def test_ticks_cover_the_data_and_are_round(low: float, high: float, wanted: int) -> None:
    low, high = min(low, high), max(low, high)
    levels = svg.ticks(low, high, wanted)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert levels[0] <= low + slack
    assert levels[-1] >= high - slack
    assert 2 <= len(levels) <= wanted + 3


def test_a_coordinate_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="not a coordinate"):
        svg.number(float("nan"))


def test_hostile_text_stays_text() -> None:
    mark = svg.text(0, 10, "<script>alert(1)</script>\x00 & \ud800")
    assert "<script>" not in mark
    assert "\x00" not in mark
    drawing = svg.drawing('a"b', "<b>", "&", (10, 10), [mark])
    assert parsed(drawing).find(f"{SVG}title").text == "<b>"  # type: ignore[union-attr]


EASTER = KnownEvent("Easter <sale>", date(2005, 6, 20), date(2005, 7, 3), "all prices are down", batch_days=7.0)


@pytest.mark.parametrize("width", [charts.WIDE, charts.NARROW])
def test_a_known_event_is_drawn_behind_every_series_that_it_fell_into(width: float, story: Story) -> None:
    drawn = drawings(replace(story, events=(EASTER,)))
    watch = next(name for name in drawn if name.startswith("watch-") and name.endswith("-0"))
    for name in ("money", "shares", watch):
        drawing = str(drawn[name].wide if width == charts.WIDE else drawn[name].narrow)
        shaded = [node for node in parsed(drawing).iter(f"{SVG}rect") if node.get("class") == "event"]
        assert len(shaded) == 1, name
        assert any(text.startswith("Easter") for text in texts(drawing))
        assert_inside(drawing)
    assert "event" not in str(drawings(story)["money"].wide)


@pytest.mark.parametrize(
    ("period", "is_covered"),
    [
        ("2005-05", False),
        ("2005-06", True),
        ("2005-07", True),
        ("2005-08", False),
        ("2005-06-19", False),
        ("2005-06-20", True),
        ("2005-07-03T18:00:00Z", True),
        ("2005-07-04", True),
        ("2005-07-10", True),
        ("2005-07-10T23:59:00Z", True),
        ("2005-07-11", False),
        ("week 3", False),
    ],
)
def test_an_event_covers_the_months_and_batches_of_its_days(period: str, is_covered: bool) -> None:
    assert EASTER.covers(period) is is_covered


def test_an_event_between_two_batches_is_drawn_at_the_batch_whose_alarms_name_it(use_case: UseCase) -> None:
    sale = ContractEvent.model_validate({"name": "a sale", "from": "2005-06-22", "until": "2005-06-24"})
    parts = {
        "monitors": use_case.monitors.model_copy(update={"known_events": (sale,)}),
        "schedule": use_case.schedule.model_copy(update={"covers_days": 7.0}),
    }
    weekly, weeks = ["2005-06-20", "2005-06-27", "2005-07-04"], use_case.model_copy(update=parts)
    (event,) = known_events(weeks)
    measured = MeasuredShare(0.5, 0.4, 0.6, 900, 900.0, 0.95)
    alarm = Finding("impact", "adverse_impact", "sex=f", measured, 0.8, 0.7, "below", 1e-4, "Fewer.", "Look.")
    moments = {one: time_of_cohort(one) for one in weekly}
    named = [one for one, at in moments.items() if "a sale" in with_known_events(weeks, [alarm], at, at)[0].words]
    assert [one for one in weekly if event.covers(one)] == named == ["2005-06-27"]
    frame = charts.Frame(charts.WIDE, 200, 10, 10, 40, (0.0, 1.0))
    assert sum('class="event"' in mark for mark in charts.shades(weekly, (event,), frame)) == 1


def test_the_page_says_what_is_shaded_and_the_contract_may_have_no_calendar(story: Story) -> None:
    assert events_sentence((EASTER,)).replace("\u00a0", " ") == (
        "Shaded in the charts: Easter <sale> (20 June 2005 to 3 July 2005): all prices are down."
    )
    assert events_sentence(()) == ""
    assert events_sentence((EASTER,)) in paragraphs(replace(story, events=(EASTER,)))["money"]
