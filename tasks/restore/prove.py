"""Whether a backup restores: what it holds is what was backed up, and decides again as it had decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from decisionloop.contract.code import load_code
from decisionloop.contract.loading import load_use_case, use_case_folder
from decisionloop.errors import ContractError, UsageError
from decisionloop.ledger.storage.engine import open_ledger
from decisionloop.ledger.use_cases import known_names
from decisionloop.snapshots import SnapshotStore
from decisionloop.workspace import Workspace
from tasks.restore.decide_again import DecidedAgain, decide_again

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.settings import Settings


@dataclass(frozen=True)
class Proof:
    """What was decided again, one batch a use case, and, by use case, why nothing of it could be."""

    again: tuple[DecidedAgain, ...]
    unproven: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """Both in sentences."""
        return (*(one.as_text() for one in self.again), *self.unproven)


def prove(settings: Settings, ledger_url: str, snapshots_url: str) -> Proof:
    """Decide a batch of each use case of a restored ledger again, from the snapshots and releases restored beside it.

    The use cases are those of ``settings``. Writes nothing. Raises IntegrityError where anything comes out otherwise
    than it was logged, or a file that is needed is missing.
    """
    again: list[DecidedAgain] = []
    unproven: list[str] = []
    with open_ledger(ledger_url) as ledger:
        for workspace in _workspaces(settings, ledger, snapshots_url, unproven):
            found = decide_again(workspace)
            if found is not None:
                again.append(found)
            else:
                folder = workspace.folder.folder
                unproven.append(
                    f"{workspace.use_case.name}: no batch was decided by the code that lies in {folder}, or somebody "
                    "was erased from each."
                )
    return Proof(tuple(again), tuple(unproven))


def _workspaces(settings: Settings, ledger: Ledger, snapshots_url: str, unproven: list[str]) -> Iterator[Workspace]:
    """Each use case of a ledger, with the code of this installation; those without any are named in ``unproven``."""
    for name in known_names(ledger):
        try:
            folder = load_use_case(use_case_folder(settings.usecases_dir, name))
            code = load_code(folder)
        except ContractError as error:
            unproven.append(f"{name}: {error.faults[0]}")
            continue
        except UsageError:
            unproven.append(f"{name}: it has no folder in {settings.usecases_dir}.")
            continue
        yield Workspace(settings, folder, code, ledger, SnapshotStore(snapshots_url))
