"""Everything that a task needs to work on one use case: its contract, code, source, ledger and snapshots.

Opening is cached a process and settings, because every task of every flow opens the same one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from decisionloop.contract import UseCase, UseCaseFolder, load_use_case, use_case_folder
from decisionloop.contract.code import UseCaseCode, load_code
from decisionloop.contract.loading import parse_use_case
from decisionloop.errors import ConfigurationError, ContractError, IntegrityError
from decisionloop.settings import Settings, load_settings
from decisionloop.snapshots import SnapshotStore

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.registry import Registry
    from decisionloop.sources.base import Source

LAST_SENT = "last_sent"
"""Folder of a home that remembers, a use case, which sending it began last."""
OUTBOX = "outbox"
"""Folder of a home where actions are written as files unless `actuator.folder` says otherwise."""


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

    def under(self, contract_digest: str) -> Workspace:
        """The same installation under the contract of that digest, as the ledger recorded it: its own where it is that.

        A batch is finished, and read back, under the contract that it was opened with. The code stays the present one.
        A contract that an earlier version accepted and this one does not is read as the present one, as then. Raises
        IntegrityError where the ledger does not know the contract.
        """
        return self if contract_digest == self.use_case.digest else _under(self, contract_digest)

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

    Raises UsageError for an unknown use case or another spelling of its name, ContractError for a faulty one and
    ConfigurationError when the ledger cannot be used.
    """
    return _open(use_case_name, settings or load_settings(), Path.cwd())


def open_ledger_alone() -> Ledger:
    """The ledger of this installation, for what must go on where a contract or its code is broken.

    Raises ConfigurationError when it cannot be used.
    """
    return _open_ledger(load_settings(), Path.cwd())


def open_settings_ledger(settings: Settings) -> Ledger:
    """The ledger that settings name; a new SQLite file gets its tables, and nothing is migrated.

    Raises ConfigurationError where it cannot be used, is of another revision, or is gone from a home with a past.
    """
    from decisionloop.ledger.storage.engine import open_ledger

    url = settings.resolved_ledger_url()
    return open_ledger(url, settings.ledger_tuning, functools.partial(refuse_forgotten, settings))


def refuse_forgotten(settings: Settings) -> None:
    """Raises ConfigurationError where a home holds snapshots or actions that were sent: their ledger is gone."""
    _refuse_sent(settings)
    if settings.snapshots_url:  # other ledgers may share that store
        return
    stored = SnapshotStore(settings.resolved_snapshots_url()).stored()
    if stored:
        raise ConfigurationError(
            f"there is no ledger yet, and {settings.resolved_snapshots_url()} holds {len(stored)} files of one: this "
            "home has a past, and a new ledger would forget it with every kill switch. Correct "
            "DECISIONLOOP_LEDGER_URL, `decisionloop restore` a backup into a new home, or move this one away."
        )


def _refuse_sent(settings: Settings) -> None:
    """Raises ConfigurationError where actions have left: whoever got them may get others from a ledger without them."""
    folders = (settings.home / LAST_SENT, settings.home / OUTBOX)
    sent = next((one for folder in folders for one in folder.rglob("*") if one.is_file()), None)
    if sent is not None:
        raise ConfigurationError(
            f"there is no ledger yet, and {sent} tells of actions that one has sent: this home has a past, and a new "
            "ledger would forget it with every kill switch. Correct DECISIONLOOP_LEDGER_URL, `decisionloop restore` a "
            "backup into a new home, or move this one away."
        )


@contextmanager
def workspaces_to_look_at(names: Sequence[str]) -> Iterator[tuple[Workspace, ...]]:
    """Use cases as they are, for what only reads: where there is no ledger yet none is made, they have one for now.

    Raises what `open_workspace` does.
    """
    from decisionloop.ledger.storage.engine import ledger_there

    settings = load_settings()
    with ledger_there(settings.resolved_ledger_url(), settings.ledger_tuning) as found:
        is_there = found is not None
    if is_there or not settings.resolved_ledger_url().startswith("sqlite"):
        yield tuple(open_workspace(name, settings) for name in names)
        return
    refuse_forgotten(settings)
    with TemporaryDirectory(prefix="decisionloop-no-ledger-") as folder:
        for_now = settings.model_copy(
            update={"ledger_url": f"sqlite:///{folder}/ledger.db", "ledger_password_file": ""}
        )
        found_all = tuple(open_workspace(name, for_now) for name in names)
        yield found_all
        for one in found_all:
            one.ledger.close()


@functools.lru_cache(maxsize=8)
def _open(use_case_name: str, settings: Settings, working_folder: Path) -> Workspace:
    folder = load_use_case(use_case_folder(settings.usecases_dir, use_case_name))
    return Workspace(
        settings=settings,
        folder=folder,
        code=load_code(folder),
        ledger=_open_ledger(settings, working_folder),
        snapshots=SnapshotStore(settings.resolved_snapshots_url()),
    )


@functools.lru_cache(maxsize=8)
def _open_ledger(settings: Settings, _working_folder: Path) -> Ledger:
    return open_settings_ledger(settings)


@functools.lru_cache(maxsize=8)
def _under(workspace: Workspace, contract_digest: str) -> Workspace:
    from decisionloop.ledger.use_cases import contract

    recorded = contract(workspace.ledger, contract_digest)
    if recorded is None:
        raise IntegrityError(
            f"the ledger knows no contract {contract_digest[:12]} of {workspace.use_case.name}. Restore the ledger."
        )
    try:
        use_case = parse_use_case(recorded.contract_yaml, f"contract {contract_digest[:12]} in the ledger")
    except ContractError:
        return workspace
    return replace(workspace, folder=UseCaseFolder(workspace.folder.folder, use_case, recorded.contract_yaml))
