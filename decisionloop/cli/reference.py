"""docs/cli.md and docs/settings.md, written from the commands and settings themselves; a test keeps the files equal.

``python -m decisionloop.cli.reference cli > docs/cli.md``, and the same with ``settings``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from decisionloop import errors
from decisionloop.cli import UNEXPECTED
from decisionloop.cli.environment import QUIET
from decisionloop.errors import DecisionLoopError
from decisionloop.settings import Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from typer.core import TyperArgument, TyperCommand, TyperOption

_CLI = """# The command line

`make` installs it as `.venv/bin/decisionloop`. Where it works is said by [settings](settings.md), or by `--home FOLDER`
before a command's name; use cases are named by their folder below `usecases/`. What a script reads goes to standard
output, as JSON with `--json`; progress, logs and errors go to standard error. This page is generated:
`decisionloop/cli/reference.py`.
"""
_EXIT_CODES = """## Exit codes

They do not change from version to version.

| code | meaning |
|---|---|
| 0 | Done. |"""
_SETTINGS = """# Settings

Where an installation keeps things. Each is an environment variable, or a line of the file `.env` in the working
folder; the environment wins. `decisionloop doctor` says what they come to. What a decision means is not a setting: that
is the [contract](contract.md) of its use case. This page is generated: `decisionloop/cli/reference.py`.

| variable | type | default | what it says |
|---|---|---|---|"""
_TELEMETRY = """
## The libraries underneath

Unless the environment says otherwise, every command sets these before it loads a library, so that nothing reports home
and no idle thread takes a core:
"""

# Those of other modules are kinds of these: each has the exit code of one of them.
ERRORS = tuple(one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, DecisionLoopError))


def cli_reference() -> str:
    """Every command with its arguments and options, and the exit codes; Markdown."""
    return "\n".join([_CLI, *(line for path, one in commands() for line in _section(path, one)), *_exit_codes(), ""])


def settings_reference() -> str:
    """Every setting with its type, default and meaning; Markdown."""
    rows = (
        _row(variable(name), _type(part), _default(part.default), part.description)
        for name, part in Settings.model_fields.items()
    )
    return "\n".join([_SETTINGS, *rows, _TELEMETRY, *(f"- `{name}={value}`" for name, value in QUIET.items()), ""])


def commands() -> tuple[tuple[str, TyperCommand], ...]:
    """Every command that does something, with the words that call it, such as ``usecase check``."""
    from typer.main import get_command

    from decisionloop.cli.app import app

    return tuple(_commands_of("", get_command(app)))


def variable(name: str) -> str:
    """The environment variable of a field of Settings."""
    return f"{Settings.model_config['env_prefix']}{name.upper()}"


def _commands_of(path: str, command: Any) -> Iterator[tuple[str, TyperCommand]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
    for name, child in (children or {}).items():
        yield from _commands_of(f"{path} {name}".strip(), child)


def _section(path: str, command: TyperCommand) -> Iterator[str]:
    parameters: list[Any] = list(command.params)
    arguments = [one for one in parameters if one.param_type_name == "argument"]
    words = [path, *(_written(one) if one.required else f"[{_written(one)}]" for one in arguments)]
    yield f"## `decisionloop {' '.join(words)}`\n"
    yield f"{' '.join((command.help or '').split())}\n"
    if parameters:
        yield "| argument or option | default | what it says |\n|---|---|---|"
        yield from (
            _row(_written(one), "**required**" if one.required else _default(one.default), one.help)
            for one in parameters
        )
        yield ""


def _written(parameter: TyperArgument | TyperOption) -> str:
    """As it is written: ``USE_CASE`` for an argument, ``--as-of`` for an option."""
    return str(parameter.name).upper() if parameter.param_type_name == "argument" else ", ".join(parameter.opts)


def _exit_codes() -> Iterator[str]:
    """One row a code, from the errors themselves."""
    meanings: dict[int, list[str]] = {}
    for error in ERRORS:
        first_sentence = re.split(r"[.;]", error.__doc__ or "", maxsplit=1)[0]
        meanings.setdefault(error.exit_code, []).append(f"{first_sentence}.")
    meanings[DecisionLoopError.exit_code] = ["Any other deliberate refusal."]
    meanings[UNEXPECTED] = ["A defect of decisionloop; the traceback is on standard error."]
    meanings[130] = ["Interrupted (Ctrl-C)."]
    yield _EXIT_CODES
    yield from (f"| {code} | {' '.join(meanings[code])} |" for code in sorted(meanings))


def _type(part: FieldInfo) -> str:
    """The type in words, with its limits."""
    if get_origin(part.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(part.annotation))
    words: dict[object, str] = {Path: "path", str: "text", bool: "true or false", float: "number", int: "whole number"}
    limits = [f", > {one.gt:g}" for one in part.metadata if hasattr(one, "gt")]
    return words.get(part.annotation, str(part.annotation)) + "".join(limits)


def _default(value: object) -> str:
    if value is None or value == "":
        return "-"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _row(name: str, *cells: str | None) -> str:
    escaped = ((cell or "").replace("|", "\\|").replace("<", "&lt;") for cell in cells)
    return f"| {' | '.join((f'`{name}`', *escaped))} |"


if __name__ == "__main__":
    pages = {"cli": cli_reference, "settings": settings_reference}
    if len(sys.argv) != 2 or sys.argv[1] not in pages:
        sys.exit("usage: python -m decisionloop.cli.reference cli|settings")
    print(pages[sys.argv[1]](), end="")
