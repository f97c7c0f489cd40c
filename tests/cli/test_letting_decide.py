"""`deploy`, `approve`, `approvers` and `stop` say what they did, and refuse with what can be chosen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml

from decisionloop.contract.loading import load_use_case
from decisionloop.ledger.alerts import NewAlert, append_alert
from decisionloop.ledger.letting_decide import ask_approval
from decisionloop.ledger.release_changes import change_stages
from decisionloop.ledger.releases import Release, canary, events_of_releases, find_stage
from decisionloop.ledger.storage.engine import create_or_upgrade
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.release.grounds import GATE, Grounds
from decisionloop.release.requests import EnterCanary, Refuse
from decisionloop.settings import load_settings
from tests.ledger.conftest import CONTRACT
from tests.release_lives import install_rules, into_shadow

AT = datetime(2005, 7, 8, tzinfo=UTC)
RULES, ONE, TWO = "vouchers/rules/1", "vouchers/scorecard/1", "vouchers/scorecard/2"
BOSS, ANNA = "approver@example.com", ("--reason", "too many complaints", "--by", "anna")


@pytest.fixture
def ledger(home_with_ledger):
    with create_or_upgrade(load_settings().resolved_ledger_url()) as opened:
        yield opened


@pytest.fixture
def beside(ledger, vouchers):
    """The rules decide, one model is on trial, another in shadow."""
    record_use_case(ledger, "vouchers", CONTRACT, 1, (vouchers / "usecase.yaml").read_text())
    rules = Release(RULES, "vouchers", "rules", CONTRACT, None, None, None, "null", "{}", AT)
    install_rules(ledger, rules)
    for release_id in (ONE, TWO):
        into_shadow(ledger, replace(rules, release_id=release_id, kind="scorecard"))
    change_stages(ledger, "vouchers", EnterCanary(ONE, 0.05), Grounds(GATE, "it earns more", AT))
    return ledger


@pytest.fixture
def asked(beside, vouchers):
    """An approval of the one in shadow is asked for."""
    path = vouchers / "usecase.yaml"
    contract = yaml.safe_load(path.read_text())
    contract["approval"] |= {"approvers": [BOSS], "is_required": True}
    path.write_text(yaml.safe_dump(contract, sort_keys=False))
    change_stages(beside, "vouchers", Refuse(ONE), Grounds(GATE, "harm", AT))

    def tell(connection, alert: NewAlert) -> None:
        append_alert(connection, "vouchers", alert)

    approval = load_use_case(vouchers).use_case.approval
    ask_approval(beside, "vouchers", EnterCanary(TWO, 0.05), Grounds(GATE, "it earns more", AT), approval, tell)
    return beside


def test_anybody_stops_what_is_on_trial_and_history_says_who_and_why(cli, beside):
    told = cli("stop", "vouchers", ONE, *ANNA)
    assert told.exit_code == 0
    assert told.out.splitlines()[:2] == [f"vouchers: {ONE}: canary → rolled_back.", "No decided action is held."]
    assert canary(beside, "vouchers") is None
    assert f"{ONE}: canary → rolled_back, by anna: too many complaints" in cli("history", "vouchers").out
    assert "stopped before. Nothing was changed." in cli("stop", "vouchers", ONE, *ANNA).out
    assert cli("stop", "vouchers", TWO, *ANNA).exit_code == 0
    assert find_stage(beside, TWO).stage == "refused"


@pytest.mark.parametrize("name", ["vouchers/scorecard/3", "credit_line/scorecard/1", RULES, ""])
def test_what_cannot_be_stopped_is_refused_with_what_can(cli, beside, name):
    before = events_of_releases(beside, "vouchers")
    told = cli("stop", "vouchers", name, *ANNA)
    assert told.exit_code == 2
    assert f"Choose one of: {ONE} (on trial), {TWO} (in shadow)." in told.err
    assert events_of_releases(beside, "vouchers") == before


def test_stopping_needs_neither_contract_nor_code_but_words(cli, beside, vouchers):
    (vouchers / "features.py").write_text("def features(")
    (vouchers / "usecase.yaml").write_text("not: [a contract")
    assert cli("stop", "vouchers", ONE, "--reason", " ", "--by", "anna").exit_code == 2
    assert cli("stop", "vouchers", ONE, *ANNA).exit_code == 0


@pytest.mark.parametrize("name", ["vouchers/scorecard/3", "credit_line/scorecard/1", RULES])
def test_what_cannot_be_deployed_is_refused_with_what_can(cli, beside, name):
    told = cli("deploy", "vouchers", name)
    assert told.exit_code == 2
    assert f"Choose one of: {ONE} (canary), {TWO} (shadow)." in told.err


def test_an_approver_answers_once_and_nobody_else_does(cli, asked):
    assert cli("approve", "vouchers", TWO, "--by", "anna").exit_code == 2
    told = cli("approve", "vouchers", ONE, "--by", BOSS)
    assert (told.exit_code, f"Choose one of: {TWO}." in told.err) == (2, True)
    told = cli("approve", "vouchers", TWO, "--by", BOSS, "--note", "seen")
    assert told.exit_code == 0
    assert told.out.startswith(f"vouchers: {BOSS} has approved {TWO} (a claim and no proof).")
    again = cli("approve", "vouchers", TWO, "--by", BOSS, "--reject")
    assert (again.exit_code, "Nothing waits for an approval." in again.err) == (2, True)


def test_a_no_stops_it(cli, asked):
    assert "It is stopped" in cli("approve", "vouchers", TWO, "--by", BOSS, "--reject", "--note", "the season").out
    assert f"{TWO}: shadow → refused, by {BOSS}: not approved: the season" in cli("history", "vouchers").out


def test_codes_are_shown_once_and_prove_who_answers(cli, asked):
    assert cli("approvers", "list", "vouchers").out == f"{BOSS}: no code\n"
    made = cli("approvers", "codes", "vouchers", BOSS, "--count", "2")
    code, _ = made.out.split()
    assert cli("approvers", "list", "vouchers").out == f"{BOSS}: 2 codes left\n"
    assert "a name alone is not taken" in cli("approve", "vouchers", TWO, "--by", BOSS).err
    told = cli("approve", "vouchers", TWO, "--by", BOSS, "--code", code)
    assert told.out.startswith(f"vouchers: {BOSS} has approved {TWO} (proven by a code).")
    assert cli("approvers", "list", "vouchers").out == f"{BOSS}: 1 codes left\n"
    assert cli("approvers", "codes", "vouchers", "anna").exit_code == 2
