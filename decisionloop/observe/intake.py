"""Match what was seen with what was decided, and keep what is new as a revision.

The state of a decision is its last observation in the order of (observed_at, class, amount). That order is total,
so neither the order of rows nor reading a source again can change what is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.observe.matching import (
    HAPPENED,
    Matching,
    match_decisions,
    not_before_logged,
    numbers,
    positions,
    require_columns,
    utc_microseconds,
)

RECORDED_COLUMNS = ("decision_id", "revision", "outcome_class", "amount", "observed_at")
REVISION_COLUMNS = (*RECORDED_COLUMNS, "happened_at", "kind")


@dataclass(frozen=True)
class IntakeCounts:
    """Every row read is matched, unknown, invalid or after the window; every matched one first, late, duplicate or
    contradictory.

    A row that is recorded already, to the time of its observation, is the same row read again and counts nowhere.
    """

    rows_read: int
    matched: int
    first: int
    late: int
    duplicate: int
    contradictory: int
    unknown: int
    invalid: int
    after_window: int


RowKind = Literal["first", "late", "duplicate", "contradictory", "unknown", "invalid", "after_window"]


@dataclass(frozen=True)
class TakenRow:
    """What one row is; ``why`` it was refused, "" where it was not."""

    kind: RowKind
    why: str = ""


@dataclass(frozen=True)
class Intake:
    """What one reading of outcomes brought.

    ``revisions``: rows to record, sorted by decision_id, with columns decision_id, revision (from 1),
    outcome_class, amount (NaN where the contract has none), observed_at, happened_at (UTC; NaT where nobody said when)
    and kind (first, late or contradiction). ``problems``: what was wrong, in words without personal data.
    ``of_row`` (n,): what each row read is, and why where it was refused.
    """

    revisions: pd.DataFrame
    counts: IntakeCounts
    problems: tuple[str, ...]
    of_row: tuple[TakenRow, ...]


def match_outcomes(
    outcomes: pd.DataFrame, decisions: pd.DataFrame, recorded: pd.DataFrame, use_case: UseCase, as_of: datetime
) -> Intake:
    """Match outcomes to decisions and work out what there is to record.

    Args:
        outcomes: canonical rows (entity_id, decision_time, decision_id, outcome_class, amount, observed_at, and
            happened_at where the source knows it); keys may be missing as
            :func:`decisionloop.observe.matching.match_decisions` says. A repetition is not recorded, and counts
            against a contradiction of between only where that is read again.
        decisions: decision_id, entity_id, as_of, action of every decision that an outcome may belong to, and due_at
            where outcomes fall due row by row.
        recorded: decision_id, revision, outcome_class, amount, observed_at of what is recorded. The latest
            revision of each decision is enough to know what is new; the counts need all of them.
        as_of: nothing seen later may be taken in.

    A matched row that is recorded with the same content and time is read again and not counted. It is a duplicate
    when it says, at another time, what is recorded as of its time; otherwise it is a new revision: first, or late
    if seen after it was due (maturity_days, without due_at), or a contradiction if there was one before. A row that
    differs from what is recorded and is older than it (or as old, and smaller by class and amount) counts as
    contradictory and is kept out. Raises SourceError when a column is missing.
    """
    require_columns("recorded outcomes", recorded, RECORDED_COLUMNS)
    if use_case.is_observing:
        outcomes = not_before_logged(outcomes, decisions, use_case)
    matching = match_decisions(outcomes, decisions, use_case, as_of)
    rows = _history(outcomes, decisions, recorded, matching.decision, use_case)
    verdict = _verdicts(rows, decisions, use_case)
    again = int(verdict.is_read_again.sum())
    counts = IntakeCounts(
        rows_read=len(outcomes) - again,
        matched=int((~rows["is_recorded"]).sum()) - again,
        first=int((verdict.kind == "first").sum()),
        late=int((verdict.kind == "late").sum()),
        duplicate=int(verdict.is_duplicate.sum()),
        contradictory=int((verdict.kind == "contradiction").sum() + verdict.is_superseded.sum()),
        unknown=matching.rows("unknown"),
        invalid=matching.rows("invalid"),
        after_window=matching.rows("after_window"),
    )
    problems = [
        f"{refusal.rows} {refusal.kind.replace('_', ' the ')}: {refusal.reason}" for refusal in matching.refusals
    ]
    revisions = _revisions(rows, verdict, decisions, use_case)
    return Intake(revisions, counts, (*problems, *_more_problems(verdict)), _of_row(matching, rows, verdict))


def _of_row(matching: Matching, rows: pd.DataFrame, verdict: _Verdicts) -> tuple[TakenRow, ...]:
    """What each of the n rows read is; one that was read before says nothing new, like a duplicate."""
    told = [None if one is None else TakenRow(one.kind, one.reason) for one in matching.refused]
    names: dict[str, RowKind] = {"first": "first", "late": "late", "contradiction": "contradictory"}
    for place, kind, is_superseded in zip(rows["row"], verdict.kind, verdict.is_superseded, strict=True):
        if place >= 0:
            told[place] = TakenRow("contradictory" if is_superseded else names.get(kind, "duplicate"))
    return tuple(one for one in told if one is not None)


@dataclass(frozen=True)
class _Verdicts:
    """For each row of the history (m,): what it is. ``kind`` is empty unless the row is to be recorded."""

    kind: np.ndarray
    revision: np.ndarray
    is_read_again: np.ndarray
    is_duplicate: np.ndarray
    is_superseded: np.ndarray


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
            "is_recorded": is_recorded,
            "row": -1 if is_recorded else np.flatnonzero(kept),
            "revision": source["revision"].to_numpy(dtype=np.int64)[kept] if is_recorded else 0,
        }
        parts.append(pd.DataFrame(content))
    rows = pd.concat(parts, ignore_index=True)
    keys = [rows[name].to_numpy() for name in ("amount", "outcome_class", "observed_at", "decision")]
    # Of rows that differ in nothing but when it happened, a known time goes first, whatever the order they came in.
    ties = [rows["happened_at"].to_numpy(), ~rows["is_recorded"].to_numpy()]
    return rows.iloc[np.lexsort([*ties, *keys])].reset_index(drop=True)


def _content(values: pd.Series, is_in_contract: bool) -> np.ndarray:
    """Numbers that compare equal where both are missing."""
    return np.nan_to_num(numbers(values), nan=-np.inf) if is_in_contract else np.full(len(values), -np.inf)


def _verdicts(rows: pd.DataFrame, decisions: pd.DataFrame, use_case: UseCase) -> _Verdicts:
    position = np.arange(len(rows))
    decision, is_recorded = rows["decision"].to_numpy(), rows["is_recorded"].to_numpy()
    is_start = np.r_[True, decision[1:] != decision[:-1]][: len(rows)]
    start = np.maximum.accumulate(np.where(is_start, position, 0))
    recorded_before = np.maximum.accumulate(np.where(is_recorded, position, -1))
    recorded_before = np.where(recorded_before >= start, recorded_before, -1)
    end = np.r_[np.flatnonzero(is_start)[1:] - 1, len(rows) - 1][np.cumsum(is_start) - 1]
    latest = recorded_before[end]
    is_after = ~is_recorded & (position > latest)
    is_older = ~is_recorded & (position < latest)
    is_read_again = ~is_recorded & is_recorded[_first_like_it(rows, is_start)]
    is_kept = is_after & (is_start | ~_says_the_same(rows, position, position - 1))
    is_superseded = (
        is_older & ~_says_the_same(rows, position, recorded_before) & ~_says_the_same(rows, position, latest)
    )
    kept_so_far = np.cumsum(is_kept)
    base = np.where(latest >= 0, rows["revision"].to_numpy()[latest], 0)
    revision = base + kept_so_far - (kept_so_far - is_kept)[start]
    is_late = rows["observed_at"].to_numpy() > _due_at(decisions, use_case)[decision]
    kind = np.where(revision > 1, "contradiction", np.where(is_late, "late", "first"))
    return _Verdicts(
        kind=np.where(is_kept, kind, ""),
        revision=revision,
        is_read_again=is_read_again,
        is_duplicate=~is_recorded & ~is_kept & ~is_superseded & ~is_read_again,
        is_superseded=is_superseded,
    )


def _due_at(decisions: pd.DataFrame, use_case: UseCase) -> np.ndarray:
    """When the outcome of each decision falls due (n,)."""
    if "due_at" in decisions:
        return utc_microseconds(decisions["due_at"])
    maturity = np.timedelta64(pd.Timedelta(days=use_case.outcome.maturity_days))
    return utc_microseconds(decisions["as_of"]) + maturity


def _first_like_it(rows: pd.DataFrame, is_start: np.ndarray) -> np.ndarray:
    """Position (m,) of the first row with the same decision, time and content; a recorded one comes first."""
    position, seen_at = np.arange(len(rows)), rows["observed_at"].to_numpy()
    same = (seen_at == seen_at[position - 1]) & _says_the_same(rows, position, position - 1)
    return np.maximum.accumulate(np.where(is_start | ~same, position, 0))


def _says_the_same(rows: pd.DataFrame, here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """True where two rows have the same content; False where ``there`` is -1."""
    same = there >= 0
    for name in ("outcome_class", "amount"):
        values = rows[name].to_numpy()
        same = same & (values[here] == values[there])
    return same


def _revisions(rows: pd.DataFrame, verdict: _Verdicts, decisions: pd.DataFrame, use_case: UseCase) -> pd.DataFrame:
    kept = verdict.kind != ""
    new = rows[kept]
    revisions = pd.DataFrame(
        {
            "decision_id": decisions["decision_id"].to_numpy()[new["decision"]],
            "revision": verdict.revision[kept],
            "outcome_class": new["outcome_class"].replace(-np.inf, np.nan),
            "amount": new["amount"].replace(-np.inf, np.nan),
            "observed_at": new["observed_at"].dt.tz_localize("UTC"),
            "happened_at": new["happened_at"].dt.tz_localize("UTC"),
            "kind": verdict.kind[kept],
        }
    ).astype({"decision_id": "str", "kind": "str"})
    return revisions.sort_values(["decision_id", "revision"], ignore_index=True)


def _more_problems(verdict: _Verdicts) -> list[str]:
    problems = []
    contradictions, superseded = int((verdict.kind == "contradiction").sum()), int(verdict.is_superseded.sum())
    if contradictions:
        problems.append(f"{contradictions} contradictory: differs from what was recorded before; the latest counts")
    if superseded:
        problems.append(
            f"{superseded} contradictory: differs from a later observation and was kept out; give corrections a "
            "later time"
        )
    return problems
