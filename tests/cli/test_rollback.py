"""`decisionloop rollback` needs ledger and name alone, says what it did, and refuses with what can be chosen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.releases import Release, champion, events_of_releases
from decisionloop.ledger.storage.engine import create_or_upgrade
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.settings import load_settings
from tests.ledger.conftest import CONTRACT
from tests.release_lives import install_rules, into_shadow, promote

AT = datetime(2005, 7, 8, tzinfo=UTC)
RULES, ONE, TWO = "vouchers/rules/1", "vouchers/scorecard/1", "vouchers/scorecard/2"
ANNA = ("--reason", "too many complaints", "--by", "anna")
BOSS = ("--reason", "too many complaints", "--by", "approver@example.com")


@pytest.fixture
def ledger(home_with_ledger):
    with create_or_upgrade(load_settings().resolved_ledger_url()) as opened:
        yield opened


@pytest.fixture
def decided(ledger, vouchers):
    """The rules, then a first model, then a second one decide."""
    record_use_case(ledger, "vouchers", CONTRACT, 1, (vouchers / "usecase.yaml").read_text())
    rules = Release(RULES, "vouchers", "rules", CONTRACT, None, None, None, "null", "{}", AT)
    install_rules(ledger, rules)
    for release_id in (ONE, TWO):
        model = replace(rules, release_id=release_id, kind="scorecard")
        into_shadow(ledger, model)
        promote(ledger, model)
    return ledger


def who_decides(ledger) -> str:
    found = champion(ledger, "vouchers")
    assert found is not None
    return found.release_id


def test_without_a_target_the_champion_before_decides_again(cli, decided):
    told = cli("rollback", "vouchers", *BOSS)
    assert told.exit_code == 0
    lines = told.out.splitlines()
    assert lines[0] == f"vouchers: {ONE} decides from now on."
    assert f"{TWO}: champion → rolled_back." in lines
    assert f"{ONE}: retired → champion." in lines
    assert "No decided action is held." in lines
    assert who_decides(decided) == ONE
    assert cli("rollback", "vouchers", *BOSS).out.startswith(f"vouchers: {RULES} decides from now on.")


def test_anybody_may_go_back_to_the_rules_and_only_an_approver_to_a_model(cli, decided):
    refused = cli("rollback", "vouchers", *ANNA)
    assert refused.exit_code == 2
    assert "approval.approvers" in refused.err
    assert who_decides(decided) == TWO
    assert cli("rollback", "vouchers", "--to", "rules", *ANNA).exit_code == 0
    assert who_decides(decided) == RULES


def test_a_wrong_choice_is_refused_with_the_list_of_right_ones(cli, decided):
    before = events_of_releases(decided, "vouchers")
    told = cli("rollback", "vouchers", "--to", "vouchers/scorecard/3", *BOSS)
    assert told.exit_code == 2
    assert f"Choose one of: rules, {ONE}." in told.err
    assert events_of_releases(decided, "vouchers") == before
    cli("rollback", "vouchers", "--to", "rules", *BOSS)
    again = cli("rollback", "vouchers", *BOSS)
    assert again.exit_code == 2
    assert f"say what to go back to from {RULES}. Choose one of: {TWO} (rolled back), {ONE}." in again.err


def test_who_decides_already_stays_and_nothing_is_written(cli, decided):
    before = events_of_releases(decided, "vouchers")
    told = cli("rollback", "vouchers", "--to", TWO, *ANNA)
    assert (told.exit_code, told.out) == (0, f"vouchers: {TWO} decides already. Nothing was changed.\n")
    assert events_of_releases(decided, "vouchers") == before


def test_neither_contract_nor_code_is_needed_to_go_back(cli, decided, vouchers):
    (vouchers / "usecase.yaml").write_text("name: [")
    (vouchers / "rules.py").write_text("def broken(:")
    assert cli("rollback", "vouchers", *BOSS).exit_code == 0  # the recorded contract says who may
    assert cli("rollback", "vouchers", "--to", "rules", *ANNA).exit_code == 0
    assert who_decides(decided) == RULES


def test_who_and_why_are_kept_and_people_see_it_in_the_status(cli, decided):
    cli("rollback", "vouchers", "--to", "rules", *ANNA)
    last = events_of_releases(decided, "vouchers")[-1]
    assert (last.decider, last.decided_by, last.reason) == ("person", "anna", "too many complaints")
    (alert,) = alerts(decided, "vouchers")
    assert alert.kind == "rollback"
    assert f"{RULES} decides vouchers in place of {TWO}: too many complaints (anna)." in cli("status", "vouchers").out


@pytest.mark.parametrize("words", [("--reason", " ", "--by", "anna"), ("--reason", "so", "--by", "")])
def test_a_blank_reason_or_name_is_refused(cli, decided, words):
    told = cli("rollback", "vouchers", *words)
    assert told.exit_code == 2
    assert "is blank" in told.err


def test_a_use_case_that_has_never_decided_has_nowhere_to_go(cli, ledger, vouchers):
    told = cli("rollback", "vouchers", "--to", "rules", *ANNA)
    assert told.exit_code == 2
    assert "There is no other release that has ever decided." in told.err
