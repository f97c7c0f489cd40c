"""Prometheus' rules and Grafana's dashboard ask for what the service tells, and lead to pages that are there."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest
import yaml

from decisionloop.ledger.alarms import SEVERITIES
from decisionloop.ledger.batches import State
from decisionloop.ledger.storage.engine import create_or_upgrade
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.ledger.worker_turns import WorkerTurn, append_worker_turn
from decisionloop.monitor.loop.health import LOOP_TROUBLES
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.service.loop_metrics import LoopMetrics
from decisionloop.service.metrics import metrics_text
from decisionloop.settings import Settings
from tests.architecture.code import ROOT
from tests.docker.images import services
from tests.live_use_case import orders, write_live

DOCKER = ROOT / "docker"
RULES = [
    rule
    for group in yaml.safe_load((DOCKER / "prometheus" / "rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((DOCKER / "grafana" / "dashboards" / "decisionloop.json").read_text())
ASKED = {
    **{rule["alert"]: rule["expr"] for rule in RULES},
    **{panel["title"]: panel["targets"][0]["expr"] for panel in DASHBOARD["panels"]},
}
WORDS = {"sum", "by", "offset", "and", "or", "unless", "max", "min", "up"}
DURATION = re.compile(r"\b\d+[smhdw]\b")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What /metrics says of an installation with one use case, whose worker was heard once."""
    home = tmp_path_factory.mktemp("observed")
    settings = Settings(home=home, usecases_dir=home / "usecases")
    written = write_live(settings.usecases_dir, orders(1))
    with create_or_upgrade(settings.resolved_ledger_url()) as ledger:
        record_use_case(ledger, "live", "d" * 64, 1, (written.folder / "usecase.yaml").read_text())
        heard = WorkerTurn("run", "live", "watchdog", "host", True, None, datetime(2024, 1, 1, tzinfo=UTC))
        append_worker_turn(ledger, heard)
        append_worker_turn(ledger, replace(heard, run_id="turn", flow="loop", peak_bytes=1 << 20))
    access = LedgerAccess(settings)
    text = metrics_text(access, ["ours"], LoopMetrics(access)).decode()
    access.close()
    return text


def names(expression: str) -> set[str]:
    """The metrics that an expression of PromQL names; raises AssertionError where its brackets do not match."""
    plain = DURATION.sub("", re.sub(r'"[^"]*"', "", expression))
    for opening, closing in ("()", "{}", "[]"):
        assert plain.count(opening) == plain.count(closing), expression
    plain = re.sub(r"\{[^}]*\}|by \([^)]*\)", "", plain)
    return set(re.findall(r"[a-zA-Z_]\w*", plain)) - WORDS


@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked_for_is_told(told, name):
    families = dict(re.findall(r"^# TYPE (\w+) (\w+)$", told, re.M))
    assert names(ASKED[name]) <= set(families)
    labels = set(re.findall(r"[{,](\w+)=", told))
    used = {label for matched in re.findall(r"\{([^}]*)\}", ASKED[name]) for label in re.findall(r"(\w+)[!=]", matched)}
    assert used - {"job"} <= labels


def test_a_value_that_is_asked_for_can_be(told):
    known = {
        "kind": set(LOOP_TROUBLES), "severity": set(SEVERITIES), "state": {*get_args(State), "failed"},
        "position": {"off", "on", "default"}, "job": {"decisionloop"},
    }  # fmt: skip
    for expression in ASKED.values():
        for label, how, value in re.findall(r'(\w+)(=|!=|=~)"([^"$]+)"', expression):
            assert set(value.split("|") if how == "=~" else [value]) <= known[label], expression


def test_the_metrics_of_a_loop_say_how_it_is(told):
    figures = dict(line.rsplit(" ", 1) for line in told.splitlines() if not line.startswith("#"))
    assert figures['decisionloop_loop_readable{use_case="live"}'] == "1.0"
    assert figures['decisionloop_loop_late{kind="worker",use_case="live"}'] == "1.0"
    assert figures['decisionloop_loop_late{kind="outbox",use_case="live"}'] == "0.0"
    assert figures['decisionloop_loop_well{use_case="live"}'] == "0.0"
    assert figures['decisionloop_turn_memory_last_bytes{use_case="live"}'] == "1.048576e+06"
    assert figures['decisionloop_kill_switch{position="off",use_case="live"}'] == "1.0"
    assert float(figures['decisionloop_worker_silent_seconds{use_case="live"}']) > 1e7
    assert "decisionloop_drill_failed{" not in told, "there was no drill"


def test_each_trouble_of_the_loop_has_a_rule_and_each_rule_a_page():
    assert {f'decisionloop_loop_late{{kind="{kind}"}} == 1' for kind in LOOP_TROUBLES} <= {one["expr"] for one in RULES}
    for rule in RULES:
        assert (ROOT / rule["annotations"]["runbook"]).is_file(), rule["alert"]
        assert rule["labels"]["severity"] in SEVERITIES
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_an_expression_that_is_broken_would_be_noticed(told):
    with pytest.raises(AssertionError):
        names('sum(decisionloop_batches{state="halted"}')
    assert names("decisionloop_nothing > 0") == {"decisionloop_nothing"}
    assert "decisionloop_nothing" not in told


def test_what_is_mounted_is_where_it_is_read():
    observed = services()
    scrape = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text())
    assert scrape["rule_files"] == ["/etc/prometheus/rules.yml"]
    (target,) = scrape["scrape_configs"][0]["static_configs"][0]["targets"]
    name, _, port = target.partition(":")
    assert port in observed[name]["command"]
    key = scrape["scrape_configs"][0]["authorization"]["credentials_file"]
    assert key.removeprefix("/run/secrets/") in observed["prometheus"]["secrets"]
    given = DOCKER / "grafana" / "provisioning"
    (source,) = yaml.safe_load((given / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    provider = yaml.safe_load((DOCKER / "grafana/provisioning/dashboards/decisionloop.yaml").read_text())["providers"][
        0
    ]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in observed["grafana"]["volumes"]
    assert all("observe" in observed[one]["profiles"] for one in ("prometheus", "grafana", "watchdog", "service"))
