"""`alerts`, `status --check` and `watchdog`: whether somebody must look, and who does."""

from __future__ import annotations

import pytest

from decisionloop.ledger.alerts import NewAlert, append_alert
from decisionloop.workspace import open_workspace
from tests.watched_ledger import WEEKS, raise_alarm

WHO = ("--by", "anna", "--reason", "it is being repaired")


@pytest.fixture
def alerted(vouchers, home_with_ledger):
    """A ledger with a critical alert."""
    ledger = open_workspace("vouchers").ledger
    append_alert(ledger, "vouchers", NewAlert("critical", "deployment", "It failed", "Look at the run."))
    return ledger


def test_a_loop_that_is_well_is_0_and_says_so_in_numbers(cli, vouchers, home_with_ledger):
    assert cli("status", "--check").out == "vouchers: well.\n"
    told = cli("status", "vouchers", "--check", "--json")
    (one,) = told.json
    assert (told.exit_code, one["is_well"], one["outbox_waiting"], one["troubles"]) == (0, True, 0, [])
    assert (one["worker_silent_seconds"], one["turn_memory_most_bytes"]) == (None, None)


def test_a_critical_alert_is_1_until_somebody_looks_after_it(cli, alerted):
    told = cli("status", "vouchers", "--check", "--json")
    (trouble,) = told.json[0]["troubles"]
    assert (told.exit_code, trouble["kind"], trouble["runbook"]) == (1, "deployment", "docs/runbook/deployment.md")
    assert cli("alerts", "ack", trouble["key"], *WHO).out.endswith("acknowledged by anna: it is being repaired.\n")
    assert cli("status", "--check").exit_code == 0
    (listed,) = cli("alerts", "list", "vouchers", "--json").json
    assert (listed["alert_id"], listed["state"]) == (trouble["key"], "acknowledged")
    cli("alerts", "close", trouble["key"][:8], *WHO)  # as much of it as tells it from others
    assert cli("alerts", "list", "vouchers").out == "vouchers: nothing is to be known.\n"
    assert "closed" in cli("alerts", "list", "vouchers", "--all").out
    assert cli("alerts", "ack", "nothing", *WHO).exit_code == 2


def test_a_critical_incident_is_1_until_it_is_closed(cli, alerted, monkeypatch):
    monkeypatch.setenv("DECISIONLOOP_RUNBOOK_URL", "https://wiki.example.org/runbook/")
    incident = raise_alarm(alerted, "vouchers", WEEKS[0], severity="critical")
    told = cli("status", "--check")
    assert told.exit_code == 1
    assert f"https://wiki.example.org/runbook/incident_inputs.md ({incident})" in told.out
    cli("incidents", "close", incident, *WHO)
    assert incident not in cli("status", "--check").out


def test_the_watchdog_looks_without_a_worker(cli, alerted):
    told = cli("watchdog", "vouchers")
    assert told.exit_code == 0
    assert told.out.startswith("vouchers: the loop itself runs (`status` says how its decisions do); 0 alerts raised")
