"""Everything that a task needs to work on one use case: its contract, code, source, ledger and snapshots.

Opening is cached a process and settings, because every task of every flow opens the same one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decisionloop.contract import UseCase, UseCaseFolder, load_use_case
from decisionloop.contract.code import UseCaseCode, load_code
from decisionloop.settings import Settings, load_settings
from decisionloop.snapshots import SnapshotStore

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.registry import Registry
    from decisionloop.sources.base import Source


@dataclass(frozen=True, eq=False)
class Workspace:
    """One use case of one installation, opened. Compared by identity: it is opened once a process and settings."""

    settings: Settings
    folder: UseCaseFolder
    code: UseCaseCode
    ledger: Ledger
    snapshots: SnapshotStore

    @property
    def use_case(self) -> UseCase:
        """The contract."""
        return self.folder.use_case

    @functools.cached_property
    def source(self) -> Source:
        """The use case's source of rows and outcomes."""
        from decisionloop.sources import open_source

        return open_source(self.folder, self.settings.resolved_source_options())

    @property
    def is_live(self) -> bool:
        """Whether new rows come in. A replay runs when its calendar says, so it misses nobody."""
        kind = self.use_case.source.kind
        return kind == "tables" or (kind == "custom" and not self.source.calendar())

    @functools.cached_property
    def registry(self) -> Registry:
        """The MLflow registry of this installation."""
        from decisionloop.registry import Registry

        return Registry(self.settings.resolved_mlflow_uri(), self.settings.home / "mlflow")


def open_workspace(use_case_name: str, settings: Settings | None = None) -> Workspace:
    """Open the use case of that name under the settings of this process.

    Raises UsageError for an unknown use case, ContractError for a faulty one and ConfigurationError when the
    ledger cannot be used.
    """
    return _open(use_case_name, settings or load_settings(), Path.cwd())


@functools.lru_cache(maxsize=8)
def _open(use_case_name: str, settings: Settings, _working_folder: Path) -> Workspace:
    from decisionloop.ledger.storage.engine import create_or_upgrade

    folder = load_use_case(settings.usecases_dir / use_case_name)
    ledger = create_or_upgrade(settings.resolved_ledger_url(), settings.sqlite_synchronous)
    return Workspace(
        settings=settings,
        folder=folder,
        code=load_code(folder),
        ledger=ledger,
        snapshots=SnapshotStore(settings.resolved_snapshots_url()),
    )
