"""Whom a message is for, and when: severities that a channel wants to hear of, and the hours in which it sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from decisionloop.contract.monitoring import AlarmSeverity, Notification
from decisionloop.monitor.alarm.incidents import SEVERITIES


def is_wanted(channel: Notification, severity: AlarmSeverity) -> bool:
    """Whether a channel wants to hear of something this severe."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(channel.minimum_severity)


def not_before(now: datetime, channel: Notification, severity: AlarmSeverity) -> datetime:
    """When a message may be sent: at once, or at the end of the channel's quiet hours. UTC.

    Quiet hours are times on the wall clock of the channel's time zone, from ``quiet_from`` until just before
    ``quiet_until``, over midnight where the end is the earlier of the two. What is critical never waits. On the day
    on which the clock skips the end, they end as much later; where it strikes the end twice, both times count.
    """
    if severity == "critical" or not channel.quiet_from or channel.quiet_from == channel.quiet_until:
        return now.astimezone(UTC)
    zone = ZoneInfo(channel.timezone)
    begin, end = time.fromisoformat(channel.quiet_from), time.fromisoformat(channel.quiet_until or "00:00")
    moment = now.astimezone(zone)
    while _is_within(moment.time(), begin, end):
        moment = _next(moment, end)
    return moment.astimezone(UTC)


def _is_within(clock: time, begin: time, end: time) -> bool:
    if begin < end:
        return begin <= clock < end
    return clock >= begin or clock < end


def _next(moment: datetime, clock: time) -> datetime:
    """The first time after ``moment`` at which the clock of its zone strikes ``clock``."""
    days = (moment.date() + timedelta(days=day) for day in range(3))
    strikes = (
        datetime.combine(day, clock.replace(fold=fold), moment.tzinfo).astimezone(UTC)
        for day in days
        for fold in (0, 1)
    )
    return min(strike for strike in strikes if strike > moment.astimezone(UTC)).astimezone(moment.tzinfo)
