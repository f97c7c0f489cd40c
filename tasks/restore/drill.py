"""The steps of a restore drill: a backup is restored elsewhere and decides again; what came of it is kept and told."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decisionloop.backup.installing import install, read_backup
from decisionloop.backup.manifest import Manifest, newest_backup
from decisionloop.backup.taking import take_backup
from decisionloop.errors import DecisionLoopError, DrillFailed
from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.restore_drills import KIND, RestoreDrill, append_restore_drill
from decisionloop.ledger.schema import utc_now
from decisionloop.private_files import make_private
from decisionloop.settings import Settings
from decisionloop.workspace import Workspace, open_workspace
from tasks.restore.decide_again import DecidedAgain
from tasks.restore.prove import prove
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.tell.queueing import raise_alert

REMEDY = (
    "Keep the last backup of which `decisionloop restore FROM --check` says that it restores, and take a new one with "
    "`decisionloop backup TO`."
)


@step
def restore_elsewhere(use_case: str, backups: str) -> RestoreDrill:
    """Restore the newest of ``backups`` ("": one that is taken for this) into a throw-away home, and keep how it went.

    Nothing of the real home is touched but its `scratch`, where the throw-away one lies.
    """
    workspace, began = open_workspace(use_case), time.monotonic()
    engine = "sqlite" if workspace.ledger.is_sqlite else "postgresql"
    manifest, again, failure = None, None, ""
    with _scratch(workspace.settings.home) as scratch:
        try:
            folder = newest_backup(Path(backups)) if backups else _taken(workspace, scratch)
            manifest, again = _restored(workspace, folder, scratch)
        except (DecisionLoopError, OSError) as error:
            failure = str(error)
    return append_restore_drill(
        workspace.ledger,
        RestoreDrill(
            use_case=use_case,
            seq=0,
            engine=engine if manifest is None else manifest.engine,
            taken_at=None if manifest is None else manifest.taken_at,
            bytes=0 if manifest is None else manifest.bytes,
            seconds=time.monotonic() - began,
            batch_id=None if again is None else again.batch_id,
            decisions=0 if again is None else again.decisions,
            failure=failure,
            at=utc_now(),
        ),
    )


@step
def tell_of_restore_drill(use_case: str, drill: RestoreDrill) -> str:
    """Raise the alert where the drill failed; returns how it went, in a sentence."""
    if drill.failure:
        message = f"The restore drill failed: {drill.failure}"
        workspace = open_workspace(use_case)
        raise_alert(workspace, NewAlert("critical", KIND, message, REMEDY, occasion=str(drill.seq)))
        announce("restore_drill.failed", use_case, f"restore drill {drill.seq}", {"words": drill.failure})
    return drill.as_text()


def require_restored(drill: RestoreDrill) -> None:
    """Raises DrillFailed where nothing was restored: its run is to be seen as failed."""
    if drill.failure:
        raise DrillFailed(f"the restore drill failed: {drill.failure} {REMEDY}")


@contextmanager
def _scratch(home: Path) -> Iterator[Path]:
    """A private folder of the home, on its disk: what lies in it may be large."""
    above = home / "scratch"
    make_private(above)
    with tempfile.TemporaryDirectory(prefix="restore-drill-", dir=above) as name:
        yield Path(name)


def _taken(workspace: Workspace, scratch: Path) -> Path:
    take_backup(workspace.settings, workspace.ledger, scratch / "backup")
    return scratch / "backup"


def _restored(workspace: Workspace, folder: Path, scratch: Path) -> tuple[Manifest, DecidedAgain | None]:
    """What was backed up, and the batch of this use case that was decided again from where it was restored."""
    elsewhere = _elsewhere(workspace.settings, scratch / "home")
    with read_backup(folder, scratch) as found:
        install(elsewhere, found)
    proof = prove(elsewhere, elsewhere.resolved_ledger_url(), elsewhere.resolved_snapshots_url())
    name = workspace.use_case.name
    return found.manifest, next((one for one in proof.again if one.batch_id.startswith(f"{name}/")), None)


def _elsewhere(settings: Settings, home: Path) -> Settings:
    """An installation of its own with the same use cases."""
    places = {"ledger_url": "", "ledger_password_file": "", "snapshots_url": "", "mlflow_tracking_uri": ""}
    return settings.model_copy(update={"home": home, **places})
