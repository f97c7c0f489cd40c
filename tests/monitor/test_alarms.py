"""What is raised, how severe it is, which incident it joins, and when people hear of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract.monitoring import Notification
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.incidents import (
    QUIET_CHECKS,
    SEVERITIES,
    AlarmOccasion,
    FoldedAlarm,
    OpenIncident,
    closing,
    fold,
    is_raised,
    new_incident_id,
    severity_of,
)
from decisionloop.monitor.alarm.whom_to_wake import is_wanted, not_before
from decisionloop.observe.estimate import Estimate

AT = datetime(2005, 9, 8, tzinfo=UTC)


def finding(
    slice_: str = "feature=age",
    family: str = "inputs",
    bound: float | None = 0.3,
    stake: float | None = 1.0,
    is_halting: bool = False,
) -> Finding:
    """A finding that is an alarm unless its bound says otherwise."""
    return Finding(
        family, "input_shift", slice_, Estimate(0.4, 0.3, 0.5, 900, 900.0, 0.95), 0.1, bound, "above", 1e-4,
        "It moved.", "Ask.", stake=stake, is_halting=is_halting,
    )  # type: ignore[arg-type]  # fmt: skip


def folded(alarms: list[Finding], open_: tuple[OpenIncident, ...] = (), **others: object) -> tuple[FoldedAlarm, ...]:
    """Fold alarms of one cohort of 100 decisions."""
    worth = others.pop("worth", 20.0)
    return fold(AlarmOccasion("credit_line", AT, 100, worth), alarms, open_, **others)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "minimum_money", "expected"),
    [
        (finding(), 0.0, True),
        (finding(bound=0.05), 0.0, False),
        (finding(bound=None), 0.0, False),
        (finding(), 2.0, False),
        (finding(), 1.0, True),
        (finding(stake=None), 2.0, True),
        (finding(is_halting=True), 2.0, True),
        (finding(family="impact"), 2.0, True),
        (finding(family="impact", bound=0.05), 0.0, False),
    ],
)
def test_an_alarm_is_raised_where_its_money_is_worth_it_or_is_not_the_point(one, minimum_money, expected):
    assert is_raised(one, minimum_money) is expected


@pytest.mark.parametrize(
    ("one", "worth", "expected"),
    [
        (finding(stake=2.0), 20.0, "critical"),
        (finding(stake=1.99), 20.0, "warning"),
        (finding(stake=0.4), 20.0, "warning"),
        (finding(stake=0.39), 20.0, "info"),
        (finding(stake=None), 20.0, "warning"),
        (finding(stake=5.0), None, "warning"),
        (finding(stake=5.0), 0.0, "warning"),
        (finding(stake=0.0, family="impact"), 20.0, "critical"),
        (finding(stake=0.0, is_halting=True), 20.0, "critical"),
    ],
)
def test_severity_follows_the_share_of_what_choosing_is_worth(one, worth, expected):
    assert severity_of(one, worth) == expected


def test_alarms_of_a_family_open_one_incident_and_each_new_slice_is_news():
    first, second, third, other = folded(
        [finding(), finding("feature=sex"), finding("feature=sex"), finding(family="labels")]
    )
    assert {one.incident_id for one in (first, second, third)} == {"credit_line/inputs/2005-09-08"}
    assert other.incident_id == "credit_line/labels/2005-09-08"
    assert [one.is_opening for one in (first, second, third, other)] == [True, False, False, True]
    assert [one.is_news for one in (first, second, third, other)] == [True, True, False, True]
    assert first.stake_total == 100.0


def test_an_alarm_that_is_known_is_no_news_until_it_becomes_graver():
    known = OpenIncident("credit_line/inputs/2005-09-01", "inputs", "warning", frozenset({"feature=age"}))
    (again,) = folded([finding()], (known,))
    assert (again.incident_id, again.is_opening, again.is_news) == (known.incident_id, False, False)
    assert [one.is_news for one in folded([finding(stake=9.0), finding(stake=9.0)], (known,))] == [True, False]


def test_an_incident_after_a_closed_one_of_the_same_day_has_a_number():
    taken = {"credit_line/inputs/2005-09-08", "credit_line/inputs/2005-09-08-2"}
    assert folded([finding()], taken=taken)[0].incident_id == "credit_line/inputs/2005-09-08-3"
    assert new_incident_id("u", "value", AT, ()) == "u/value/2005-09-08"


@given(
    st.lists(
        st.tuples(st.sampled_from(["inputs", "value"]), st.sampled_from("abc"), st.sampled_from([0.1, 1.0, 9.0])),
        max_size=12,
    )
)
def test_folding_batch_by_batch_or_at_once_opens_the_same_incidents_and_tells_the_same_news(drawn):
    alarms = [finding(slice_, family, stake=stake) for family, slice_, stake in drawn]
    at_once = folded(alarms)
    incidents: dict[str, OpenIncident] = {}
    for alarm, expected in zip(alarms, at_once, strict=True):
        (one,) = folded([alarm], tuple(incidents.values()))
        assert one == expected
        before = incidents.get(one.finding.family)
        slices = (before.slices if before else frozenset()) | {one.finding.slice}
        severity = max((one.severity, before.severity if before else "info"), key=SEVERITIES.index)
        incidents[one.finding.family] = OpenIncident(one.incident_id, one.finding.family, severity, slices)
    assert sum(one.is_opening for one in at_once) == len({one.finding.family for one in at_once})


def test_an_incident_closes_itself_after_enough_silence():
    open_ = tuple(OpenIncident(name, "inputs", "info", frozenset()) for name in "abc")
    assert closing(open_, {"a": QUIET_CHECKS, "b": QUIET_CHECKS - 1}) == ("a",)


def channel(
    begin: str = "20:00", end: str = "07:30", zone: str = "Asia/Taipei", minimum: str = "warning"
) -> Notification:
    """A channel that sleeps."""
    return Notification(
        block="slack-webhook/risk", minimum_severity=minimum, quiet_from=begin, quiet_until=end, timezone=zone
    )  # type: ignore[arg-type]


def local(text: str, zone: str = "Asia/Taipei") -> datetime:
    """A time on the wall clock of a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2005-09-08T19:59", "2005-09-08T19:59"),
        ("2005-09-08T20:00", "2005-09-09T07:30"),
        ("2005-09-08T23:59", "2005-09-09T07:30"),
        ("2005-09-09T00:00", "2005-09-09T07:30"),
        ("2005-09-09T07:29", "2005-09-09T07:30"),
        ("2005-09-09T07:30", "2005-09-09T07:30"),
    ],
)
def test_what_is_not_critical_waits_until_the_quiet_hours_end(now, expected):
    assert not_before(local(now), channel(), "warning") == local(expected)
    assert not_before(local(now), channel(), "critical") == local(now)
    assert not_before(local(now), channel(begin="", end=""), "info") == local(now)
    assert not_before(local(now), channel(begin="09:00", end="09:00"), "info") == local(now)


