"""A ledger with a year of monitors in it: measurements, alarms, incidents, limits, causes and weak slices."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from decisionloop.ledger.alarms import Alarm, AlarmKey, append_alarms
from decisionloop.ledger.batches import open_batch
from decisionloop.ledger.failures import append_failures
from decisionloop.ledger.incidents import open_incident
from decisionloop.ledger.measurements import Measurement, append_measurements
from decisionloop.ledger.monitor_references import MonitorThreshold, append_thresholds
from decisionloop.ledger.notices import Notice, append_notice_attempt, append_notices
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.ledger.weak_slices import WeakSlice, append_weak_slices

WEEKS = tuple(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=7 * week) for week in range(12))
WALL = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORDS = "Repayment status moved: 1 went from 0.1% to 12% of clients."
SUGGESTION = "Ask the owner of the feed."
CHART = {"labels": ["0", "1", "missing"], "reference": [0.9, 0.0, 0.1], "current": [0.7, 0.2, 0.1]}


def figure(use_case: str, week: datetime, monitor: str, value: float | None, **named: object) -> Measurement:
    """One figure of a week's cohort, measured at once, with an interval of 0.02 around it."""
    plain = Measurement(
        use_case=use_case,
        release_id=None,
        monitor=monitor,
        slice="all",
        cohort=f"{week:%Y-%m-%d}",
        value=value,
        low=None if value is None else value - 0.02,
        high=None if value is None else value + 0.02,
        n=500,
        effective_n=400.0,
        is_mature=False,
        as_of=week,
    )
    return replace(plain, **named)  # type: ignore[arg-type]


def raise_alarm(
    ledger: Ledger,
    use_case: str,
    week: datetime,
    family: str = "inputs",
    monitor: str = "input_shift",
    incident: str = "",
    **named: object,
) -> str:
    """An alarm of a week's cohort in an incident (new where it is not named); returns the incident's id."""
    incident_id = incident or f"{use_case}/{family}/{week:%Y-%m-%d}"
    cohort = str(named.get("cohort", f"{week:%Y-%m-%d}"))
    plain = Alarm(
        alarm_id=AlarmKey(use_case, monitor, "feature=status", "training", None, cohort, week).alarm_id,
        use_case=use_case,
        incident_id=incident_id,
        family=family,
        monitor=monitor,
        slice="feature=status",
        against="training",
        release_id=None,
        batch_id=None,
        cohort=cohort,
        severity="warning",
        value=0.2,
        low=0.18,
        high=0.22,
        threshold=0.1,
        bound=0.17,
        alpha=0.0001,
        stake_per_decision=0.5,
        stake_total=250.0,
        words=WORDS,
        suggestion=SUGGESTION,
        chart=canonical_json(CHART),
        as_of=week,
        at=WALL,
    )
    with ledger.begin() as connection:
        alarm = replace(plain, **named)  # type: ignore[arg-type]
        open_incident(connection, alarm)
        append_alarms(connection, [alarm])
    return incident_id


def watch_for_a_while(ledger: Ledger, use_case: str, contract_digest: str) -> str:
    """Twelve weekly batches, all checked; an input alarm in the last two; the id of its open incident."""
    record_use_case(ledger, use_case, contract_digest, 1, "")
    figures = []
    for number, week in enumerate(WEEKS):
        open_batch(ledger, use_case, week, contract_digest, WALL)
        is_alarm = number >= 10
        judged = {"threshold": 0.1, "against": "training"}
        figures += [
            figure(use_case, week, "input_shift", 0.2 if is_alarm else 0.03, slice="feature=status", **judged),
            figure(use_case, week, "input_shift", 0.04, slice="feature=limit", **judged),
            figure(use_case, week, "action_shift", 0.01, threshold=0.1, against="recent"),
            figure(use_case, week, "action_share", 0.4, slice="action=increase"),
            figure(use_case, week, "ranking", 0.8 + 0.001 * number, threshold=0.7, is_mature=number < 8),
            figure(use_case, week, "auc_estimated", 0.82),
        ]
        if number < 8:
            figures.append(figure(use_case, week, "auc_estimation_error", -0.01, is_mature=True))
    append_measurements(ledger, figures)
    evidence = {"feature": "status", "threshold": 0.1, "batches": 8, "mean": 0.031, "sd": 0.004}
    limit = MonitorThreshold(
        use_case, "input_shift", "feature=status", None, 0.1, canonical_json(evidence), WEEKS[8], alpha=0.0001
    )
    append_thresholds(ledger, [limit])
    incident = raise_alarm(ledger, use_case, WEEKS[10])
    return raise_alarm(ledger, use_case, WEEKS[11], incident=incident)


def explain_losses(ledger: Ledger, use_case: str) -> None:
    """Causes of three misses of the first batch, and a weak slice of two cohorts, the second of which counts."""
    batch_id = f"{use_case}/{WEEKS[0]:%Y-%m-%d}"
    causes = ["confident_and_wrong", "confident_and_wrong", "missing_feature"]
    ids = [f"{number:032x}" for number in range(3)]
    misses = pd.DataFrame({"decision_id": ids, "cause": causes, "surprise": [-90.0, -60.0, -20.0]})
    append_failures(ledger, use_case, batch_id, misses, WALL)
    for week, name in ((WEEKS[0], "limit above 500"), (WEEKS[1], "status is 1")):
        slices = WeakSlice(use_case, f"{week:%Y-%m-%d}", 1, None, name, "[]", 120, -4.5, -7.0, -2.0, -540.0, week, WALL)
        append_weak_slices(ledger, [slices])


def fail_to_notify(ledger: Ledger, use_case: str) -> None:
    """A notice that two attempts could not deliver."""
    notice = Notice(
        "n1", use_case, "incident", "slack-webhook/risk", "critical", "Repayment status moved", "body", WALL, WALL
    )
    append_notices(ledger, [notice])
    for detail in ("timed out", "connection refused"):
        append_notice_attempt(ledger, "n1", "failed", detail, WALL)
