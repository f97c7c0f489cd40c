"""``decisionloop usecase``: check a use case, or start a new one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decisionloop.draft.roles import Asked
from decisionloop.errors import ContractError, DecisionLoopError, UsageError

if TYPE_CHECKING:
    from decisionloop.draft.database import DatabaseTable
    from decisionloop.draft.draft import Draft
    from decisionloop.sources.data_answers import DataAnswer
    from tasks.release.changed_contract import WhatChanges


def check(path: Path, is_json: bool, must_all_stay: bool = False) -> None:
    """Check a folder, or the use case of that name, also beside the contract in force in this installation's ledger.

    ``must_all_stay``: exit code 3 where a model that stands now would not stand under it. Raises any DecisionLoopError
    with its exit code; with JSON every one is printed as such, and not raised.
    """
    from decisionloop.sources.checking import check_use_case

    try:
        folder = _folder_of(path)
        report = check_use_case(folder)
        _require_version(folder)
        changes = _changes(folder)
    except DecisionLoopError as error:
        if not is_json:
            raise
        faults = [fault.as_json() for fault in error.faults] if isinstance(error, ContractError) else []
        told = {"is_valid": False, "faults": faults, "error": str(error)}
        typer.echo(json.dumps(told, sort_keys=True))
        raise typer.Exit(error.exit_code) from error
    if is_json:
        answers = {one.question: one.answer for one in report.answers}
        told = {
            "is_valid": True,
            "findings": list(report.findings),
            "answers": answers,
            "cannot_happen": list(report.cannot_happen),
            "changes": changes and asdict(changes),
        }
        typer.echo(json.dumps(told, sort_keys=True))
    else:
        lines = [*report.findings, f"{folder}: the contract, its code and its source agree.", *change_lines(changes)]
        lines += [*answer_lines(report.answers), *cannot_happen_lines(report.cannot_happen)]
        typer.echo("\n".join(lines))
    if must_all_stay and changes is not None and changes.is_anybody_stopped:
        raise typer.Exit(3)


def answer_lines(answers: Sequence[DataAnswer]) -> list[str]:
    """What the data can and cannot answer, a line each under a heading; [] where nothing could be asked."""
    wide = max((len(one.question) for one in answers), default=0)
    told = [f"  {one.question:<{wide}}  {one.answer}" for one in answers]
    return ["What the data can answer:", *told] if told else []


def cannot_happen_lines(told: Sequence[str]) -> list[str]:
    """What cannot happen and which number to change, a line each under a heading; [] where there is nothing."""
    lines = [f"  - {one}" for one in told]
    return ["What cannot happen with these numbers, and which number to change:", *lines] if told else []


def change_lines(changes: WhatChanges | None) -> list[str]:
    """What the contract changes once a batch is opened under it, a line each; [] where it changes nothing."""
    if changes is None:
        return []
    lines = [f"When the next batch is opened under {changes.change.as_text()}:"]
    for one in changes.releases:
        told = f"stays{''.join(f'; {note}' for note in one.notes)}"
        if one.retrain:
            place = "the rules take its place" if one.stage == "champion" else "it is stopped"
            told = f"{place}, and it must be retrained: {'; '.join(one.retrain)}"
        lines.append(f"  {one.stage:<12}  {one.release_id}: {told}")
    return [*lines, *(f"  {one.subject:<12}  {one.words}" for one in changes.consequences)]


def _changes(path: Path) -> WhatChanges | None:
    """What the contract in ``path`` changes beside the one in force; None where there is no ledger, or nothing does."""
    from decisionloop.cli.known_use_case import has_ledger
    from decisionloop.settings import load_settings
    from decisionloop.workspace import open_workspace
    from tasks.release.changed_contract import what_changes

    settings = load_settings()
    if not has_ledger(settings):
        return None
    folder = path.resolve()
    return what_changes(open_workspace(folder.name, settings.model_copy(update={"usecases_dir": folder.parent})))


def _folder_of(path: Path) -> Path:
    """The folder itself, or where there is none the use case of that name."""
    if path.exists() or len(path.parts) != 1:
        return path
    named = _usecases_dir() / path
    return named if named.is_dir() else path


def _require_version(path: Path) -> None:
    """Raises ContractError where this installation's ledger knows the version with another meaning."""
    from decisionloop.cli.known_use_case import has_ledger
    from decisionloop.contract import load_use_case
    from decisionloop.ledger.use_cases import require_same_meaning
    from decisionloop.settings import load_settings
    from decisionloop.workspace import open_settings_ledger

    settings, folder = load_settings(), load_use_case(path)
    if has_ledger(settings):
        with open_settings_ledger(settings) as ledger:
            require_same_meaning(ledger, folder.use_case, folder.text)


