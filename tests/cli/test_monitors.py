"""`status` and `monitors report`: what each family says now, and how often it was right."""

from __future__ import annotations

import re

import pytest

from decisionloop.ledger.incidents import acknowledge, close
from decisionloop.ledger.measurements import Measurement, append_measurements
from decisionloop.ledger.releases import Release
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.monitor.alarm.budget import FAMILIES
from decisionloop.workspace import open_workspace
from tests.release_lives import install_rules
from tests.watched_ledger import WEEKS, WORDS, fail_to_notify, raise_alarm, watch_for_a_while

SCENARIO = """
import pandas as pd
from decisionloop.sources.base import TrueChange

class World:
    time_column = "when"
    def due(self, as_of, covers_days):
        return pd.DataFrame({"customer_id": []})
    def known(self, entities, as_of):
        return pd.DataFrame({"customer_id": [], "when": []})
    def newest_time(self, as_of):
        return None
    def outcomes(self, as_of, decided):
        return pd.DataFrame()
    def calendar(self):
        return ()
    def true_changes(self):
        return (TrueChange("concept_drift", pd.Timestamp("AT"), ("inputs", "performance"), 2.5),)

def source(use_case, folder):
    return World()
"""


@pytest.fixture
def watched(cli, vouchers, home_with_ledger):
    """The workspace of a use case that was watched for twelve weeks; an incident about the inputs is open."""
    workspace = open_workspace("vouchers")
    watch_for_a_while(workspace.ledger, "vouchers", workspace.use_case.digest)
    return workspace


@pytest.fixture
def simulated(vouchers):
    """Makes the use case's source a world that says when it changed."""

    def simulate(at: str) -> None:
        contract = vouchers / "usecase.yaml"
        head, _, rest = contract.read_text().partition("\nsource:")
        _, _, tail = rest.partition("\n\n") if "\n\n" in rest else ("", "", "")
        contract.write_text(f"{head}\nsource:\n  kind: custom\n\n{tail}")
        (vouchers / "source.py").write_text(SCENARIO.replace("AT", at))

    return simulate


def _lines(told, label):
    return [line for line in told.out.splitlines() if line.strip().startswith(label)]


def test_before_anything_was_checked_status_says_so_for_every_family(cli, vouchers):
    lines = _lines(cli("status"), "watch")
    assert [line.split()[1] for line in lines] == list(FAMILIES)
    assert all("nothing was checked yet" in line for line in lines)


def test_status_has_a_line_for_every_family(cli, watched):
    told = cli("status")
    inputs, outputs = _lines(told, "watch")[:2]
    assert f"warning since 2024-03-11: {WORDS.rstrip('.')}." in inputs
    assert "EUR 250 a batch at stake." in inputs
    assert "(vouchers/inputs/2024-03-11; checked 2024-03-18; may raise 0.125 false alarms a year)" in inputs
    assert "outputs     quiet (checked 2024-03-18; may raise 0.125 false alarms a year)" in outputs


def test_status_as_json_has_the_same(cli, watched):
    (state,) = cli("status", "--json").json
    by_family = {one["family"]: one for one in state["monitors"]}
    assert list(by_family) == list(FAMILIES)
    assert by_family["inputs"] == {
        "family": "inputs",
        "state": "opened",
        "last_checked": "2024-03-18",
        "checks": 24,
        "false_alarms_per_year": 0.125,
        "incident_id": "vouchers/inputs/2024-03-11",
        "severity": "warning",
        "since": "2024-03-11",
        "words": WORDS,
        "stake_total": 250.0,
    }
    assert (by_family["outputs"]["state"], by_family["skew"]["state"]) == ("quiet", "unwatched")
    assert by_family["skew"]["stake_total"] is None


def test_a_family_that_has_nothing_to_check_says_why(cli, vouchers):
    contract = vouchers / "usecase.yaml"
    head, _, rest = contract.read_text().partition("\nprotected:\n")
    tail = rest[re.search(r"^\w", rest, re.M).start() :]
    contract.write_text(f"{head}\n{tail}")
    by_family = {line.split()[1]: line for line in _lines(cli("status", "vouchers"), "watch")}
    assert "nothing to check: the contract names no protected groups" in by_family["impact"]
    assert "nothing was checked yet" in by_family["value"]  # who decides is not known before the first batch
    ledger, digest = open_workspace("vouchers").ledger, open_workspace("vouchers").use_case.digest
    record_use_case(ledger, "vouchers", digest, 1, "")
    rules = Release("vouchers/rules/1", "vouchers", "rules", digest, None, None, None, "null", "{}", WEEKS[0])
    install_rules(ledger, rules)
    by_family = {line.split()[1]: line for line in _lines(cli("status", "vouchers"), "watch")}
    for family in ("value", "performance", "feedback"):
        assert "nothing to check: the rules decide" in by_family[family]
    for family in ("inputs", "outputs", "labels", "skew"):
        assert "nothing was checked yet" in by_family[family]
    states = {one["family"]: one for one in cli("status", "vouchers", "--json").json[0]["monitors"]}
    assert states["impact"]["words"] == "the contract names no protected groups"
    figure = Measurement(
        use_case="vouchers", release_id=None, monitor="value_policy", slice="all", cohort="2024-01-01", value=1.0,
        low=0.5, high=1.5, n=20, effective_n=None, is_mature=True, as_of=WEEKS[0],
    )  # fmt: skip
    append_measurements(ledger, [figure])
    by_family = {line.split()[1]: line for line in _lines(cli("status", "vouchers"), "watch")}
    assert "nothing was checked yet" not in by_family["labels"]
    assert "the outcomes of 1 cohort were complete before any check" in by_family["labels"]


