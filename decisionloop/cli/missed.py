"""Who was never decided, as `decisionloop status` names it: from the ledger alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from decisionloop.errors import DecisionLoopError

if TYPE_CHECKING:
    from decisionloop.ledger.missed_due import HaltedBatch
    from decisionloop.workspace import Workspace


def missed_lines(workspace: Workspace) -> tuple[str, ...]:
    """The due times that left people undecided, and those that passed without a run that anybody has looked for.

    How many people it left was counted by the last turn or reading of outcomes. One command makes up for all of them,
    so it is told once.
    """
    from decisionloop.ledger.missed_due import left_undecided

    use_case = workspace.use_case
    counted = left_undecided(workspace.ledger, use_case.name)
    left = [(cohort, round(count)) for cohort, count in sorted(counted.items()) if count]
    without_run, nobody_left, others = _without_run(workspace, counted) if workspace.is_live else ([], 0, [])
    told = [*_left(left), *_no_run(without_run, nobody_left)]
    many = len(left) + len(without_run)
    remedy = f"`decisionloop run {use_case.name} --catch-up` makes up for {'it' if many == 1 else 'all of them'}."
    halted = _halted(workspace) if workspace.is_live else ()
    return (*told[:-1], *(f"{last} {remedy}" for last in told[-1:]), *others, *halted)


def _halted(workspace: Workspace) -> tuple[str, ...]:
    from decisionloop.ledger.missed_due import halted_batches

    use_case = workspace.use_case
    return halted_lines(use_case.name, halted_batches(workspace.ledger, use_case, datetime.now(UTC)))


def halted_lines(name: str, halted: Sequence[HaltedBatch]) -> tuple[str, ...]:
    """Who waits in a batch that was halted, and what decides them once the reason is gone."""
    from decisionloop.ledger.batches import cohort_name

    return tuple(
        f"{cohort_name(one.as_of)}: the batch was halted and its {one.due:,} wait. Once the reason is gone, "
        f"`decisionloop run {name} --as-of {cohort_name(one.as_of)}` decides them, and `--catch-up` all who wait."
        for one in halted
    )


def _without_run(workspace: Workspace, counted: Mapping[str, float]) -> tuple[list[str], int, list[str]]:
    """Due times without a run that nobody has counted, how many others left nobody, and what is to be said beside."""
    from decisionloop.ledger.batches import cohort_name
    from decisionloop.ledger.missed_due import LOOK_BACK, due_times_since_last_batch, due_times_without_batch

    now = datetime.now(UTC)
    try:
        passed = due_times_without_batch(workspace.ledger, workspace.use_case, now)
        last, since = due_times_since_last_batch(workspace.ledger, workspace.use_case, now)
    except DecisionLoopError as error:  # a status is wanted most where something is broken
        return [], 0, [f"cannot say whether runs were missed: {error}"]
    names = [name for name in map(cohort_name, passed) if name not in counted]
    nobody_left = sum(counted.get(name) == 0 for name in map(cohort_name, passed))
    if last is None or since <= sum(one > last.as_of for one in passed):
        return names, nobody_left, []
    gap = f"{since:,} due times have passed since the last batch, {cohort_name(last.as_of)}"
    named = f"those that can still be made up for are named, and of them the last {LOOK_BACK} at most"
    return names, nobody_left, [f"{gap}; {named}."]


def _left(left: Sequence[tuple[str, int]]) -> list[str]:
    if len(left) < 2:
        return [f"{cohort}: {count:,} who fell due were never decided." for cohort, count in left]
    times = ", ".join(f"{cohort} ({count:,})" for cohort, count in left)
    return [f"{sum(count for _, count in left):,} who fell due at {len(left)} due times were never decided: {times}."]


def _no_run(names: Sequence[str], nobody_left: int) -> list[str]:
    """Due times without a run to make up for; ``nobody_left``: how many others had none, and leave nobody."""
    other = "other" if nobody_left == 1 else "others"
    others = f", nor at {nobody_left} {other}, which left nobody" if nobody_left else ""
    if len(names) < 2:
        return [f"{name}: there was no run{others}." for name in names]
    return [f"at {len(names)} due times there was no run: {', '.join(names)}{others}."]
