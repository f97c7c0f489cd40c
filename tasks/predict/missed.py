"""Who fell due and was never decided: because a run was missed, or because their rows arrived late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.batches import batches, cohort_name, first_batch
from decisionloop.ledger.due_occurrences import decided_spans, span_of
from decisionloop.ledger.measurements import append_measurements
from decisionloop.ledger.missed_due import LOOK_BACK, MISSED, halted_batches, left_undecided, look_back, missed_figure
from decisionloop.ledger.personal_data import erased_and_still_due
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stream import sealed_batches
from decisionloop.predict.due import MOMENT, Span, is_vague, length_of
from decisionloop.schedule import periods
from decisionloop.workspace import Workspace, open_workspace
from tasks.predict.due import LatePeople, due_in, entities_due, undecided_of
from tasks.predict.erased import erased_in
from tasks.step import step
from tasks.tell.queueing import raise_alert

NAMED = 5
"""How many ids an alert names."""


@dataclass(frozen=True, eq=False)
class MissedPeriod:
    """Those of the ``due`` people of a due time's period whom nobody decided; ``is_run_missed``: nor was there a run.

    ``span`` ends at the due time. ``erased``: so many of those who are ``left`` were decided and erased, and nobody can
    tell which; where that may be all of them, nobody is left.
    """

    span: Span
    due: int
    left: pd.Series
    is_run_missed: bool
    erased: int = 0

    @property
    def many(self) -> int:
        """How many were never decided."""
        return len(self.left) - self.erased


@step
def find_missed_runs(use_case: str, as_of: datetime, with_halted: bool = False) -> list[datetime]:
    """Tell people of those who were missed before ``as_of``; returns the as-ofs whose batches are to be made up for.

    These are due times that passed without a run, batches that were killed while they logged their decisions, and
    ``with_halted`` those that a check has halted, and not for good, whose people still wait. Late rows need no batch of
    their own: the next one takes them in.
    """
    workspace = open_workspace(use_case)
    found = _tell(workspace, as_of - MOMENT)
    runs = {one.span.until for one in found if one.is_run_missed and len(one.left)}
    halted = halted_batches(workspace.ledger, workspace.use_case, as_of) if with_halted and workspace.is_live else ()
    waiting = {one.as_of for one in halted if one.as_of < as_of}
    return sorted(runs | waiting | _half_logged(workspace, as_of))


@step
def watch_missed(use_case: str, as_of: datetime) -> int:
    """Tell people of those who fell due by ``as_of`` and were never decided; returns how many they are."""
    return sum(one.many for one in _tell(open_workspace(use_case), as_of))


def late_people(workspace: Workspace, as_of: datetime) -> LatePeople | None:
    """Everyone who fell due before ``as_of`` and was never decided; None where there is nobody."""
    found = find_missed(workspace, as_of - MOMENT)
    left = [one.left for one in found if len(one.left)]
    if not left:
        return None
    return LatePeople(pd.concat(left, ignore_index=True).drop_duplicates(), found[0].span.after)


def find_missed(workspace: Workspace, until: datetime) -> tuple[MissedPeriod, ...]:
    """What each due time of the look-back, up to ``until``, has left undecided; () for a replay and before any batch.

    Who is in a halted batch is not missed: that batch waits for a person. Nor is anybody who was decided and erased,
    where the source still tells of them.
    """
    ledger, use_case = workspace.ledger, workspace.use_case
    first = first_batch(ledger, use_case.name)
    if first is None or not workspace.is_live:
        return ()
    after = look_back(use_case, first, until)
    decided = decided_spans(ledger, use_case.name, use_case.schedule.covers_days, after)
    halted = [one for one in batches(ledger, use_case.name, after) if one.state == "halted" and one.as_of > after]
    waiting = [
        (span_of(one.as_of, use_case.schedule.covers_days), entities_due(workspace, one.batch_id)) for one in halted
    ]
    sealed = sealed_batches(ledger, use_case.name)  # no run of the schedule
    with_run = [*(one.span for one in decided if one.batch.batch_id not in sealed), *(held for held, _ in waiting)]
    erased, found = erased_and_still_due(ledger, use_case.name), []
    for span in periods(use_case.schedule, after, until, LOOK_BACK):
        due = due_in(workspace, span)
        left = undecided_of(workspace, due, span, decided).left
        without_run = span.less(with_run)
        is_run_missed = 2 * length_of(without_run) > span.length
        for held, people in waiting:
            if held.overlaps(span):
                left = left[~left.isin(people)]
        if len(left) and not is_run_missed and is_vague(due, span, lambda part: due_in(workspace, part)):
            left = left.iloc[:0]  # whoever is new today would be late for every run before
        gone = erased_in(span, decided, erased)
        if len(left) <= gone:
            left, gone = left.iloc[:0], 0
        found.append(MissedPeriod(span, len(due), left, is_run_missed, gone))
    return tuple(found)


def _tell(workspace: Workspace, until: datetime) -> tuple[MissedPeriod, ...]:
    """Find who was missed, keep how many, and alert people to those who are new."""
    found, name = find_missed(workspace, until), workspace.use_case.name
    told = left_undecided(workspace.ledger, name)
    news = [one for one in found if len(one.left) or told.get(cohort_name(one.span.until)) or one.is_run_missed]
    figures = [missed_figure(name, one.span.until, one.many, one.due, utc_now()) for one in news]
    append_measurements(workspace.ledger, [f for f in figures if told.get(f.cohort) != f.value])
    for one in found:
        if len(one.left):
            _alert(workspace, one)
    return found


def _alert(workspace: Workspace, one: MissedPeriod) -> None:
    use_case = workspace.use_case
    noun, many, at = use_case.entity.noun, one.many, cohort_name(one.span.until)
    why = "there was no run" if one.is_run_missed else "their rows came after it, or it was run without them"
    new = NewAlert(
        severity="critical" if one.is_run_missed else "warning",
        kind=MISSED,
        message=f"{many:,} of {one.due:,} of those ({noun}) who fell due for the run of {at} were never decided, "
        f"because {why}: {_named(one)}",
        remedy="The next run of the schedule decides them; by hand "
        f"`decisionloop run {use_case.name} --catch-up` does, and without `--catch-up` it does not.",
    )
    raise_alert(workspace, new)


def _named(one: MissedPeriod) -> str:
    """A few ids; none where an alert, which stays, might hold the id of somebody who was erased."""
    if one.erased:
        return f"nobody is named, for {one.erased:,} more of them were erased and the source still tells of them"
    return ", ".join(sorted(one.left)[:NAMED]) + (f" and {one.many - NAMED:,} more" if one.many > NAMED else "")


def _half_logged(workspace: Workspace, before: datetime) -> set[datetime]:
    """As-ofs of batches that were killed while they logged their decisions: nobody else may decide their people."""
    name, covers_days = workspace.use_case.name, workspace.use_case.schedule.covers_days
    every = [one.batch for one in decided_spans(workspace.ledger, name, covers_days)]
    sealed = sealed_batches(workspace.ledger, name)  # these are sealed, and not run
    half = [one for one in every if not one.is_decided and one.state != "expired"]
    return {one.as_of for one in half if one.as_of < before and one.batch_id not in sealed}
