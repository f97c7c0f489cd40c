"""``decisionloop retention``: what is kept no longer, and letting it go."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from decisionloop.imports import uncollected

if TYPE_CHECKING:
    from decisionloop.custody.retention import RetentionPlan

SHOWN = 12


def retain(use_case: str, is_applied: bool, as_of: str, as_json: bool) -> None:
    """Tell what would go and what stays, or let it go. Raises what `plan_retention` and `apply_retention` do."""
    with uncollected():
        from decisionloop.custody.retention import apply_retention, plan_retention
        from decisionloop.workspace import open_workspace

    workspace = open_workspace(use_case)
    plan = plan_retention(workspace, _moment(as_of))
    if as_json and not is_applied:
        typer.echo(json.dumps(_facts(plan), indent=2))
        return
    if not as_json:
        _tell(plan)
    if not is_applied:
        typer.echo("Nothing was changed. --apply lets it go, for good.")
        return
    done = apply_retention(workspace, plan)
    told = {"batches": done.batches, "rows": done.rows, "files": done.files}
    typer.echo(json.dumps({**_facts(plan), "went": told}, indent=2) if as_json else done.as_text())


def _moment(text: str) -> datetime | None:
    from decisionloop.cli.history import end_of

    if not text:
        return None
    named, now = end_of(text), datetime.now(UTC)
    return now if named.date() == now.date() else named  # of today, what there is of it


def _tell(plan: RetentionPlan) -> None:
    typer.echo(f"{plan.use_case}, as of {plan.as_of:%Y-%m-%d}:")
    for one in plan.going[:SHOWN]:
        typer.echo(f"- {one.batch.batch_id}: {', '.join(one.parts)} go, {one.decisions:,} decisions")
    if len(plan.going) > SHOWN:
        rest = plan.going[SHOWN:]
        typer.echo(f"- and {len(rest)} batches more, up to {rest[-1].batch.batch_id}")
    for learning in plan.learnings:
        typer.echo(f"- training set {learning.found.training_set_id}: goes; of what learnt from it nothing is living")
    for because, many in Counter(one.because for one in plan.kept).items():
        first = next(one.batch_id for one in plan.kept if one.because == because)
        typer.echo(f"- {first}{f' and {many - 1} more' if many > 1 else ''}: kept, because {because}")
    if not (plan.going or plan.learnings):
        typer.echo("- nothing is old enough that is not needed")


def _facts(plan: RetentionPlan) -> dict[str, object]:
    going = [{"batch": one.batch.batch_id, "parts": list(one.parts), "decisions": one.decisions} for one in plan.going]
    kept = [{"batch": one.batch_id, "because": one.because} for one in plan.kept]
    sets = [one.found.training_set_id for one in plan.learnings]
    return {
        "use_case": plan.use_case,
        "as_of": plan.as_of.isoformat(),
        "going": going,
        "training_sets": sets,
        "kept": kept,
    }