def new(name: str, parent: Path | None, asked: Asked) -> None:
    """Write a skeleton and say what to edit."""
    from decisionloop.contract.scaffold import new_use_case

    if asked.is_anything:
        raise UsageError("options about columns need a table: --from FILE.")
    folder = new_use_case(parent or _usecases_dir(), name)
    typer.echo(f"{folder}: edit usecase.yaml, features.py and rules.py, then `decisionloop usecase check {folder}`.")
    typer.echo(f"Its data is of early 2026: `decisionloop run {name} --as-of 2026-01-12` decides a batch of it.")


def draft(name: str, parent: Path | None, source: Path | DatabaseTable, asked: Asked, may_ask: bool = False) -> None:
    """Draft a use case from a table, check it, and say what was guessed and what comes next.

    ``may_ask``: what the table does not say is asked for at the terminal.
    """
    from decisionloop.contract.scaffold import removed_on_failure

    drafted, asked = _drafted(parent or _usecases_dir(), name, source, asked, may_ask)
    typer.echo(f"{drafted.folder}: usecase.yaml, features.py, rules.py and data/decisions.csv were written.")
    for note in drafted.notes:
        typer.echo(f"  {note}")
    with removed_on_failure(drafted.folder):
        _try_enough(drafted.folder)
        check(drafted.folder, is_json=False)
    typer.echo(f"Look at every `# GUESS:` in {drafted.folder / 'usecase.yaml'}, above all at the money. Then:")
    typer.echo(f"  decisionloop usecase check {drafted.folder}")
    if asked.is_live:
        typer.echo(f"  decisionloop run {name}    # decides what is due now; --as-of DATE what was due then")
    else:
        typer.echo(f"  decisionloop demo {name}    # replays the table through the whole loop and tells its story")


def _try_enough(folder: Path) -> None:
    """Let the drafted replay of an experiment try as much as it must, and say so."""
    from decisionloop.draft.enough_trying import may_try_more, try_enough
    from decisionloop.sources.checking import check_use_case

    if not may_try_more(folder):
        return
    setting = next((one.setting for one in check_use_case(folder).answers if one.setting), "")
    told = try_enough(folder, setting)
    if told:
        typer.echo(f"  {told}")


def _drafted(parent: Path, name: str, source: Path | DatabaseTable, asked: Asked, may_ask: bool) -> tuple[Draft, Asked]:
    """The draft, and all that was said of the columns in the end."""
    from decisionloop.draft.draft import draft_use_case
    from decisionloop.draft.unanswered import Unanswered

    while True:
        try:
            return draft_use_case(parent, name, source, asked), asked
        except Unanswered as open_question:
            if not may_ask or not open_question.choices:
                raise
            more = open_question.left - 1
            after = f"{more} more question{'' if more == 1 else 's'} after it" if more else "the last question"
            typer.echo(f"({after}) {open_question}")
            said = typer.prompt(f"{open_question.role} ({', '.join(open_question.choices)})", default="")
            if not said.strip():
                raise
            asked = replace(asked, **{open_question.role: said.strip()})


def _usecases_dir() -> Path:
    from decisionloop.settings import load_settings

    return load_settings().usecases_dir