def test_quiet_hours_of_one_day():
    noon = channel("12:00", "13:00")
    assert not_before(local("2005-09-08T12:30"), noon, "info") == local("2005-09-08T13:00")
    assert not_before(local("2005-09-08T23:30"), noon, "info") == local("2005-09-08T23:30")


def test_quiet_hours_end_on_the_wall_clock_when_the_clocks_change():
    berlin = channel("22:00", "07:00", "Europe/Berlin")
    night = datetime(2026, 3, 28, 22, tzinfo=UTC)  # 23:00; clocks go forward at 01:00 UTC
    assert not_before(night, berlin, "info") == datetime(2026, 3, 29, 5, tzinfo=UTC)
    skipped = channel("22:00", "02:30", "Europe/Berlin")  # there is no 02:30 in that night
    assert not_before(night, skipped, "info") == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    twice = channel("22:00", "02:30", "Europe/Berlin")  # 25 October: 02:30 at 00:30 and at 01:30 UTC
    assert not_before(datetime(2026, 10, 25, 0, 10, tzinfo=UTC), twice, "info") == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )
    assert not_before(datetime(2026, 10, 25, 1, 10, tzinfo=UTC), twice, "info") == datetime(
        2026, 10, 25, 1, 30, tzinfo=UTC
    )


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),
    st.times(),
    st.times(),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_a_message_is_never_early_nor_in_quiet_hours_nor_late_by_more_than_a_long_day(naive, begin, end, zone):
    begin, end = begin.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    now, quiet = naive.replace(tzinfo=UTC), channel(f"{begin:%H:%M}", f"{end:%H:%M}", zone)
    sent = not_before(now, quiet, "warning")
    assert now <= sent <= now + timedelta(hours=49)
    clock = sent.astimezone(ZoneInfo(zone)).time()
    if begin < end:
        assert not begin <= clock < end
    elif begin > end:
        assert end <= clock < begin


@pytest.mark.parametrize("minimum", SEVERITIES)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_channel_hears_what_is_severe_enough_for_it(minimum, severity):
    expected = SEVERITIES.index(severity) >= SEVERITIES.index(minimum)
    assert is_wanted(channel(minimum=minimum), severity) is expected
