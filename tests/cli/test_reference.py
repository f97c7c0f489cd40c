"""docs/cli.md and docs/settings.md say what the commands and the settings say."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from decisionloop.cli.reference import ERRORS, cli_reference, commands, settings_reference, variable
from decisionloop.errors import DecisionLoopError
from decisionloop.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("page", "text"), [("cli", cli_reference), ("settings", settings_reference)])
def test_the_page_is_the_generated_one(page, text):
    remedy = f"run `python -m decisionloop.cli.reference {page} > docs/{page}.md`"
    assert (DOCS / f"{page}.md").read_text(encoding="utf-8") == text(), remedy


@pytest.mark.parametrize(("path", "command"), commands(), ids=[path for path, _ in commands()])
def test_every_command_and_option_is_on_it(path, command):
    _, found, section = cli_reference().partition(f"## `decisionloop {path}")
    assert found
    section = section.partition("\n## ")[0]
    assert " ".join(command.help.split()) in section
    for one in command.params:
        written = one.name.upper() if one.param_type_name == "argument" else one.opts[0]
        row = next(line for line in section.splitlines() if line.startswith(f"| `{written}` |"))
        assert one.help.replace("<", "&lt;") in row
        assert ("**required**" in row) == one.required


def test_every_command_that_python_defines_is_walked():
    from decisionloop.cli.app import app

    groups = [app, *(group.typer_instance for group in app.registered_groups)]
    assert len(commands()) == sum(len(group.registered_commands) for group in groups)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_on_it(name):
    part = Settings.model_fields[name]
    row = next(line for line in settings_reference().splitlines() if line.startswith(f"| `{variable(name)}` |"))
    assert part.description
    assert part.description.replace("<", "&lt;") in row
    default = str(part.default).lower() if isinstance(part.default, bool) else str(part.default)
    assert f"| `{default}` |" in row if default else "| - |" in row


def test_a_variable_on_the_page_sets_its_setting(monkeypatch):
    examples = {
        "HOME": "here",
        "SQLITE_SYNCHRONOUS": "EXTRA",
        "DELIVERY_TIMEOUT_SECONDS": "2.5",
        "DRILL_LIMIT_SECONDS": "5",
        "LEDGER_POOL_SIZE": "7",
        "LEDGER_RETRY_SECONDS": "3",
        "LEDGER_STATEMENT_SECONDS": "30",
        "LOG_FORMAT": "json",
        "IS_DATA_DOCS_BUILT": "1",
        "RUNNER": "threads",
        "RUNNER_WORKERS": "3",
        "SERVICE_WORKERS": "4",
        "PARTITION_ROWS": "1000",
        "SCORER_ENGINE": "numpy",
        "SOURCE_OPTIONS": '{"scenario": "seasonal"}',
    }
    for name in Settings.model_fields:
        monkeypatch.setenv(variable(name), examples.get(name.upper(), "there"))
    values = Settings().model_dump()
    assert all(values[name] != part.default for name, part in Settings.model_fields.items())


def test_every_exit_code_is_on_it():
    codes = {0, 70, 130, *(one.exit_code for one in ERRORS)}
    rows = cli_reference().partition("## Exit codes")[2].splitlines()
    assert {int(row.split()[1]) for row in rows if row.startswith("| ") and row.split()[1].isdigit()} == codes


def test_an_error_of_another_module_has_one_of_these_codes():
    for module in ("decisionloop.act.policy", "decisionloop.predict.predictions", "tasks.tell.halting"):
        importlib.import_module(module)

    def below(error: type[DecisionLoopError]) -> set[type[DecisionLoopError]]:
        return {error}.union(*(below(one) for one in error.__subclasses__()))

    assert {one.exit_code for one in below(DecisionLoopError)} == {one.exit_code for one in ERRORS}
