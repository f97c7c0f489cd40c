"""What was really executed, as far as anybody has said: matched with decisions, and kept as revisions of its own.

It may come with an outcome, long before it, or alone. The two parts of a row are judged apart, but for two: whose
executed action cannot be taken in has no outcome either, because nobody knows of which action that would be; and an
action that reveals no outcome has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.observe.matching import (
    DECISION_COLUMNS,
    Matching,
    find_decisions,
    numbers,
    positions,
    prepared,
    refuse_misplaced,
    refuse_times,
    require_columns,
    utc_microseconds,
)
from decisionloop.observe.revisions import SAID, RevisionVerdicts, in_order, revision_verdicts
from decisionloop.observe.taken_rows import IntakeCounts, RowKind, TakenRow, in_words

EXECUTED_COLUMNS = ("executed_action", "overridden_by", "override_reason")
EXECUTION_COLUMNS = ("decision_id", "revision", *EXECUTED_COLUMNS, "observed_at")
_CONTENT = ("override_reason", "overridden_by", "executed_action")
_NOTHING_READ = IntakeCounts(0, 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class ExecutionIntake:
    """What one reading of n outcome rows said of executed actions.

    ``revisions``: rows to record, sorted by decision_id, in ``EXECUTION_COLUMNS``. ``executed`` (d,): what is known
    now to have been executed of each decision, as chosen where nobody said. ``of_row`` (n,): what a row is that has no
    outcome to be read, None where it has. ``counts``, ``problems``: of the rows that have none; contradictions of all.
    """

    revisions: pd.DataFrame
    executed: np.ndarray
    of_row: tuple[TakenRow | None, ...]
    counts: IntakeCounts
    problems: tuple[str, ...]

    @property
    def has_outcome(self) -> np.ndarray:
        """True (n,) for rows that are to be read as outcomes."""
        return np.array([one is None for one in self.of_row], dtype=bool)


def nothing_executed() -> pd.DataFrame:
    """Recorded executions where there are none."""
    kinds = dict.fromkeys(EXECUTION_COLUMNS, "str") | {"revision": "int64", "observed_at": "datetime64[us, UTC]"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def take_executions(
    outcomes: pd.DataFrame, decisions: pd.DataFrame, recorded: pd.DataFrame, use_case: UseCase, as_of: datetime
) -> ExecutionIntake:
    """Match what n rows of ``outcomes`` say of executed actions, beside what is ``recorded`` (``EXECUTION_COLUMNS``).

    A row says it of the decision that it names, by id or by entity and time. The last that was seen counts, and of the
    same time what stands in the place of another, as with outcomes. Without ``EXECUTED_COLUMNS``, or an
    `outcome.executed` in the contract, no row says anything. Raises SourceError when a column is missing.
    """
    require_columns("decisions", decisions, DECISION_COLUMNS)
    require_columns("recorded executions", recorded, EXECUTION_COLUMNS)
    is_said = _says_it(outcomes, use_case)
    if recorded.empty and not is_said.any():
        as_chosen = decisions["action"].to_numpy(dtype=object)
        return ExecutionIntake(nothing_executed(), as_chosen, (None,) * len(outcomes), _NOTHING_READ, ())
    said = outcomes[is_said]
    said = said.assign(**{name: pd.Series(dtype="str") for name in EXECUTED_COLUMNS if name not in said})
    matching = _matched(said, decisions, use_case, as_of)
    rows = _history(said, decisions, recorded, matching.decision)
    told = revision_verdicts(rows, tuple(f"{name}_code" for name in _CONTENT))
    executed = decisions["action"].to_numpy(dtype=object).copy()
    executed[rows["decision"][told.is_last]] = rows["executed_action"][told.is_last]
    place, is_alone = np.flatnonzero(is_said), _is_alone(said, use_case)
    return ExecutionIntake(
        _revisions(rows, told, decisions),
        executed,
        _of_row(len(outcomes), place, is_alone, matching, rows, told),
        _counts(matching, is_alone, rows, told),
        (*in_words(matching.refusals), *_contradictions(told)),
    )


def _says_it(outcomes: pd.DataFrame, use_case: UseCase) -> np.ndarray:
    if use_case.outcome.executed is None or "executed_action" not in outcomes:
        return np.zeros(len(outcomes), dtype=bool)
    return outcomes["executed_action"].notna().to_numpy(dtype=bool)


def _is_alone(said: pd.DataFrame, use_case: UseCase) -> np.ndarray:
    """True where a row says nothing of an outcome."""
    is_blank = np.ones(len(said), dtype=bool)
    for name, part in (("outcome_class", use_case.outcome.class_), ("amount", use_case.outcome.amount)):
        if part is not None:
            is_blank &= np.isnan(numbers(said[name]))
    return is_blank


def _matched(said: pd.DataFrame, decisions: pd.DataFrame, use_case: UseCase, as_of: datetime) -> Matching:
    rows, decided = prepared(said, decisions, use_case)
    found, names = Matching(np.full(len(rows), -1)), use_case.action_names
    refuse_times(found, rows, as_of)
    is_action = rows["executed_action"].isin(names).to_numpy()
    found.refuse("invalid", f"its executed action is none of {', '.join(names)}", ~is_action)
    silent = [action.name for action in use_case.actions if not action.reveals_outcome]
    is_silent = rows["executed_action"].isin(silent).to_numpy() & ~_is_alone(rows, use_case)
    found.refuse("invalid", "its executed action reveals no outcome, and it tells one", is_silent)
    is_nameless = (rows["decision_id"].isna() & rows["decision_time"].isna()).to_numpy()
    found.refuse("unknown", "it says what was executed, but not of which decision", is_nameless)
    find_decisions(found, rows, decided, use_case)
    refuse_misplaced(found, rows, decided, use_case)
    return found


def _history(said: pd.DataFrame, decisions: pd.DataFrame, recorded: pd.DataFrame, matched: np.ndarray) -> pd.DataFrame:
    """What is recorded and what is new, a decision at a time in the order of states; (m,) rows."""
    parts = []
    for source, decision, is_recorded in (
        (recorded, positions(decisions["decision_id"], recorded["decision_id"]), True),
        (said, matched, False),
    ):
        kept = decision >= 0
        content = {name: source[name].fillna("").to_numpy(dtype=object)[kept] for name in _CONTENT if name in source}
        revision = source["revision"].to_numpy(dtype=np.int64)[kept] if is_recorded else 0
        seen = utc_microseconds(source["observed_at"])[kept]
        row = -1 if is_recorded else np.flatnonzero(kept)
        told = utc_microseconds(source[SAID])[kept] if SAID in source else np.datetime64("NaT", "us")
        frame = pd.DataFrame(
            {"decision": decision[kept], "observed_at": seen, SAID: told, "revision": revision, "row": row}
        )
        parts.append(frame.assign(is_recorded=is_recorded, **{name: content.get(name, "") for name in _CONTENT}))
    rows = pd.concat(parts, ignore_index=True)
    codes = {f"{name}_code": pd.factorize(rows[name].astype(object), sort=True)[0] for name in _CONTENT}
    return in_order(rows.assign(**codes), tuple(codes))


def _of_row(
    n: int, place: np.ndarray, is_alone: np.ndarray, matching: Matching, rows: pd.DataFrame, told: RevisionVerdicts
) -> tuple[TakenRow | None, ...]:
    of_row: list[TakenRow | None] = [None] * n
    for at, refusal in zip(place, matching.refused, strict=True):
        if refusal is not None:
            of_row[at] = TakenRow(refusal.kind, refusal.reason)
    for row, kind in zip(rows["row"], _kinds(told), strict=True):
        if row >= 0 and is_alone[row]:
            of_row[place[row]] = TakenRow(kind)
    return tuple(of_row)


def _kinds(told: RevisionVerdicts) -> list[RowKind]:
    """What each row (m,) of the history is where it is new; one that was read before is like a duplicate."""
    names: tuple[RowKind, ...] = ("duplicate", "executed", "contradictory")
    is_against = told.is_superseded | (told.is_kept & (told.revision > 1))
    return [names[code] for code in np.where(is_against, 2, told.is_kept.astype(int))]


def _counts(matching: Matching, is_alone: np.ndarray, rows: pd.DataFrame, told: RevisionVerdicts) -> IntakeCounts:
    """The rows that have no outcome to be read: those that were refused, and those that are alone."""
    row = rows["row"].to_numpy()
    counted = np.zeros(len(rows), dtype=bool)
    counted[row >= 0] = is_alone[row[row >= 0]]
    counted &= ~told.is_read_again
    kinds = np.array(_kinds(told), dtype=object)[counted]
    refused = {kind: matching.rows(kind) for kind in ("unknown", "invalid", "after_window")}
    return IntakeCounts(
        rows_read=len(kinds) + sum(refused.values()),
        matched=len(kinds),
        first=0,
        late=0,
        duplicate=int((kinds == "duplicate").sum()),
        contradictory=int((kinds == "contradictory").sum()),
        executed=int((kinds == "executed").sum()),
        **refused,
    )


def _contradictions(told: RevisionVerdicts) -> list[str]:
    against, older = int((told.is_kept & (told.revision > 1)).sum()), int(told.is_superseded.sum())
    problems = []
    if against:
        problems.append(f"{against} said otherwise of what was executed than was told before; the latest counts")
    if older:
        problems.append(
            f"{older} said otherwise of what was executed than a later row, or another one of the same time, and were "
            "kept out; correct the row itself, or give corrections a later time"
        )
    return problems


def _revisions(rows: pd.DataFrame, told: RevisionVerdicts, decisions: pd.DataFrame) -> pd.DataFrame:
    new = rows[told.is_kept]
    revisions = pd.DataFrame(
        {
            "decision_id": decisions["decision_id"].to_numpy()[new["decision"]],
            "revision": told.revision[told.is_kept],
            **{name: new[name].to_numpy(dtype=object) for name in EXECUTED_COLUMNS},
            "observed_at": new["observed_at"].dt.tz_localize("UTC"),
        }
    )
    texts = {name: revisions[name].where(revisions[name] != "").astype("str") for name in EXECUTED_COLUMNS}
    return revisions.assign(decision_id=revisions["decision_id"].astype("str"), **texts).sort_values(
        ["decision_id", "revision"], ignore_index=True
    )
