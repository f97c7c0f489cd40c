"""`incidents list`, `ack` and `close`: who looks after an alarm, and why it is over."""

from __future__ import annotations

import pytest

from decisionloop.ledger.incidents import incidents
from decisionloop.workspace import open_workspace
from tests.watched_ledger import SUGGESTION, WEEKS, WORDS, raise_alarm, watch_for_a_while

INCIDENT = "vouchers/inputs/2024-03-11"
WHO = ("--by", "anna", "--reason", "the feed is being repaired")


@pytest.fixture
def watched(cli, vouchers, home_with_ledger):
    """A ledger with an open incident."""
    workspace = open_workspace("vouchers")
    watch_for_a_while(workspace.ledger, "vouchers", workspace.use_case.digest)
    return workspace.ledger


def test_without_incidents_it_says_so(cli, vouchers):
    assert cli("incidents", "list", "vouchers").out == "vouchers: no open incident.\n"
    assert cli("incidents", "list", "vouchers", "--all").out == "vouchers: no incident yet.\n"
    assert cli("incidents", "list", "vouchers", "--json").json == []


def test_an_open_incident_says_what_happened_and_what_to_do(cli, watched):
    told = cli("incidents", "list", "vouchers").out
    assert told.splitlines() == [
        f"{INCIDENT}: warning, opened, 2 alarms until 2024-03-18, EUR 250 a batch at stake",
        f"  {WORDS}",
        f"  {SUGGESTION} See docs/runbook/incident_inputs.md.",
    ]
    (one,) = cli("incidents", "list", "vouchers", "--json").json
    assert (one["incident_id"], one["state"], one["alarms"], one["severity"]) == (INCIDENT, "opened", 2, "warning")
    assert one["runbook"] == "docs/runbook/incident_inputs.md"
    assert one["slices"] == ["feature=status"]
    assert one["last_alarm_as_of"].startswith("2024-03-18T00:00:00")


def test_acknowledging_and_closing_are_kept_with_who_and_why(cli, watched):
    assert (
        cli("incidents", "ack", INCIDENT, *WHO).out
        == f"{INCIDENT}: acknowledged by anna: the feed is being repaired.\n"
    )
    assert "acknowledged by anna" in cli("incidents", "list", "vouchers").out
    closed = cli("incidents", "close", INCIDENT, "--by", "ben", "--reason", "repaired")
    assert closed.out.startswith(f"{INCIDENT}: closed by ben: repaired.")
    assert cli("incidents", "list", "vouchers").out == "vouchers: no open incident.\n"
    everything = cli("incidents", "list", "vouchers", "--all").out
    assert "closed by ben on" in everything
    assert SUGGESTION not in everything
    (one,) = incidents(watched, "vouchers")
    assert [(event.state, event.by) for event in one.events] == [
        ("opened", "monitors"),
        ("acknowledged", "anna"),
        ("closed", "ben"),
    ]


@pytest.mark.parametrize("command", ["ack", "close"])
def test_a_closed_incident_stays_closed(cli, watched, command):
    cli("incidents", "close", INCIDENT, *WHO)
    told = cli("incidents", command, INCIDENT, *WHO)
    assert (told.exit_code, told.out) == (2, "")
    assert "was closed by anna" in told.err


@pytest.mark.parametrize("command", ["ack", "close"])
@pytest.mark.parametrize(
    ("incident", "said"),
    [
        ("vouchers/inputs/1999-01-01", "there is no incident"),
        ("vouchers", "USE_CASE/FAMILY/DATE"),
        ("", "USE_CASE/FAMILY/DATE"),
        ("nobody/inputs/2024-03-11", "decisionloop usecase new"),
    ],
)
def test_an_incident_that_is_none_is_2(cli, watched, command, incident, said):
    told = cli("incidents", command, incident, *WHO)
    assert (told.exit_code, told.out) == (2, "")
    assert said in told.err


@pytest.mark.parametrize("command", ["ack", "close"])
@pytest.mark.parametrize("missing", ["--reason", "--by"])
def test_nobody_does_it_without_a_name_and_a_reason(cli, watched, command, missing):
    words = list(WHO)
    del words[words.index(missing) : words.index(missing) + 2]
    told = cli("incidents", command, INCIDENT, *words)
    assert told.exit_code == 2
    assert missing in told.err


def test_the_list_of_one_use_case_is_not_that_of_another(cli, watched):
    cli("usecase", "new", "another")
    ledger = open_workspace("another").ledger
    raise_alarm(ledger, "another", WEEKS[0])
    assert "another/inputs" in cli("incidents", "list", "another").out
    assert "another/inputs" not in cli("incidents", "list", "vouchers", "--all").out
