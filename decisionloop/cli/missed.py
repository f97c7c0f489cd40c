"""Who was never decided, as `decisionloop status` names it: from the ledger alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from decisionloop.errors import DecisionLoopError

if TYPE_CHECKING:
    from decisionloop.workspace import Workspace


def missed_lines(workspace: Workspace) -> tuple[str, ...]:
    """One line a due time that left people undecided, or that passed without a run that anybody has looked for.

    How many people it left was counted by the last turn or reading of outcomes.
    """
    from decisionloop.ledger.batches import cohort_name
    from decisionloop.ledger.missed_due import (
        LOOK_BACK,
        due_times_since_last_batch,
        due_times_without_batch,
        left_undecided,
    )

    use_case = workspace.use_case
    counted = left_undecided(workspace.ledger, use_case.name)
    remedy = f"`decisionloop run {use_case.name} --catch-up` makes up for it."
    lines = [
        f"{cohort}: {count:,.0f} who fell due were never decided. {remedy}"
        for cohort, count in sorted(counted.items())
        if count
    ]
    if not workspace.is_live:
        return tuple(lines)
    now = datetime.now(UTC)
    try:
        passed = due_times_without_batch(workspace.ledger, use_case, now)
        last, since = due_times_since_last_batch(workspace.ledger, use_case, now)
    except DecisionLoopError as error:  # a status is wanted most where something is broken
        return (*lines, f"cannot say whether runs were missed: {error}")
    names = [cohort_name(one) for one in passed]
    if last is not None and since > sum(one > last.as_of for one in passed):
        gap = f"{since:,} due times have passed since the last batch, {cohort_name(last.as_of)}"
        lines.append(f"{gap}; those that can still be made up for are named, and of them the last {LOOK_BACK} at most.")
    return (*lines, *(f"{name}: there was no run. {remedy}" for name in names if name not in counted))
