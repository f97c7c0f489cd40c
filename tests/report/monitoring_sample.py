"""A year of the credit line's monitors, as the ledger might tell them: quiet ones, alarms, and what was foretold."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.monitor_lines import (
    CauseLine,
    FamilyWatch,
    ForetoldLine,
    IncidentLine,
    MonitorAlarm,
    Monitoring,
    Series,
    Shares,
    WatchPoint,
    WeakSliceLine,
)

WEEKS = tuple(f"{date(2005, 1, 7) + timedelta(days=7 * week)}" for week in range(52))
ARREARS = Shares(
    ("-2 or less", "-1", "0", "1", "2", "3 or more", "never seen", "missing"),
    (0.13, 0.19, 0.49, 0.001, 0.13, 0.04, 0.0, 0.019),
    (0.09, 0.19, 0.49, 0.12, 0.09, 0.02, 0.0, 0.0),
)


def series(
    monitor: str,
    wording: str,
    centre: float,
    half: float,
    threshold: float | None,
    unit: str = "share",
    jump: float = 0.0,
    alarms: int = 0,
) -> Series:
    """52 weeks around a centre; the last ``alarms`` of them lie ``jump`` away and are alarms."""
    noise = np.random.default_rng(len(monitor) + len(wording)).normal(0, half / 2, len(WEEKS))
    points = []
    for index, week in enumerate(WEEKS):
        is_alarm = index >= len(WEEKS) - alarms
        value = float(centre + noise[index] + (jump if is_alarm else 0.0))
        interval = Estimate(value, value - half, value + half)
        points.append(WatchPoint(week, interval, threshold, 7_430, 7_430.0, is_alarm, index < len(WEEKS) - 2))
    return Series(monitor, wording, unit, tuple(points), 0.00006 if alarms else None)


def _incident(
    family: str, state: str, severity: str, words: str, stake: float | None, reason: str = ""
) -> IncidentLine:
    return IncidentLine(
        incident_id=f"credit_line/{family}/{WEEKS[-3]}",
        family=family,
        state=state,
        severity=severity,
        opened_on=date.fromisoformat(WEEKS[-3]),
        last_alarm_on=date.fromisoformat(WEEKS[-1]),
        alarms=3,
        stake=stake,
        words=words,
        suggestion="Ask the owner of the statements feed what the value 1 means since September.",
        reason=reason,
    )


def _alarms(monitor: str, wording: str, value: float, threshold: float, words: str) -> tuple[MonitorAlarm, ...]:
    return tuple(
        MonitorAlarm(
            on=date.fromisoformat(week),
            cohort=week,
            severity="critical",
            monitor=monitor,
            wording=wording,
            unit="share",
            value=Estimate(value, value - 0.01, value + 0.01),
            threshold=threshold,
            bound=value - 0.02,
            alpha=0.00006,
            stake=45_300.0,
            words=words,
            suggestion="Ask the owner of the feed.",
            shares=ARREARS if monitor == "input_shift" else None,
        )
        for week in WEEKS[-3:]
    )


def sample_monitoring() -> Monitoring:
    """Two families with incidents, six that are quiet or silent."""
    arrears = "Repayment status moved: 1 went from 0.1% to 12% of clients."
    skill = "The score points to the right one of two in 70 of 100 pairs, 18 fewer than at its release."
    return Monitoring(
        families=(
            FamilyWatch(
                "inputs",
                (
                    series(
                        "input_shift",
                        "repayment status: moved from its reference",
                        0.02,
                        0.01,
                        0.1,
                        jump=0.1,
                        alarms=3,
                    ),
                    series("input_shift", "share of the limit in use: moved from its reference", 0.03, 0.01, 0.1),
                    series("missing_share", "paid of the last statement: share missing", 0.001, 0.001, 0.05),
                ),
                _alarms("input_shift", "repayment status: moved from its reference", 0.12, 0.1, arrears),
                (_incident("inputs", "opened", "critical", arrears, 45_300.0),),
                checks=5_200,
                budget=0.125,
                last_checked=WEEKS[-1],
            ),
            FamilyWatch(
                "outputs",
                (series("score_shift", "moved scores", 0.02, 0.01, 0.15),),
                (),
                (),
                checks=104,
                budget=0.125,
                last_checked=WEEKS[-1],
            ),
            FamilyWatch(
                "performance",
                (series("auc_weighted", "pairs pointed out rightly", 0.88, 0.02, 0.83, jump=-0.18, alarms=2),),
                _alarms("auc_weighted", "pairs pointed out rightly", 0.7, 0.83, skill)[1:],
                (_incident("performance", "acknowledged", "warning", skill, None, "anna: we look at the labels"),),
                checks=104,
                budget=0.125,
                last_checked=WEEKS[-1],
                foretold=series("auc_estimated", "foretold", 0.87, 0.01, None),
                seen=series("ranking", "pairs pointed out rightly", 0.88, 0.02, 0.83, jump=-0.18, alarms=2),
            ),
            FamilyWatch(
                "value",
                (series("value_against_rules", "difference to the rules, all cohorts so far", 0.4, 0.6, 0.0, "money"),),
                (),
                (_incident("value", "closed", "info", "It may earn less.", None, "ben: false alarm, a one-off"),),
                checks=52,
                budget=0.125,
                last_checked=WEEKS[-1],
            ),
            FamilyWatch("skew", (), (), (), 0, 0.125),
        ),
        batches=52,
        years=1.0,
        causes=(
            CauseLine("the model was sure, and wrong", 812, -93_000.0),
            CauseLine("a fact was missing", 40, -4_100.0),
        ),
        weak_slices=(WeakSliceLine("repayment status is 1", 812, Estimate(-41.2, -63.0, -19.4), -33_454.0),),
        foretold=(ForetoldLine("2005-07-08", 0.884, 0.879), ForetoldLine("2005-09-08", 0.881, 0.702)),
    )
