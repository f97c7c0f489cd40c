"""Help is at hand at once: of every command, and before anything heavy is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from decisionloop.cli.reference import commands

HEAVY = ("pandas", "numpy", "prefect", "mlflow", "great_expectations", "sklearn", "scipy", "sqlalchemy", "pyarrow")
WHAT_IS_LOADED = """
import json, sys
import decisionloop.cli
imported = sorted(sys.modules)
sys.argv = ["decisionloop", *json.loads(sys.argv[1])]
try:
    decisionloop.cli.main()
except SystemExit as end:
    print(json.dumps([end.code or 0, imported, sorted(sys.modules)]))
"""


def _loaded(*words: str) -> tuple[int, set[str], set[str]]:
    """Exit code of a command; what the import of the command line loaded; what was loaded at the end."""
    told = subprocess.run(
        [sys.executable, "-c", WHAT_IS_LOADED, json.dumps(words)], capture_output=True, text=True, check=True
    )
    exit_code, imported, loaded = json.loads(told.stdout.splitlines()[-1])
    return exit_code, *({name.partition(".")[0] for name in names} for names in (imported, loaded))


def test_help_loads_nothing_heavy():
    exit_code, imported, loaded = _loaded("--help")
    assert exit_code == 0
    assert not imported & {*HEAVY, "typer", "pydantic"}
    assert not loaded & {*HEAVY, "pydantic", "rich"}


def test_it_says_which_version_it_is(cli):
    told = cli("--version")
    assert told.exit_code == 0
    assert told.out.strip() == f"decisionloop {version('decisionloop')}"


def test_the_console_script_is_installed():
    script = Path(sys.executable).with_name("decisionloop")
    told = subprocess.run([script, "--help"], capture_output=True, text=True)
    assert told.returncode == 0
    assert "predict, act, observe, learn" in told.stdout


@pytest.mark.parametrize(("path", "command"), commands(), ids=[path for path, _ in commands()])
def test_every_command_has_help(cli, path, command):
    assert command.help
    assert all(one.help for one in command.params)
    told = cli(*path.split(), "--help")
    assert told.exit_code == 0
    shown = " ".join(told.out.split())
    assert command.help.split()[0] in shown
    for one in command.params:
        assert (one.name if one.param_type_name == "argument" else one.opts[0]) in shown


@pytest.mark.parametrize("words", [(), ("usecase",), ("ledger",)])
def test_no_command_is_answered_by_help(cli, words):
    told = cli(*words)
    assert told.exit_code == 2
    assert "Commands" in told.out + told.err


@pytest.mark.parametrize(
    "words",
    [("fly",), ("run",), ("run", "vouchers", "--up"), ("status", "a", "b"), ("usecase", "fly"), ("kill-switch", "a")],
    ids=" ".join,
)
def test_what_cannot_be_understood_is_refused(cli, words):
    told = cli(*words)
    assert told.exit_code == 2
    assert told.out == ""
    assert "Usage" in told.err
