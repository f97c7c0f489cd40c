"""Ids are in ledgers that exist: whoever says the same again must find it there, whatever became of the code."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from decisionloop.ledger.alarms import AlarmKey
from decisionloop.ledger.alerts import NewAlert, alerts, append_alert
from decisionloop.ledger.monitor_references import MonitorThreshold
from decisionloop.ledger.outcomes import OutcomeIntake
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.verdicts import LearnRun, TrainingSet, Verdict

AT, NEXT = datetime(2005, 7, 8, tzinfo=UTC), datetime(2005, 7, 15, tzinfo=UTC)
NAME = "credit_line"
RUN = LearnRun(NAME, AT, "first_model", True, "no model yet")
# Each as the functions gave it that took a parameter for every field (July to November 2026).
KEPT = [
    (AlarmKey(NAME, "shift", "feature=status", "training", None, "2005-07-08", AT).alarm_id, "a8d6b82418ab7c3e"),
    (OutcomeIntake(NAME, AT, 9, 8, 4, 1, 2, 1, 1, 0).intake_id, "ba6f511bed0b2ce5"),
    (RUN.learn_run_id, "0d06a3f7ee73b864"),
    (TrainingSet(NAME, NEXT, AT, NEXT, 10, "a" * 64).training_set_id, "c733a16e5986a0e7"),
    (Verdict(NAME, "challenger", "champion", 2, AT, "promote", "[]", "{}").verdict_id, "031facb20a4b545a"),
    (MonitorThreshold(NAME, "shift", "feature=status", None, 0.1, "{}", AT).threshold_id, "af79151f95c98957"),
]


@pytest.mark.parametrize(("fact_id", "begins"), KEPT, ids=["alarm", "intake", "run", "set", "verdict", "limit"])
def test_a_fact_has_the_id_that_it_always_had(fact_id: str, begins: str) -> None:
    assert len(fact_id) == 32
    assert fact_id.startswith(begins)


def test_an_alert_has_the_id_that_it_always_had(sqlite_ledger: Ledger) -> None:
    append_alert(sqlite_ledger, NAME, NewAlert("critical", "stale", "The source is stale.", "-", occasion="2005-07-08"))
    assert alerts(sqlite_ledger, NAME)[0].alert_id == "9e13a9b8726ecfcfab9370c6f06ae548"


def test_a_fact_that_was_read_keeps_the_id_that_it_was_kept_under() -> None:
    assert replace(RUN, learn_run_id="of long ago").learn_run_id == "of long ago"
    assert LearnRun(NAME, AT, "drift", True, "again").learn_run_id != RUN.learn_run_id
