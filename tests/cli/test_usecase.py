"""A new use case passes its own check; a faulty one is told every fault at once."""

from __future__ import annotations

from pathlib import Path


def test_a_new_use_case_passes_its_own_check(cli, folder):
    made = cli("usecase", "new", "send_offer")
    assert made.exit_code == 0
    assert "usecases/send_offer" in made.out
    assert "decisionloop usecase check usecases/send_offer" in made.out
    checked = cli("usecase", "check", "usecases/send_offer")
    assert (checked.exit_code, checked.err) == (0, "")
    assert "usecases/send_offer: the contract, its code and its source agree." in checked.out
    told = cli("usecase", "check", "usecases/send_offer", "--json").json
    assert told.pop("answers")["outcomes a week"].startswith("about 20: a replay shows an outcome only where")
    assert [one.split(" is told")[0] for one in told.pop("cannot_happen")] == ["No lift over those held out"]
    assert told == {"changes": None, "findings": [], "is_valid": True}
    assert cli("status").out.startswith("send_offer: ")


def test_it_is_made_where_the_settings_say_or_the_caller(cli, folder, monkeypatch):
    monkeypatch.setenv("DECISIONLOOP_USECASES_DIR", "elsewhere")
    assert cli("usecase", "new", "one").exit_code == 0
    assert cli("usecase", "new", "two", "--parent", "here").exit_code == 0
    assert (folder / "elsewhere" / "one" / "usecase.yaml").is_file()
    assert (folder / "here" / "two" / "usecase.yaml").is_file()


def test_neither_a_bad_name_nor_a_folder_that_exists(cli, vouchers):
    for name in ("Send-Offer", "vouchers"):
        told = cli("usecase", "new", name)
        assert told.exit_code == 2
        assert name in told.err


def _break(vouchers: Path) -> None:
    contract = vouchers / "usecase.yaml"
    text = contract.read_text()
    text = text.replace("budget_share: 0.01", "budget_share: 2").replace("covers_days: 7", "covers_days: -7")
    contract.write_text(text + "\nsurprise: 1\n")


FAULTY = {"policy.exploration.budget_share", "schedule.covers_days", "surprise"}


def test_a_faulty_contract_is_2_with_one_line_a_fault(cli, vouchers):
    _break(vouchers)
    told = cli("usecase", "check", "usecases/vouchers")
    assert (told.exit_code, told.out) == (2, "")
    first, *lines = told.err.splitlines()
    assert first == "decisionloop: usecases/vouchers/usecase.yaml: 3 faults"
    assert {line.strip(" -").partition(" (line ")[0] for line in lines} == FAULTY
    assert all("(got " in line for line in lines)


def test_json_tells_the_same_faults_apart(cli, vouchers):
    _break(vouchers)
    told = cli("usecase", "check", "usecases/vouchers", "--json")
    assert (told.exit_code, told.err) == (2, "")
    assert told.json["is_valid"] is False
    assert {fault["path"] for fault in told.json["faults"]} == FAULTY
    for fault in told.json["faults"]:
        assert set(fault) == {"path", "value", "problem", "remedy", "line"}
        assert all(fault.values())


def test_it_is_checked_by_its_name_as_by_its_folder(cli, vouchers):
    told = cli("usecase", "check", "vouchers")
    assert told.exit_code == 0
    assert told.out == cli("usecase", "check", "usecases/vouchers").out


def test_json_is_printed_whatever_the_fault(cli, vouchers):
    missing = cli("usecase", "check", "nobody", "--json")
    assert (missing.exit_code, missing.err, missing.json["is_valid"], missing.json["faults"]) == (2, "", False, [])
    assert "decisionloop usecase new" in missing.json["error"]
    (vouchers / "data" / "past_experiment.csv").unlink()
    unread = cli("usecase", "check", "vouchers", "--json")
    assert (unread.exit_code, unread.err, unread.json["is_valid"]) == (5, "", False)
    assert "past_experiment.csv" in unread.json["error"]


def test_code_that_does_not_fit_the_contract_is_told_too(cli, vouchers):
    (vouchers / "rules.py").write_text("def rule(features):\n    return features\n")
    told = cli("usecase", "check", "usecases/vouchers")
    assert told.exit_code == 2
    assert "rules.py" in told.err


def test_a_source_that_cannot_be_read_is_5(cli, vouchers):
    log = vouchers / "data" / "past_experiment.csv"
    log.write_text(log.read_text().replace("visited_at", "seen_on", 1))
    told = cli("usecase", "check", "usecases/vouchers")
    assert told.exit_code == 5
    assert "visited_at" in told.err
    assert "past_experiment.csv" in told.err


def test_code_that_asks_the_program_to_exit_is_a_fault_and_not_the_end(cli, vouchers):
    (vouchers / "features.py").write_text("import sys\nsys.exit(0)\n")
    told = cli("usecase", "check", "usecases/vouchers")
    assert (told.exit_code, told.out) == (2, "")
    assert "features.py, line 2" in told.err


def test_a_version_that_the_ledger_knows_with_another_meaning_is_2(cli, vouchers, home):
    from decisionloop.contract import load_use_case
    from decisionloop.ledger.storage.engine import create_or_upgrade
    from decisionloop.ledger.use_cases import record_use_case
    from decisionloop.settings import load_settings

    known = load_use_case(vouchers)
    with create_or_upgrade(load_settings().resolved_ledger_url()) as ledger:
        record_use_case(ledger, "vouchers", known.use_case.digest, known.use_case.version, known.text)
    assert cli("usecase", "check", "usecases/vouchers").exit_code == 0
    contract = vouchers / "usecase.yaml"
    contract.write_text(contract.read_text().replace("budget_share: 0.01", "budget_share: 0.02"))
    told = cli("usecase", "check", "usecases/vouchers")
    assert told.exit_code == 2
    assert "policy.exploration.budget_share" in told.err
    assert "Set `version: 2`" in told.err
