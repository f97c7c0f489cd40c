"""Match what was seen with what was decided, and keep what is new as a revision.

The state of a decision is its last observation in the order of (observed_at, when said, class, amount); a row that was
written over in its source is an observation no longer (`revisions`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.observe.executions import nothing_executed, take_executions
from decisionloop.observe.matching import (
    HAPPENED,
    match_decisions,
    not_before_logged,
    nothing_where_no,
    numbers,
    positions,
    require_columns,
    utc_microseconds,
)
from decisionloop.observe.refusals import Matching, RefusalKind
from decisionloop.observe.revisions import SAID, RevisionVerdicts, in_order, revision_verdicts
from decisionloop.observe.running_totals import (
    COPY,
    POSTED,
    WAS_READ,
    are_posted_parts,
    marked,
    running_totals,
    total_verdicts,
    with_what_is_filed_away,
)
from decisionloop.observe.several_rows import SeveralRows, several_rows
from decisionloop.observe.taken_rows import IntakeCounts, RowKind, TakenRow, in_words

RECORDED_COLUMNS = ("decision_id", "revision", "outcome_class", "amount", "observed_at")
REVISION_COLUMNS = (*RECORDED_COLUMNS, "happened_at", "kind")
_CONTENT = ("amount", "outcome_class")
MATCHED: tuple[RowKind, ...] = ("first", "late", "duplicate", "contradictory")
REFUSALS: tuple[RefusalKind, ...] = ("unknown", "invalid", "after_window")


@dataclass(frozen=True, eq=False)
class Recorded:
    """What is recorded: ``outcomes`` in RECORDED_COLUMNS, ``executions`` in `executions.EXECUTION_COLUMNS`."""

    outcomes: pd.DataFrame
    executions: pd.DataFrame = field(default_factory=nothing_executed)


@dataclass(frozen=True)
class Intake:
    """What one reading of outcomes brought.

    ``revisions``: rows to record, sorted by decision_id, with columns decision_id, revision (from 1),
    outcome_class, amount (NaN where the contract has none), observed_at, happened_at (UTC; NaT where nobody said when)
    and kind (first, late or contradiction; added where rows are added up). ``executions``: what is to be recorded of
    executed actions, in `executions.EXECUTION_COLUMNS`. ``problems``: what was wrong, in words without personal data.
    ``of_row`` (n,): what each row read is, and why where it was refused. ``several``: decisions with rows of several
    times, where the contract does not say what they are.
    """

    revisions: pd.DataFrame
    executions: pd.DataFrame
    counts: IntakeCounts
    problems: tuple[str, ...]
    of_row: tuple[TakenRow, ...]
    several: SeveralRows


def match_outcomes(
    outcomes: pd.DataFrame,
    decisions: pd.DataFrame,
    recorded: Recorded,
    use_case: UseCase,
    as_of: datetime,
) -> Intake:
    """Match outcomes to decisions and work out what there is to record.

    Args:
        outcomes: canonical rows (entity_id, decision_time, decision_id, outcome_class, amount, observed_at, and
            happened_at, `executions.EXECUTED_COLUMNS` and `revisions.SAID` where they are known); keys may be missing
            as :func:`decisionloop.observe.matching.match_decisions` says. A repetition is not recorded, and counts
            against a contradiction of between only where that is read again.
        decisions: decision_id, entity_id, as_of, action of every decision that an outcome may belong to, and due_at
            where outcomes fall due row by row.
        recorded: what is recorded. The latest revision of each decision is enough to know what is new; the counts
            need all of them.
        as_of: nothing seen later may be taken in.

    A matched row that is recorded with the same content and time is read again and not counted. It is a duplicate
    when it says, at another time, what is recorded as of its time; otherwise it is a new revision: first, or late
    if seen after it was due (maturity_days, without due_at), or a contradiction if there was one before. So is a row
    that is as old as what is recorded, and stands in its place: written over, or posted later. A row that differs from
    what is recorded and is older than it (or as old, beside it, and smaller by class and amount) is contradictory
    and is kept out. Where rows are added up (`running_totals`) each is first or late, whatever it makes of the total.
    Which actions reveal an outcome is asked of those that were executed. Raises
    SourceError when a column is missing.
    """
    require_columns("recorded outcomes", recorded.outcomes, RECORDED_COLUMNS)
    require_columns("outcomes", outcomes, ("outcome_class", "amount"))
    outcomes = nothing_where_no(outcomes, use_case)
    if use_case.is_observing:
        outcomes = not_before_logged(outcomes, decisions, use_case)
    told = take_executions(outcomes, decisions, recorded.executions, use_case, as_of)
    rest = outcomes[told.has_outcome].reset_index(drop=True)
    found = _match(rest, decisions.assign(executed=told.executed), recorded.outcomes, use_case, as_of)
    theirs = iter(found.of_row)
    return Intake(
        found.revisions,
        told.revisions,
        found.counts + told.counts,
        (*found.problems, *told.problems),
        tuple(next(theirs) if one is None else one for one in told.of_row),
        found.several,
    )


def _match(
    outcomes: pd.DataFrame, decisions: pd.DataFrame, recorded: pd.DataFrame, use_case: UseCase, as_of: datetime
) -> _Matched:
    """The same of rows that tell an outcome; ``decisions`` know what was ``executed``."""
    matching, is_sum = match_decisions(outcomes, decisions, use_case, as_of), use_case.outcome.are_rows_added
    if is_sum:
        matching.refuse("invalid", POSTED, are_posted_parts(outcomes))
        matching.forget(marked(outcomes, WAS_READ))
    told = running_totals(outcomes, matching.decision) if is_sum else outcomes
    rows = _history(told, decisions, recorded, matching.decision, use_case)
    if is_sum and (matching.decision >= 0).any():
        rows = with_what_is_filed_away(rows, utc_microseconds(outcomes["observed_at"]))
    verdict = (total_verdicts if is_sum else revision_verdicts)(rows, _CONTENT)
    is_late = rows["observed_at"].to_numpy() > _due_at(decisions, use_case)[rows["decision"].to_numpy()]
    kind = np.where(verdict.is_kept, _kinds(verdict, is_late, "added" if is_sum else "contradiction"), "")
    became = _parts_became(outcomes, rows, verdict, is_late) if is_sum else _became(kind, verdict)
    refused = {one: matching.rows(one) for one in REFUSALS}
    counted: dict[RowKind, int] = {one: int((became == one).sum()) for one in MATCHED}
    matched = sum(counted.values())
    return _Matched(
        _revisions(rows, kind, verdict.revision, decisions),
        IntakeCounts(rows_read=matched + sum(refused.values()), matched=matched, **counted, **refused),
        (*in_words(matching.refusals), *([] if is_sum else _more_problems(kind, verdict))),
        _of_row(matching, rows, became),
        _several(rows, verdict, use_case),
    )


@dataclass(frozen=True)
class _Matched:
    """What rows brought that tell an outcome, as `Intake` says it."""

    revisions: pd.DataFrame
    counts: IntakeCounts
    problems: tuple[str, ...]
    of_row: tuple[TakenRow, ...]
    several: SeveralRows


def _of_row(matching: Matching, rows: pd.DataFrame, became: np.ndarray) -> tuple[TakenRow, ...]:
    """What each of the n rows read is; one that was read before says nothing new, like a duplicate."""
    told = [TakenRow("duplicate") if one is None else TakenRow(one.kind, one.reason) for one in matching.refused]
    for place, kind in zip(rows["row"], became, strict=True):
        if place >= 0 and kind:
            told[place] = TakenRow(kind)
    return tuple(told)


def _became(kind: np.ndarray, verdict: RevisionVerdicts) -> np.ndarray:
    """For each row of the history (m,) what it counts as (`RowKind`); "" where it is recorded, or was read before."""
    is_against = (kind == "contradiction") | verdict.is_superseded
    return np.where(is_against, "contradictory", np.where(verdict.is_duplicate, "duplicate", kind)).astype(object)


def _parts_became(
    outcomes: pd.DataFrame, rows: pd.DataFrame, verdict: RevisionVerdicts, is_late: np.ndarray
) -> np.ndarray:
    """The same where rows are parts: each is told for the first time, however the total changes by it."""
    place = rows["row"].to_numpy()
    is_copy, was_read = (np.append(marked(outcomes, name), False)[place] for name in (COPY, WAS_READ))
    is_told = ~rows["is_recorded"].to_numpy() & ~verdict.is_read_again & ~was_read
    return np.where(is_told, np.where(is_copy, "duplicate", np.where(is_late, "late", "first")), "").astype(object)


def _several(rows: pd.DataFrame, verdict: RevisionVerdicts, use_case: UseCase) -> SeveralRows:
    """Of the decisions of which something is new, those with rows of several times; none where the contract says."""
    if use_case.outcome.amount is None or use_case.outcome.amount.rows is not None:
        return SeveralRows()
    is_new = ~rows["is_recorded"].to_numpy() & ~verdict.is_read_again
    meant = rows[rows["decision"].isin(rows["decision"][is_new])]
    return several_rows(*(meant[name].to_numpy() for name in ("decision", "observed_at", "amount")))


def _history(
    outcomes: pd.DataFrame, decisions: pd.DataFrame, recorded: pd.DataFrame, matched: np.ndarray, use_case: UseCase
) -> pd.DataFrame:
    """What is recorded and what is new, a decision at a time in the order of states; (m,) rows."""
    parts = []
    for source, decision, is_recorded in (
        (recorded, positions(decisions["decision_id"], recorded["decision_id"]), True),
        (outcomes, matched, False),
    ):
        kept = decision >= 0
        content = {
            "decision": decision[kept],
            "observed_at": utc_microseconds(source["observed_at"])[kept],
            "outcome_class": _content(source["outcome_class"], use_case.outcome.class_ is not None)[kept],
            "amount": _content(source["amount"], use_case.outcome.amount is not None)[kept],
            "happened_at": utc_microseconds(source[HAPPENED])[kept]
            if HAPPENED in source
            else np.datetime64("NaT", "us"),
            SAID: utc_microseconds(source[SAID])[kept] if SAID in source else np.datetime64("NaT", "us"),
            "is_recorded": is_recorded,
            "row": -1 if is_recorded else np.flatnonzero(kept),
            "revision": source["revision"].to_numpy(dtype=np.int64)[kept] if is_recorded else 0,
        }
        parts.append(pd.DataFrame(content))
    # Of rows that differ in nothing but when it happened, a known time goes first, whatever the order they came in.
    return in_order(pd.concat(parts, ignore_index=True), _CONTENT, ("happened_at",))


def _content(values: pd.Series, is_in_contract: bool) -> np.ndarray:
    """Numbers that compare equal where both are missing."""
    return np.nan_to_num(numbers(values), nan=-np.inf) if is_in_contract else np.full(len(values), -np.inf)


def _kinds(told: RevisionVerdicts, is_late: np.ndarray, further: str) -> np.ndarray:
    """For each row of the history (m,) the kind that it would be recorded as."""
    return np.where(told.revision > 1, further, np.where(is_late, "late", "first"))


def _due_at(decisions: pd.DataFrame, use_case: UseCase) -> np.ndarray:
    """When the outcome of each decision falls due (n,)."""
    if "due_at" in decisions:
        return utc_microseconds(decisions["due_at"])
    maturity = np.timedelta64(pd.Timedelta(days=use_case.outcome.maturity_days))
    return utc_microseconds(decisions["as_of"]) + maturity


def _revisions(rows: pd.DataFrame, kind: np.ndarray, revision: np.ndarray, decisions: pd.DataFrame) -> pd.DataFrame:
    kept = kind != ""
    new = rows[kept]
    revisions = pd.DataFrame(
        {
            "decision_id": decisions["decision_id"].to_numpy()[new["decision"]],
            "revision": revision[kept],
            "outcome_class": new["outcome_class"].replace(-np.inf, np.nan),
            "amount": new["amount"].replace(-np.inf, np.nan),
            "observed_at": new["observed_at"].dt.tz_localize("UTC"),
            "happened_at": new["happened_at"].dt.tz_localize("UTC"),
            "kind": kind[kept],
        }
    ).astype({"decision_id": "str", "kind": "str"})
    return revisions.sort_values(["decision_id", "revision"], ignore_index=True)


def _more_problems(kind: np.ndarray, verdict: RevisionVerdicts) -> list[str]:
    problems = []
    contradictions, superseded = int((kind == "contradiction").sum()), int(verdict.is_superseded.sum())
    if contradictions:
        problems.append(f"{contradictions} contradictory: differs from what was recorded before; the latest counts")
    if superseded:
        problems.append(
            f"{superseded} contradictory: differs from a later observation, or another row of the same time, and was "
            "kept out; correct the row itself, or give corrections a later time"
        )
    return problems
