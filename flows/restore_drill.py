"""Restore drill: a backup is restored before anybody needs it."""

from __future__ import annotations

from prefect import flow

from flows.ending import says
from flows.naming import run_name
from tasks.restore.drill import require_restored, restore_elsewhere, tell_of_restore_drill
from tasks.tell.failed_runs import tell_of_failed_run
from tasks.tell.notices import deliver_notices


@flow(name="restore_drill", flow_run_name=run_name, on_failure=[tell_of_failed_run])
@says()
def restore_drill(use_case: str, backups: str = "") -> str:
    """Restore a backup elsewhere, and decide a stored batch of it again; returns how it went in a sentence.

    1. Read every file of the backup, restore it into a home and a ledger of its own beside the real ones, and decide
       the newest batch again: each decision must come out as it was logged, bit for bit. Nothing is sent.
    2. Keep in the real ledger which backup it was, and how long it took.
    3. Tell people where it failed; the run fails then.

    Args:
        use_case: The use case whose people are told, and of which a batch is decided again.
        backups: A folder of backups, the newest of which is restored. Empty: one is taken for this, which tries the way
            of taking it too, but says nothing of those that you have.
    """
    done = restore_elsewhere(use_case, backups)
    told = tell_of_restore_drill(use_case, done)
    deliver_notices(use_case)
    require_restored(done)
    return told
