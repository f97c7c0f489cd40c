"""`decisionloop demo --scenario`, and the options of a source that an installation sets over the contract's."""

from __future__ import annotations

from pathlib import Path

import pytest

from decisionloop.contract import load_use_case
from decisionloop.settings import load_settings
from decisionloop.sources import open_source

BUNDLED = Path(__file__).parents[2] / "usecases"


@pytest.fixture(autouse=True)
def _bundled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECISIONLOOP_USECASES_DIR", str(BUNDLED))


def test_an_unknown_scenario_is_2_and_the_known_ones_are_named(cli, home):
    told = cli("demo", "retention_offer", "--scenario", "nonsense")
    assert told.exit_code == 2
    assert "no scenario is called 'nonsense'. There are: stationary, seasonal," in told.err
    assert "Traceback" not in told.err
    assert not list(home.iterdir())


def test_recorded_history_has_no_scenarios(cli, home):
    told = cli("demo", "credit_line", "--scenario", "stationary")
    assert told.exit_code == 2
    assert "Leave --scenario out" in told.err
    assert not list(home.iterdir())


@pytest.mark.parametrize("text", ["[1]", "scenario=concept_drift", '"stationary"'])
def test_options_that_are_no_json_object_are_4(cli, monkeypatch, text):
    monkeypatch.setenv("DECISIONLOOP_SOURCE_OPTIONS", text)
    told = cli("status")
    assert told.exit_code == 4
    assert "DECISIONLOOP_SOURCE_OPTIONS" in told.err


def test_an_installations_options_go_over_the_contracts(monkeypatch):
    monkeypatch.setenv("DECISIONLOOP_SOURCE_OPTIONS", '{"scenario": "unit_change", "weeks": 9}')
    folder = load_use_case(BUNDLED / "retention_offer")
    world = open_source(folder, load_settings().resolved_source_options()).theirs.world
    assert (world.scenario.name, world.weeks, world.change_week) == ("unit_change", 9, 26)
    assert open_source(folder).theirs.world.scenario.name == "stationary"
    assert load_use_case(BUNDLED / "retention_offer").use_case.digest == folder.use_case.digest
