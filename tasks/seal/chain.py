"""The step that chains what was written down, so that later nobody can change it unseen."""

from __future__ import annotations

from decisionloop.custody.checkpoints import export_checkpoint, may_sign
from decisionloop.ledger.audit.seal import seal
from decisionloop.workspace import open_workspace
from tasks.step import step


@step
def chain_what_is_new(use_case: str) -> int:
    """Chain the decisions and facts that no link of the audit chain holds yet; returns how many rows that were.

    Where this installation has a key to sign with, and there was something new, a checkpoint is exported. Killed
    anywhere, it goes on the next time; two at once chain each row once.
    """
    workspace = open_workspace(use_case)
    sealed = seal(workspace.ledger)
    if sealed.links and may_sign(workspace.settings):
        export_checkpoint(workspace.settings, workspace.ledger)
    return sealed.rows
