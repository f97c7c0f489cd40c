"""Each kind of alert and each family of incidents has a page of the runbook, and no page is about anything else."""

from __future__ import annotations

import ast
from typing import get_args

import pytest

from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.monitor.alarm.runbook import AlertKind, runbook_of_alert, runbook_of_incident, runbook_pages
from tests.architecture.code import PACKAGES, ROOT, modules, tree_of
from tests.architecture.pages import Page

PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "runbook").glob("*.md"))


def test_every_kind_has_a_page_and_every_page_a_kind():
    assert set(PAGES) == {*runbook_pages(), "docs/runbook/README.md"}
    assert len(runbook_pages()) == len(get_args(AlertKind)) + len(get_args(MonitorFamily))


@pytest.mark.parametrize("page", runbook_pages())
def test_a_page_says_what_happened_what_to_look_at_and_what_to_do(page):
    told = Page(ROOT / page)
    assert {"look-at", "do"} <= told.anchors()
    assert any(command.is_whole for command in told.commands("decisionloop")), "a command to begin with"
    assert f"]({page.rpartition('/')[2]})" in Page(ROOT / "docs" / "runbook" / "README.md").text


def test_no_kind_is_without_an_alert():
    # That no alert is of another kind is what mypy sees: `NewAlert.kind` is of the type that lists them.
    written = {
        node.value
        for path in modules(*PACKAGES)
        if path.name != "runbook.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(get_args(AlertKind)) <= written


def test_the_page_is_below_the_address_that_the_installation_names():
    assert runbook_of_alert("rules stopped") == "docs/runbook/rules_stopped.md"
    assert runbook_of_alert("rules stopped", "https://wiki/run/") == "https://wiki/run/rules_stopped.md"
    assert runbook_of_incident("value") == "docs/runbook/incident_value.md"
