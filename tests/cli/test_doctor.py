"""`decisionloop doctor` says what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from decisionloop.cli.doctor import is_adopting


def _by_subject(told):
    return {finding["subject"]: finding for finding in told.json}


def test_a_healthy_home_is_0(cli, vouchers, home_with_ledger):
    home = home_with_ledger
    home.chmod(0o700)
    (home / "ledger.db").chmod(0o600)
    told = cli("doctor")
    assert (told.exit_code, told.err) == (0, "")
    assert "FAULT" not in told.out
    found = _by_subject(cli("doctor", "--json"))
    assert {finding["level"] for finding in found.values()} <= {"ok", "warning"}
    assert str(home / "ledger.db") in found["ledger"]["seen"]
    assert "journal wal, synchronous FULL" in found["ledger"]["seen"]
    assert "may be written to" in found["snapshots"]["seen"]
    assert "contract version 1" in found["use case vouchers"]["seen"]


def test_it_and_status_change_nothing_and_tell_what_others_may_read(cli, vouchers, home):
    home.chmod(0o755)
    found = _by_subject(cli("doctor", "--json"))
    assert found["ledger"]["seen"] == f"none yet: the first run makes {home / 'ledger.db'}"
    assert found["privacy"]["remedy"] == f"Run `chmod go= {home}`."
    assert cli("status").exit_code == 0
    assert list(home.iterdir()) == []


def test_a_home_with_a_past_and_no_ledger_is_a_fault_and_begins_nothing(cli, vouchers, home):
    stored = home / "snapshots" / "ab"
    stored.mkdir(parents=True)
    (stored / f"ab{'0' * 62}.parquet").write_bytes(b"what somebody was decided by")
    assert "this home has a past" in _by_subject(cli("doctor", "--json"))["ledger"]["seen"]
    for command in (
        ("status",),
        ("ledger", "upgrade"),
        ("kill-switch", "vouchers", "on", "--reason", "x", "--by", "y"),
    ):
        told = cli(*command)
        assert (told.exit_code, "this home has a past" in told.err) == (4, True)


@pytest.mark.parametrize("file", ["outbox/vouchers/2026-01-05/chunk-0.jsonl", "last_sent/vouchers.json"])
def test_actions_that_were_sent_are_a_past_as_well(cli, vouchers, home, file):
    (home / file).parent.mkdir(parents=True)
    assert cli("status").exit_code == 0  # an empty folder tells of nothing
    (home / file).write_text("{}")
    (home / "mlflow.db").write_bytes(b"")
    turn = ("kill-switch", "vouchers", "on", "--reason", "x", "--by", "y")
    for command in (("status",), turn, ("status",), turn):
        told = cli(*command)
        assert (told.exit_code, "this home has a past" in told.err) == (4, True)


def test_the_durability_that_was_set_is_the_one_that_is_seen(cli, home_with_ledger, monkeypatch):
    monkeypatch.setenv("DECISIONLOOP_SQLITE_SYNCHRONOUS", "EXTRA")
    assert "synchronous EXTRA" in _by_subject(cli("doctor", "--json"))["ledger"]["seen"]


BROKEN = {
    "no url": ("LEDGER_URL", "the ledger", "ledger"),
    "another database": ("LEDGER_URL", "mysql://host/db", "ledger"),
    "nobody listens": ("LEDGER_URL", "postgresql+psycopg://me:secret@127.0.0.1:1/db", "ledger"),
    "a file in the way": ("LEDGER_URL", "sqlite:///usecases/vouchers/usecase.yaml/ledger.db", "ledger"),
    "an unknown store": ("SNAPSHOTS_URL", "carrier-pigeon://loft", "snapshots"),
    "a file as a store": ("SNAPSHOTS_URL", "usecases/vouchers/usecase.yaml", "snapshots"),
}


@pytest.mark.parametrize(("name", "value", "subject"), BROKEN.values(), ids=BROKEN)
def test_a_place_that_cannot_be_used_is_4_with_a_remedy(cli, vouchers, monkeypatch, name, value, subject):
    monkeypatch.setenv(f"DECISIONLOOP_{name}", value)
    told = cli("doctor")
    assert told.exit_code == 4
    line = next(line for line in told.out.splitlines() if line.startswith(f"FAULT    {subject}: "))
    assert told.err == f"decisionloop: 1 at fault: {subject}. The remedies stand above.\n"
    assert "secret" not in told.out + told.err
    as_json = cli("doctor", "--json")
    found = _by_subject(as_json)
    assert as_json.exit_code == 4
    assert [one for one, finding in found.items() if finding["level"] == "fault"] == [subject]
    assert found[subject]["remedy"]
    assert line.split()[1:3] == f"{subject}: {found[subject]['seen']}".split()[:2]


def test_one_faulty_contract_hides_no_other(cli, vouchers):
    cli("usecase", "new", "another")
    contract = vouchers.parent / "another" / "usecase.yaml"
    contract.write_text(contract.read_text().replace("covers_days: 7", "covers_days: -7"))
    told = cli("doctor", "--json")
    assert told.exit_code == 4
    found = _by_subject(told)
    assert found["use case vouchers"]["level"] == "ok"
    assert found["use case another"]["level"] == "fault"
    assert "schedule.covers_days" in found["use case another"]["seen"]
    assert found["use case another"]["remedy"]


def test_no_use_case_at_all_is_worth_a_warning(cli):
    told = cli("doctor")
    assert told.exit_code == 0
    assert "warning  use cases: none below" in told.out
    assert "decisionloop usecase new" in told.out


def test_a_prefect_server_that_does_not_answer_is_a_fault(cli, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    told = cli("doctor", "--json")
    assert told.exit_code == 4
    assert "decisionloop serve" in _by_subject(told)["prefect server"]["remedy"]


def test_telemetry_that_was_switched_on_is_said(cli, monkeypatch):
    assert _by_subject(cli("doctor", "--json"))["telemetry"]["level"] == "ok"
    monkeypatch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "true")
    found = _by_subject(cli("doctor", "--json"))["telemetry"]
    assert found["level"] == "warning"
    assert "PREFECT_SERVER_ANALYTICS_ENABLED" in found["remedy"]


@pytest.mark.parametrize(
    ("pid", "parent", "is_orphan"),
    [
        (1, "/sbin/init", True),
        (900, "/usr/lib/systemd/systemd --user", True),
        (0, "", True),
        (1, "python -m somebody.elses.service", True),
        (700, "/venv/bin/python /venv/bin/decisionloop run credit_line", False),
        (1, "/venv/bin/python /venv/bin/decisionloop run credit_line", False),
        (1, "python -m prefect server start", False),
        (800, "/usr/bin/python3.11 my_script.py", False),
    ],
)
def test_a_server_whose_command_has_gone_is_an_orphan(pid, parent, is_orphan):
    assert is_adopting(pid, parent) is is_orphan


def test_the_scorer_is_compiled_and_says_where_its_code_is_kept(cli):
    found = _by_subject(cli("doctor", "--json"))["scorer"]
    assert found["level"] == "ok"
    assert re.fullmatch(r"numba [\d.]+, compiled code ready in \S+", found["seen"])
    assert Path(found["seen"].rpartition(" ")[2]).is_dir()


def test_the_engine_that_is_set_is_the_one_that_is_looked_for(cli, monkeypatch):
    monkeypatch.setenv("DECISIONLOOP_SCORER_ENGINE", "numpy")
    assert _by_subject(cli("doctor", "--json"))["scorer"]["seen"] == "numpy, as it is set"
    monkeypatch.setattr("decisionloop.predict.scorer.engine.find_spec", lambda name: None)
    assert "decisionloop[fast]" in _by_subject(cli("doctor", "--json"))["scorer"]["seen"]
    monkeypatch.setenv("DECISIONLOOP_SCORER_ENGINE", "numba")
    fault = _by_subject(cli("doctor", "--json"))["scorer"]
    assert fault["level"] == "fault"
    assert fault["remedy"].startswith("Install decisionloop[fast]")
