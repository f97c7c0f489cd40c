"""A use case of one's own is deployed by its contract: nobody edits prefect.yaml for it."""

from __future__ import annotations

import pytest
import yaml

from decisionloop.cli.deployment_file import LOOP, Scheduled, as_yaml, composed, scheduled_use_cases
from tests.architecture.code import ROOT
from tests.live_use_case import orders, write_live

WRITTEN = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
OWN = Scheduled("orders", "Whom to call.", "30 7 * * 2", "Europe/Berlin")
BUNDLED = scheduled_use_cases(ROOT / "usecases")


@pytest.fixture(scope="module")
def made():
    return {one["name"]: one for one in composed(WRITTEN, (*BUNDLED, OWN))["deployments"]}


def test_without_use_cases_of_one_s_own_it_is_what_is_written():
    made = {one["name"]: one for one in composed(WRITTEN, BUNDLED)["deployments"]}
    for one in WRITTEN["deployments"]:
        more = made[one["name"]].pop("schedules", [])
        written = one.get("schedules", [])
        assert more[: len(written)] == written
        assert made[one["name"]] == {key: value for key, value in one.items() if key != "schedules"}
    assert len(made) == len(WRITTEN["deployments"])


def test_each_has_a_loop_by_its_contract_and_a_schedule_of_what_runs_for_each(made):
    loop = made["orders"]
    assert (loop["entrypoint"], loop["parameters"]) == (LOOP, {"use_case": "orders"})
    assert loop["schedules"] == [
        {"active": False, "slug": "contract", "cron": "30 7 * * 2", "timezone": "Europe/Berlin"}
    ]
    assert loop["tags"] == ["orders", "loop"]
    assert loop["description"].endswith("Whom to call.")
    for name, one in made.items():
        if one["entrypoint"] == LOOP or not one.get("schedules"):
            continue
        default = one.get("parameters", {}).get("use_case")
        named = [schedule.get("parameters", {}).get("use_case", default) for schedule in one["schedules"]]
        assert named == ["credit_line", "retention_offer", "orders"], name
        assert one["schedules"][-1]["active"] is False


def test_what_is_not_there_is_not_deployed():
    only = composed(WRITTEN, [OWN])["deployments"]
    assert "credit_line" not in as_yaml({"deployments": only})
    assert [one["name"] for one in only if one["entrypoint"] == LOOP] == ["orders"]


def test_it_is_written_as_prefect_reads_it(made):
    assert yaml.safe_load(as_yaml({"deployments": list(made.values())})) == {"deployments": list(made.values())}


def test_a_contract_says_when_it_is_due(tmp_path):
    write_live(tmp_path, orders(1))
    (found,) = scheduled_use_cases(tmp_path)
    assert (found.name, found.timezone) == ("live", "UTC")
    assert len(found.cron.split()) == 5


def test_it_may_be_written_alone(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    told = cli("deploy-flows", "--write", str(tmp_path / "own.yaml"))
    assert told.exit_code == 0
    names = {one["name"] for one in yaml.safe_load((tmp_path / "own.yaml").read_text(encoding="utf-8"))["deployments"]}
    assert names == {one["name"] for one in WRITTEN["deployments"]}
