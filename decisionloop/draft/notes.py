"""What is said of a draft: what was guessed, what was left out, and what a person should look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from decisionloop.contract.days import in_days
from decisionloop.draft.contract_text import Drafted
from decisionloop.draft.doubts import doubts_of
from decisionloop.draft.profiles import Column

ROW_ID = "row_id"
"""The entity of a table in which each row is about somebody else."""


def notes_of(drafted: Drafted, written: Mapping[str, Column]) -> tuple[str, ...]:
    """The notes, in the order in which they are read; ``written``: the columns before any row was left out."""
    roles = drafted.roles
    notes = [f"guessed {one}" for one in roles.guesses] + [f"left out {one}" for one in roles.left_out]
    told = (*roles.features, *roles.protected, *(one for one in (roles.outcome, roles.amount) if one))
    notes += [
        _of_slips(drafted.columns[one], written.get(one, drafted.columns[one]))
        for one in told
        if drafted.columns[one].slips
    ]
    notes += doubts_of(drafted.columns, (*roles.features, *roles.protected, roles.amount))
    return (*notes, *_of_outcomes(drafted))


def _of_slips(column: Column, written: Column) -> str:
    """The few cells of a column that are none of its kind; ``written``: as it was before rows were left out."""
    many, first = len(column.slips), column.slips[0]
    row = int((written.text == first).to_numpy().argmax()) + 1
    what = "neither yes nor no" if column.kind == "boolean" else "no number" if many == 1 else "no numbers"
    if many == 1:
        told = f"1 of its cells is {what} ({first!r} in row {row}): it is"
    else:
        told = f"{many:,} of its cells are {what}, the first is {first!r} in row {row}: they are"
    return f"{column.name}: {told} left empty (--ignore leaves the column out)"


def _of_outcomes(drafted: Drafted) -> Iterator[str]:
    """What was made up of rows and times, and what is taken of outcomes."""
    if drafted.entity == ROW_ID:
        yield ("each row is taken to be about somebody else (--entity COLUMN says who it is about)")
    if drafted.is_time_made_up:
        yield ("the times are made up, in the order of the rows")
    if drafted.are_delays_made_up:
        said = "as was said" if drafted.are_delays_said else "--outcome-time COLUMN or --outcome-days N says when"
        yield (
            f"outcomes are taken to be seen after {in_days(drafted.delays.window_days)} ({said}): "
            f"{drafted.outcome_time} is made up, and does not follow outcome.window_days"
        )
    if drafted.roles.is_live:
        yield (
            f"an outcome belongs to the decision of its row: whoever adds one to data/outcomes.csv writes "
            f"{drafted.entity} and {drafted.time} as that row of decisions.csv has them, and {drafted.outcome_time}"
        )
    if drafted.is_only_yes_told:
        yield (
            f"{drafted.roles.outcome} is never no: where nothing was seen by the end of the window it is taken for no"
        )
    if drafted.noes:
        yield (f"{drafted.roles.outcome} is never no: where it says nothing ({drafted.noes:,} rows) it is taken for no")
    if drafted.early:
        rows = "row has" if len(drafted.early) == 1 else "rows have"
        yield (
            f"{len(drafted.early):,} {rows} an outcome before the decision, the first is of {drafted.early[0]}: "
            f"its time is left out, and it is taken to be seen {in_days(drafted.delays.window_days)} after the decision"
        )
    if drafted.undated:
        yield (
            f"{drafted.undated:,} rows have an outcome and no {drafted.outcome_time}: such a one is taken to be seen "
            f"{in_days(drafted.delays.window_days)} after the decision, when nothing else can come any more"
        )
