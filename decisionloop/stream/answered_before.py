"""A ledger that was put back by hand does not know what was answered since: a file of the home remembers it.

What is decided one at a time leaves with its answer, so nothing of it is ever sent. Where the ledger does not know the
last segment that this home has kept, it is of an earlier time: a switch that was turned since is forgotten.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from decisionloop.ledger.restorations import BY_HAND, last_restoration, mark_restored
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stream import is_known_segment, last_segment_at
from decisionloop.private_files import write_private
from decisionloop.workspace import Workspace

FOLDER = "last_answered"
REMEMBER_SECONDS = 2.0
"""How often the last answer is remembered while many are given: what was put back is older than that."""


@dataclass(frozen=True)
class LastAnswered:
    """The segment that this home kept last, when, and until when the ledger knows of any (None: nobody knows)."""

    segment_id: str
    at: datetime
    known_until: datetime | None = None


def remember_answer(workspace: Workspace, segment_id: str) -> None:
    """Keep in the home that this segment has been kept and its decisions are told."""
    _write(_file(workspace), LastAnswered(segment_id, utc_now()))


def hold_models_of_an_older_ledger(workspace: Workspace) -> LastAnswered | None:
    """Where the ledger does not know what this home answered last, mark it as a restored one: rules decide.

    Returns what was answered then until `told_of_older_ledger`, None where the ledger knows everything.
    """
    last, found = _read(_file(workspace)), _read(_found(workspace))
    if found is None and last is not None and not is_known_segment(workspace.ledger, last.segment_id):
        if _is_restored_since(workspace, last.at) and not _is_by_hand(workspace):
            _file(workspace).unlink(missing_ok=True)
            return None
        known = last_segment_at(workspace.ledger, workspace.use_case.name)
        found = LastAnswered(last.segment_id, last.at, known)
        _write(_found(workspace), found)  # first: killed in between, it is marked and told of next time
        _file(workspace).unlink(missing_ok=True)
    if found is not None and not _is_restored_since(workspace, found.at):
        mark_restored(workspace.ledger, found.known_until or found.at, version("decisionloop"), BY_HAND)
    return found


def told_of_older_ledger(workspace: Workspace) -> None:
    """People have been told."""
    _found(workspace).unlink(missing_ok=True)


def _is_restored_since(workspace: Workspace, at: datetime) -> bool:
    restored = last_restoration(workspace.ledger)
    return restored is not None and restored.restored_at > at


def _is_by_hand(workspace: Workspace) -> bool:
    """Whether nobody but a process like this one has said that it was restored: each use case is told of then."""
    restored = last_restoration(workspace.ledger)
    return restored is not None and restored.backup == BY_HAND


def _write(file: Path, what: LastAnswered) -> None:
    known = None if what.known_until is None else what.known_until.isoformat()
    told = {"segment_id": what.segment_id, "at": what.at.isoformat(), "known_until": known}
    write_private(file, json.dumps(told))


def _read(file: Path) -> LastAnswered | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        known = told["known_until"]
        until = None if known is None else datetime.fromisoformat(known)
        return LastAnswered(str(told["segment_id"]), datetime.fromisoformat(told["at"]), until)
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # a file that nobody can read tells nothing
        return None


def _file(workspace: Workspace) -> Path:
    return workspace.settings.home / FOLDER / f"{workspace.use_case.name}.json"


def _found(workspace: Workspace) -> Path:
    return workspace.settings.home / FOLDER / f"{workspace.use_case.name}.put_back"
