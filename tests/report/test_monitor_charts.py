"""Charts of the monitors stay readable and inside their frame, whatever was measured."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.report.charts import series as charts
from decisionloop.report.charts.monitors import charts_of, foretold_chart, shares_then_and_now, watch_chart
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.monitor_lines import Series, Shares, WatchPoint
from tests.report.monitoring_sample import ARREARS, WEEKS, sample_monitoring, series
from tests.report.test_charts import assert_inside, parsed, texts

SVG = "{http://www.w3.org/2000/svg}"
WIDTHS = (charts.WIDE, charts.NARROW)


def classes(drawing: str) -> list[str]:
    return [node.get("class", "") for node in parsed(drawing).iter()]


def marks(drawing: str, name: str) -> list[ElementTree.Element]:
    """The marks of a class, without that of the legend."""
    return [node for node in parsed(drawing).iter() if node.get("class") == name]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_chart_of_a_year_is_inside_its_frame(width: float):
    drawn = dict(charts_of(sample_monitoring()))
    assert {"watch-0-0", "watch-0-change", "watch-2-foretold"} <= set(drawn)
    for name, draw in drawn.items():
        drawing = draw(name, width)
        assert_inside(drawing)
        assert "nan" not in drawing


@pytest.mark.parametrize("width", WIDTHS)
def test_month_labels_of_a_long_story_never_touch(width: float):
    days = [f"{date(2005, 1, 7) + timedelta(days=7 * week)}" for week in range(150)]
    long = Series("skew", "share", "share", tuple(WatchPoint(one, Estimate(0.1), 0.2, 1) for one in days))
    drawing = watch_chart(long, "watch", width)
    labels = [node for node in parsed(drawing).iter(f"{SVG}text") if node.get("class") == "label"]
    ends = []
    for node in labels:
        half = len(node.text or "") * 12 * 0.56 / 2
        ends.append((float(node.get("x", "")) - half, float(node.get("x", "")) + half))
    assert len(ends) > 5
    assert all(left > right for (_, right), (left, _) in pairwise(ends))


def test_whiskers_where_there_is_room_and_a_band_where_there_is_not():
    year = series("skew", "share", 0.1, 0.02, 0.3)
    assert classes(watch_chart(year, "watch", charts.WIDE)).count("whisker series-0") == 52
    narrow = classes(watch_chart(year, "watch", charts.NARROW))
    assert (narrow.count("whisker series-0"), narrow.count("band")) == (0, 1)


def test_a_gap_in_the_measurements_is_a_gap_in_the_band():
    year = series("skew", "share", 0.1, 0.02, 0.3)
    points = list(year.points)
    points[20] = replace(points[20], estimate=Estimate())
    drawing = watch_chart(replace(year, points=tuple(points)), "watch", charts.NARROW)
    assert classes(drawing).count("band") == 2


def test_alarms_are_diamonds_and_what_is_not_complete_is_hollow():
    year = series("auc", "pairs", 0.8, 0.02, 0.7, jump=-0.2, alarms=3)
    drawing = watch_chart(year)
    assert len(marks(drawing, "diamond loss")) == 3 + 1  # and the legend's
    assert {"alarm", "limit", "measured", "not complete yet"} <= set(texts(drawing))
    quiet = watch_chart(series("auc", "pairs", 0.8, 0.02, None))
    assert "alarm" not in texts(quiet)
    assert "limit" not in texts(quiet)


def test_the_limit_steps_where_it_changed_and_stops_where_there_was_none():
    year = series("skew", "share", 0.1, 0.01, 0.2)
    limits = [0.2] * 20 + [0.4] * 20 + [None] * 12
    points = tuple(replace(one, threshold=limit) for one, limit in zip(year.points, limits, strict=True))
    (line,) = marks(watch_chart(replace(year, points=points)), "limit")
    heights = [float(pair.split(",")[1]) for pair in line.get("points", "").split()]
    assert len(heights) == 2 * 40
    assert len(set(heights)) == 2
    assert heights[0] > heights[-1]  # a higher limit is drawn higher


def test_an_alarm_lies_on_its_side_of_the_limit():
    drawing = watch_chart(series("auc", "pairs", 0.8, 0.005, 0.7, jump=-0.3, alarms=2))
    (limit,) = marks(drawing, "limit")
    height = float(limit.get("points", "").split()[0].split(",")[1])
    for diamond in marks(drawing, "diamond loss")[1:]:
        assert all(float(pair.split(",")[1]) > height for pair in diamond.get("points", "").split())


def test_what_was_foretold_is_drawn_as_rings_beside():
    seen, told = series("ranking", "pairs", 0.8, 0.02, 0.7), series("auc_estimated", "pairs", 0.82, 0.0, None)
    rings = marks(foretold_chart(seen, told), "dot hollow")
    assert len(rings) == len(WEEKS) + 1


def test_one_wild_interval_does_not_flatten_everything_else():
    year = series("skew", "share", 0.1, 0.01, 0.2)
    wild = replace(year.points[5], estimate=Estimate(0.1, -500.0, 900.0))
    drawing = watch_chart(replace(year, points=(*year.points[:5], wild, *year.points[6:])))
    ticks = [re.sub("[^0-9.]", "", one) for one in texts(drawing) if one.endswith("%")]
    assert max(float(one) for one in ticks) <= 50
    assert_inside(drawing)


def test_ticks_of_small_shares_differ():
    drawing = watch_chart(series("skew", "share", 6e-05, 1e-05, 0.0001))
    ticks = [one for one in texts(drawing) if one.endswith("%")]
    assert len(ticks) >= 2
    assert len(set(ticks)) == len(ticks)
    assert not any("under" in one for one in ticks)


figures = st.one_of(st.none(), st.floats(-1e9, 1e9), st.floats(0, 1))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(figures, figures, st.booleans(), st.booleans()), min_size=1, max_size=60),
    st.sampled_from(WIDTHS),
)
def test_whatever_was_measured_can_be_drawn(rows: list[tuple[float | None, float | None, bool, bool]], width: float):
    points = tuple(
        WatchPoint(WEEKS[i % 52], Estimate() if v is None else Estimate(v, v - 1, v + 1), limit, 1, None, alarm, mature)
        for i, (v, limit, alarm, mature) in enumerate(rows)
    )
    for unit in ("share", "money"):
        drawing = watch_chart(Series("skew", "share", unit, points), "watch", width)
        assert "nan" not in drawing
        assert_inside(drawing)


@pytest.mark.parametrize("width", WIDTHS)
def test_bars_compare_the_reference_with_now(width: float):
    drawing = shares_then_and_now(ARREARS, "change", width)
    assert_inside(drawing)
    before, now = (marks(drawing, f"bar {one}")[1:] for one in ("rules", "policy"))
    assert len(before) == len(now) == len(ARREARS.labels)
    lengths = [float(node.get("width", "")) for node in now]
    assert lengths == pytest.approx([share * lengths[2] / 0.49 for share in ARREARS.current], abs=0.2)


def test_of_many_values_those_that_moved_most_are_shown_in_their_order():
    labels = tuple(f"value {i}" for i in range(40))
    reference = tuple(1 / 40 for _ in labels)
    current = tuple(share + (0.01 * i if i >= 30 else 0.0) for i, share in enumerate(reference))
    drawing = shares_then_and_now(Shares(labels, reference, current))
    shown = [one for one in texts(drawing) if one.startswith("value ")]
    assert set(labels[30:]) <= set(shown)
    assert shown == [label for label in labels if label in shown]
    assert len(shown) == 14
    assert "26 that moved less are left out" in drawing
