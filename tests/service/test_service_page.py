"""docs/service.md is true: what it asks of the skeleton is answered as it shows, and its commands work."""

from __future__ import annotations

import json
import re
import shlex

import pytest
import yaml
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from decisionloop.cli.app import app as command_line
from decisionloop.contract.scaffold import new_use_case
from decisionloop.ledger.schema import utc_now
from decisionloop.service.app import create_app
from decisionloop.service.running import open_service
from decisionloop.settings import load_settings
from tasks.predict.register_rules import prepare_to_decide
from tests.architecture.code import ROOT

PAGE = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def client(home, tmp_path, monkeypatch):
    """The service of the skeleton with the page's line in its contract."""
    contract = new_use_case(tmp_path / "usecases", "send_offer") / "usecase.yaml"
    line, _ = blocks("yaml")  # the other one is of those who are decided by no batch
    contract.write_text(contract.read_text() + line)
    assert yaml.safe_load(contract.read_text())["online"] == {}
    monkeypatch.setenv("DECISIONLOOP_USECASES_DIR", str(tmp_path / "usecases"))
    service = open_service(load_settings(), prepare_to_decide)
    with TestClient(create_app(service), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def test_what_the_page_asks_is_answered_as_it_shows(client):
    asked, shown, listed, outcomes = map(json.loads, blocks("json"))
    answer = client.post("/v1/send_offer/decisions", json=asked)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert list(told) == list(shown)
    same = ("entity", "action", "wording", "role", "reasons", "fallback_reason", "priced_by", "release")
    without_digest = {name: re.sub(r"/\w{12}$", "", str(told[name])) for name in same}
    assert without_digest == {name: re.sub(r"/\w{12}$", "", str(shown[name])) for name in same}
    many = client.post("/v1/send_offer/decisions", json={"decisions": [asked]})
    assert list(many.json()) == ["decisions"]
    listed = client.post("/v1/send_offer/decisions", json=listed | {"decided_at": utc_now().isoformat()})
    assert listed.status_code == 200, listed.text
    assert [one["entity"] for one in listed.json()["decisions"]] == ["c20", "c21"]
    became = client.post("/v1/send_offer/outcomes", json=outcomes)
    assert became.status_code == 200, became.text
    assert became.json()["rows"][0]["became"] in PAGE


def test_the_commands_of_the_page_work(home):
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("decisionloop keys")]
    assert len(commands) == 2
    made, listed = (CliRunner().invoke(command_line, shlex.split(line)[1:]) for line in commands)
    assert (made.exit_code, listed.exit_code) == (0, 0), made.output + listed.output
    key = made.stdout.strip().splitlines()[-1]
    assert "checkout: decide, outcome, made by anna" in listed.stdout
    assert key not in listed.stdout
    key_id = listed.stdout.split()[0]
    ended = CliRunner().invoke(command_line, ["keys", "revoke", key_id, "--reason", "lost", "--by", "anna"])
    assert ended.exit_code == 0
    assert "no API key" in CliRunner().invoke(command_line, ["keys", "list"]).stdout


def test_what_the_page_says_is_refused_is_refused(tmp_path):
    from decisionloop.contract.loading import load_use_case
    from decisionloop.errors import ContractError

    folder = new_use_case(tmp_path, "send_offer")
    contract = folder / "usecase.yaml"
    limits = "  constraints: [{kind: budget, cost: {voucher: '5'}, limit: 500}]\n"
    contract.write_text(contract.read_text().replace("  holdout_share: 0.05\n", f"  holdout_share: 0.05\n{limits}"))
    contract.write_text(contract.read_text() + "online: {}\n")
    load_use_case(folder)
    contract.write_text(contract.read_text().replace("{voucher: '5'}", "{voucher: '5', wait: '1'}"))
    with pytest.raises(ContractError, match="must cost nothing"):
        load_use_case(folder)
