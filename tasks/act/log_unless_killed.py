"""What a model chose is logged only while the kill switch is off: it may go on between the choice and the log."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from decisionloop.ledger.flags import is_kill_switch_on
from decisionloop.ledger.switch_lock import steady_switch
from decisionloop.workspace import Workspace


def append_unless_killed(workspace: Workspace, is_by_rules: bool, append: Callable[[Connection], object]) -> bool:
    """Append decisions in one transaction, during which nobody turns the switch.

    Returns False, and appends nothing, where the switch is on and a model chose; ``is_by_rules``: the rules did.
    """
    name = workspace.use_case.name
    with steady_switch(workspace.ledger, name) as connection:
        if not is_by_rules and is_kill_switch_on(connection, name):
            return False
        append(connection)
    return True
