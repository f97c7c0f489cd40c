"""``decisionloop explain``: the whole story of one decision, in words, for a script, or as a page to print."""

from __future__ import annotations

import getpass
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decisionloop.cli.history import end_of, nothing_decided
from decisionloop.cli.known_use_case import installation_ledger, ledger_of
from decisionloop.errors import UsageError
from decisionloop.settings import load_settings

if TYPE_CHECKING:
    from decisionloop.contract import UseCase
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.report.record.explained import ExplainedDecision

_ID = re.compile(r"[0-9a-f]{32}")


def explain_decision(what: str, entity: str, as_of: str, is_json: bool, html: Path | None) -> None:
    """Print one decision: that of the id ``what``, or the last one of the use case ``what`` for an entity by then.

    With ``html`` its page is written there, and its place printed. Raises UsageError where there is no such decision.
    """
    from decisionloop.ledger.decision_access import record_access
    from decisionloop.ledger.gone import why_gone
    from decisionloop.service.decisions import read_decision

    settings = load_settings()
    if not entity:
        require_id(what, as_of)
    with ledger_of(what) if entity else installation_ledger() as ledger:
        decision_id = _of_entity(ledger, what, entity, as_of) if entity else what
        found = read_decision(settings, ledger, decision_id)
        if found is not None:
            record_access(ledger, found[1].name, decision_id, getpass.getuser(), "explain")
        gone = why_gone(ledger) if found is None else ""
    if found is None:
        remedy = gone or "`decisionloop explain USE_CASE --entity ID` finds one by its entity."
        raise UsageError(f"the ledger knows no decision {decision_id}. {remedy}")
    _tell(*found, is_json, html)


def require_id(what: str, as_of: str) -> None:
    """Raises UsageError for what is no id of a decision, or where a time is named beside one."""
    if not _ID.fullmatch(what):
        raise UsageError(
            f"{what} is no id of a decision, which has 32 of the letters 0-9 and a-f. Name the whole id, or a use case "
            "with --entity."
        )
    if as_of:
        raise UsageError("--as-of belongs to --entity: a decision that is named has its own time.")


def _of_entity(ledger: Ledger, use_case: str, entity: str, as_of: str) -> str:
    """The id of the last decision for an entity by then, in a batch or not yet."""
    from decisionloop.ledger.gone import why_gone
    from decisionloop.ledger.release_history import decided_for
    from decisionloop.service.decisions import unsealed_of

    until = end_of(as_of) if as_of else datetime.max.replace(tzinfo=UTC)
    waiting = unsealed_of(load_settings(), ledger, use_case, entity, until)
    decided = decided_for(ledger, use_case, entity, until)
    last = max(decided, key=lambda one: one.moment) if decided else None
    if waiting is not None and (last is None or waiting.moment > last.moment):
        return waiting.decision_id
    if last is None:
        remedy = f"`decisionloop history {use_case} --entity ID` lists decisions."
        gone = why_gone(ledger, use_case)
        told = nothing_decided(entity, as_of, gone)
        raise UsageError(told if gone else f"{told} {remedy}")
    return last.decision_id


def _tell(told: ExplainedDecision, use_case: UseCase, is_json: bool, html: Path | None) -> None:
    from pydantic import TypeAdapter

    from decisionloop.report.page import render_decision
    from decisionloop.report.record.explained import ExplainedDecision
    from decisionloop.report.words.explained import explained_lines
    from decisionloop.service.page.telling import story_of_decision

    story = story_of_decision(told, use_case)
    if html is not None:
        from decisionloop.cli.story import page_path, write_whole

        path = page_path(told.decision_id, html, html)
        write_whole(path, render_decision(story), "--html")
        if not is_json:
            typer.echo(str(path))
    if is_json:
        typer.echo(TypeAdapter(ExplainedDecision).dump_json(told).decode())
    elif html is None:
        typer.echo("\n".join(explained_lines(told, story.use_case)))