def test_status_follows_the_incident(cli, watched):
    incident = "vouchers/inputs/2024-03-11"
    acknowledge(watched.ledger, incident, "anna", "looking")
    assert "acknowledged, vouchers/inputs" in cli("status").out
    close(watched.ledger, incident, "anna", "repaired")
    assert "inputs      quiet" in cli("status").out


def test_status_shows_notices_that_nobody_got(cli, watched):
    fail_to_notify(watched.ledger, "vouchers")
    (line,) = _lines(cli("status"), "not notified")
    assert "slack-webhook/risk did not take “Repayment status moved” (2 attempts): connection refused" in line
    assert len(cli("status", "--json").json[0]["undelivered_notices"]) == 1


def test_the_report_counts_checks_alarms_and_incidents_against_the_budget(cli, watched):
    told = cli("monitors", "report", "vouchers", "--json").json
    assert not told["is_truth_known"]
    inputs = next(one for one in told["families"] if one["family"] == "inputs")
    years = 12 * 7 / 365
    assert (inputs["checks"], inputs["alarms"], inputs["budget_per_year"]) == (24, 2, 0.125)
    assert inputs["incidents"]["count"] == 1
    assert inputs["incidents"]["per_year"] == pytest.approx(1 / years)
    assert inputs["incidents"]["upper_95"] == pytest.approx(4.74386 / years, rel=1e-4)
    assert inputs["false_incidents"]["count"] == 0
    assert inputs["false_incidents"]["upper_95"] == pytest.approx(2.99573 / years, rel=1e-4)
    assert inputs["verdict"] == "too early to tell"
    assert (told["total"]["checks"], told["total"]["alarms"]) == (24 + 12 + 12, 2)
    assert told["limits"][0]["evidence"] == {
        "batches": 8,
        "feature": "status",
        "mean": 0.031,
        "sd": 0.004,
        "threshold": 0.1,
    }
    assert told["changes"] == []


def test_the_report_reads_well(cli, watched):
    told = cli("monitors", "report", "vouchers")
    assert (told.exit_code, told.err) == (0, "")
    (row,) = _lines(told, "inputs ")
    assert row.split()[1:5] == ["24", "2", "1", "4.35"]
    assert row.endswith("too early to tell")
    assert "nobody knows the truth" in told.out
    assert "input_shift feature=status: 0.1, errs 0.0001 (batches 8, mean 0.031, sd 0.004)" in told.out


def test_what_a_person_closes_as_false_is_false(cli, watched):
    cli("incidents", "close", "vouchers/inputs/2024-03-11", "--by", "anna", "--reason", "False alarm: a holiday")
    told = cli("monitors", "report", "vouchers", "--json").json
    assert told["total"]["false_incidents"]["count"] == 1


def test_a_world_that_knows_its_truth_gives_delays_and_false_alarms(cli, simulated):
    simulated("2024-03-04")
    workspace = open_workspace("vouchers")
    raise_alarm(workspace.ledger, "vouchers", WEEKS[2])
    watch_for_a_while(workspace.ledger, "vouchers", workspace.use_case.digest)
    told = cli("monitors", "report", "vouchers", "--json").json
    assert told["is_truth_known"]
    assert told["total"]["false_incidents"]["count"] == 1
    assert told["total"]["false_incidents"]["years"] == pytest.approx(9 * 7 / 365)
    (change,) = told["changes"]
    assert (change["name"], change["money_per_decision"]) == ("concept_drift", 2.5)
    assert (change["noticed"]["family"], change["noticed"]["delay_days"], change["noticed"]["delay_batches"]) == (
        "inputs",
        7,
        2,
    )
    assert [one["noticed_at"] is None for one in change["families"]] == [False, True]
    text = cli("monitors", "report", "vouchers").out
    assert "concept_drift of 2024-03-04: inputs noticed it on 2024-03-11, in batch 2, after 7 days" in text
    assert "concept_drift of 2024-03-04: performance has not noticed it" in text
    assert "False are incidents from before anything really changed" in text


def test_before_anything_was_watched_the_report_says_so(cli, vouchers):
    told = cli("monitors", "report", "vouchers")
    assert told.exit_code == 0
    assert "nothing was watched yet" in told.out
    assert cli("monitors", "report", "vouchers", "--json").json["total"]["incidents"]["per_year"] is None


def test_an_unknown_use_case_is_2(cli, folder):
    told = cli("monitors", "report", "nobody")
    assert (told.exit_code, told.out) == (2, "")
    assert "decisionloop usecase new" in told.err
