"""A use case that is known by its name alone: what must work while its contract, code or model does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from decisionloop.contract.loading import FILE_NAME, use_case_folder
from decisionloop.errors import UsageError
from decisionloop.settings import Settings, load_settings

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.release.stages import Decider

CLAIM = "`--by` is what the caller says: a claim and no proof, as long as people have no keys."


@contextmanager
def ledger_of(use_case: str) -> Iterator[Ledger]:
    """The ledger of this installation, for a use case that has a folder or that the ledger has heard of.

    Neither the contract nor the code is read. Raises UsageError for any other name.
    """
    from decisionloop.workspace import open_settings_ledger

    settings = load_settings()
    folder = use_case_folder(settings.usecases_dir, use_case)
    if not folder.is_dir() and not has_ledger(settings):
        raise _unknown(folder)
    with open_settings_ledger(settings) as ledger:
        if not folder.is_dir() and not _is_recorded(ledger, use_case):
            raise _unknown(folder)
        yield ledger


@contextmanager
def installation_ledger() -> Iterator[Ledger]:
    """The ledger of this installation, whatever it knows; made where there is none."""
    from decisionloop.workspace import open_settings_ledger

    settings = load_settings()
    with open_settings_ledger(settings) as ledger:
        yield ledger


def named_use_cases(name: str) -> list[str]:
    """The one that is named, or every use case that has a folder. Raises UsageError where there is none."""
    folder = load_settings().usecases_dir
    names = [name] if name else sorted(path.parent.name for path in folder.glob(f"*/{FILE_NAME}"))
    if not names:
        raise UsageError(f"no use case below {folder.resolve()}. Run `decisionloop usecase new`.")
    return names


def use_case_names() -> tuple[str, ...]:
    """Every use case of this installation by name: those with a folder, and those that the ledger has heard of."""
    from decisionloop.ledger.use_cases import known_names
    from decisionloop.workspace import open_settings_ledger

    settings = load_settings()
    found = {path.parent.name for path in settings.usecases_dir.glob(f"*/{FILE_NAME}") if not path.parent.is_symlink()}
    if has_ledger(settings):
        with open_settings_ledger(settings) as ledger:
            found |= set(known_names(ledger))
    return tuple(sorted(found))


def approvers_of(ledger: Ledger, use_case: str) -> tuple[str, ...]:
    """Who may lift the kill switch. Raises UsageError where neither contract nor ledger can say."""
    from decisionloop.ledger.approvers import approvers_named

    return approvers_named(ledger, load_settings().usecases_dir, use_case)


def decider_of(ledger: Ledger, use_case: str, by: str) -> Decider:
    """A person as one who moves releases: an approver, where the contract names that name."""
    from decisionloop.release.stages import Decider

    try:
        is_named = by in approvers_of(ledger, use_case)
    except UsageError:  # whom nobody names may still do what everybody may
        is_named = False
    return Decider("approver" if is_named else "person", by)


def has_ledger(settings: Settings) -> bool:
    """Whether there is a ledger to ask; to look a name up makes none."""
    from sqlalchemy import make_url

    url = make_url(settings.resolved_ledger_url())
    return url.get_backend_name() != "sqlite" or Path(str(url.database)).is_file()


def _is_recorded(ledger: Ledger, use_case: str) -> bool:
    from decisionloop.ledger.flags import KILL_SWITCH, flag_history
    from decisionloop.ledger.use_cases import contracts

    return bool(contracts(ledger, use_case) or flag_history(ledger, use_case, KILL_SWITCH))


def _unknown(folder: Path) -> UsageError:
    return UsageError(f"no use case in {folder}. Name an existing use case, or run `decisionloop usecase new`.")
