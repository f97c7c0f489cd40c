"""Which decision an outcome belongs to, and why it is refused where it cannot belong to any."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.days import in_days
from decisionloop.errors import SourceError
from decisionloop.observe.later_rows import LATE_SINCE, are_of_earlier_rows
from decisionloop.observe.refusals import Matching, RefusalKind

OUTCOME_COLUMNS = ("entity_id", "decision_time", "decision_id", "outcome_class", "amount", "observed_at")
DECISION_COLUMNS = ("decision_id", "entity_id", "as_of", "action")
HAPPENED = "happened_at"
"""A further column of outcomes, where the source knows it; where it is missing, the time it was seen stands in."""
SILENT = "its decision took an action that reveals no outcome"
"""Why an outcome is refused that is readable: whose action shows none is shown to nobody."""


def match_decisions(outcomes: pd.DataFrame, decisions: pd.DataFrame, use_case: UseCase, as_of: datetime) -> Matching:
    """Find the decision of every outcome, by what its row gives:

    1. ``decision_id``, if given;
    2. else entity and ``decision_time``: the entity's first decision then or less than the schedule's ``covers_days``
       later, because a batch decides those who fell due in so many days before it, or since `LATE_SINCE`;
    3. else the entity's latest decision of a revealing action before it happened.

    An outcome counts if it happened within (as_of, as_of + window_days] of its decision, whichever way it was found
    and however late it was seen (:func:`happened_at`). Invalid are rows whose content or times cannot be, of an action
    that reveals no outcome, or of a row before the one decided by. Raises SourceError when a column is missing.
    """
    outcomes, decisions = prepared(outcomes, decisions, use_case)
    found = Matching(np.full(len(outcomes), -1))
    refuse_times(found, outcomes, as_of)
    _refuse_content(found, outcomes, use_case)
    find_decisions(found, outcomes, decisions, use_case)
    _refuse_contradicting_decision(found, outcomes, decisions, use_case)
    are_earlier = are_of_earlier_rows(found.decision, outcomes, found.is_open)
    found.refuse("invalid", "its decision was made by a later row", are_earlier)
    return found


def not_before_logged(outcomes: pd.DataFrame, decisions: pd.DataFrame, use_case: UseCase) -> pd.DataFrame:
    """The outcomes (n rows) of another system's decisions, none of them earlier than the batch that logs its decision.

    That system decided up to ``covers_days`` before the batch, and who answered at once must not be lost: what was seen
    or happened in between counts from the batch on. Raises SourceError when a column is missing.
    """
    asked, logged = prepared(outcomes, decisions, use_case)
    found = Matching(np.full(len(asked), -1))
    find_decisions(found, asked, logged, use_case)
    as_of = (
        logged["as_of"].to_numpy()[found.decision] if len(logged) else np.full(len(asked), np.datetime64("NaT", "us"))
    )
    seen, covers = asked["observed_at"].to_numpy(), _days(use_case.schedule.covers_days)
    is_between = (found.decision >= 0) & (seen < as_of) & (seen >= as_of - covers)
    told = outcomes.assign(observed_at=pd.to_datetime(np.where(is_between, as_of, seen), utc=True))
    if HAPPENED in outcomes:
        happened = utc_microseconds(outcomes[HAPPENED])
        told[HAPPENED] = pd.to_datetime(np.where(is_between & (happened < as_of), as_of, happened), utc=True)
    return told


def prepared(outcomes: pd.DataFrame, decisions: pd.DataFrame, use_case: UseCase) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both with times and entities that compare; a decision is revealing by what was ``executed``, where that is known.

    Raises SourceError when a column is missing.
    """
    require_columns("outcomes", outcomes, OUTCOME_COLUMNS)
    require_columns("decisions", decisions, DECISION_COLUMNS)
    entities = decisions["entity_id"].drop_duplicates()
    outcomes = nothing_where_no(outcomes, use_case).assign(
        observed_at=utc_microseconds(outcomes["observed_at"]),
        happened_at=happened_at(outcomes),
        decision_time=utc_microseconds(outcomes["decision_time"]),
        entity=positions(entities, outcomes["entity_id"]),
        decision_id=outcomes["decision_id"].astype("str"),
    )
    decisions = decisions.assign(
        as_of=utc_microseconds(decisions["as_of"]),
        entity=positions(entities, decisions["entity_id"]),
        is_revealing=~decisions["executed" if "executed" in decisions else "action"].isin(_silent_actions(use_case)),
        position=np.arange(len(decisions)),
    )
    return outcomes, decisions


def nothing_where_no(outcomes: pd.DataFrame, use_case: UseCase) -> pd.DataFrame:
    """The outcomes (n rows), their amount 0 where their class is no and nobody wrote one: nothing came of it."""
    if use_case.outcome.class_ is None or use_case.outcome.amount is None:
        return outcomes
    is_nothing = (numbers(outcomes["outcome_class"]) == 0) & outcomes["amount"].isna().to_numpy()
    return outcomes.assign(amount=outcomes["amount"].mask(is_nothing, 0.0)) if is_nothing.any() else outcomes


def happened_at(outcomes: pd.DataFrame) -> np.ndarray:
    """When each outcome happened (n,), datetime64[us] in UTC: as it says, else, or if later, when it was seen."""
    seen = utc_microseconds(outcomes["observed_at"])
    if HAPPENED not in outcomes:
        return seen
    happened = utc_microseconds(outcomes[HAPPENED])
    return np.where(np.isnat(happened) | (happened > seen), seen, happened)


def require_columns(what: str, frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Raise SourceError unless ``frame`` has all ``columns``."""
    missing = sorted(set(columns) - set(frame.columns))
    if missing:
        raise SourceError(f"{what} lack column {', '.join(missing)}. Give {', '.join(columns)}.")


def utc_microseconds(times: pd.Series) -> np.ndarray:
    """Times as datetime64[us] in UTC (n,); NaT where there is none."""
    stamps = pd.to_datetime(times, utc=True, errors="coerce").dt.tz_localize(None)
    return stamps.to_numpy(dtype="datetime64[us]")


def positions(names: pd.Series, wanted: pd.Series) -> np.ndarray:
    """Where each of ``wanted`` (n,) stands among the unique ``names``; -1 where it does not."""
    return pd.Index(names.astype("str")).get_indexer(pd.Index(wanted.astype("str")))


def numbers(values: pd.Series) -> np.ndarray:
    """A column as float64 (n,); NaN where there is no number."""
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _silent_actions(use_case: UseCase) -> list[str]:
    """Those that reveal no outcome. What an action reveals that the contract no longer has is told by its outcomes."""
    return [action.name for action in use_case.actions if not action.reveals_outcome]


def refuse_times(found: Matching, outcomes: pd.DataFrame, as_of: datetime) -> None:
    """Refuse rows (`prepared`) that nobody has seen yet, or nobody knows when."""
    seen_at, now = outcomes["observed_at"].to_numpy(), utc_microseconds(pd.Series([as_of]))[0]
    found.refuse("invalid", "when it was seen, or another of its times, is missing or unreadable", np.isnat(seen_at))
    found.refuse("invalid", "seen after the intake's as-of", seen_at > now)


def _refuse_content(found: Matching, outcomes: pd.DataFrame, use_case: UseCase) -> None:
    is_blank = np.full(len(outcomes), use_case.are_outcomes_drawn)  # a case that was tried and told nobody anything
    for part in ("outcome_class", "amount"):
        is_blank &= np.isnan(numbers(outcomes[part]))
    if use_case.outcome.class_:
        is_class = np.isin(numbers(outcomes["outcome_class"]), (0.0, 1.0))
        found.refuse("invalid", "its class is neither 0 nor 1", ~is_class & ~is_blank)
    if use_case.outcome.amount:
        is_amount = np.isfinite(numbers(outcomes["amount"]))
        found.refuse("invalid", "its amount is not a finite number (write 0 for nothing)", ~is_amount & ~is_blank)


def find_decisions(found: Matching, outcomes: pd.DataFrame, decisions: pd.DataFrame, use_case: UseCase) -> None:
    """Find the decision of every row that is open (both `prepared`); refuse as unknown what has none."""
    has_id = outcomes["decision_id"].notna().to_numpy()
    has_time = outcomes["decision_time"].notna().to_numpy() & ~has_id
    has_neither = ~has_id & ~has_time
    for where, find, problem in (
        (has_id, _by_id, "no decision has its decision_id"),
        (has_time, _by_time, "its entity has no decision at its decision_time"),
        (has_neither, _by_entity, "its entity has no decision of a revealing action before it"),
    ):
        searched = where & found.is_open
        found.decision[searched] = find(outcomes[searched], decisions, use_case)
        found.refuse("unknown", problem, searched & (found.decision < 0))


def _by_id(outcomes: pd.DataFrame, decisions: pd.DataFrame, use_case: UseCase) -> np.ndarray:
    return positions(decisions["decision_id"], outcomes["decision_id"])


def _by_time(outcomes: pd.DataFrame, decisions: pd.DataFrame, use_case: UseCase) -> np.ndarray:
    position = _nearest(outcomes, "decision_time", decisions, direction="forward")
    if decisions.empty:
        return position
    waited = decisions["as_of"].to_numpy()[position] - outcomes["decision_time"].to_numpy()
    # Whoever fell due exactly covers_days before a batch belonged to the batch before.
    is_theirs = (waited < _days(use_case.schedule.covers_days)) | (waited == np.timedelta64(0))
    if LATE_SINCE in decisions:
        is_theirs |= outcomes["decision_time"].to_numpy() > utc_microseconds(decisions[LATE_SINCE])[position]
    return np.where(is_theirs, position, -1)


def _by_entity(outcomes: pd.DataFrame, decisions: pd.DataFrame, use_case: UseCase) -> np.ndarray:
    return _nearest(outcomes, HAPPENED, decisions[decisions["is_revealing"]], direction="backward")


def _nearest(
    outcomes: pd.DataFrame,
    time: str,
    decisions: pd.DataFrame,
    *,
    direction: Literal["forward", "backward"],
) -> np.ndarray:
    """Position of the entity's nearest decision after (or at) or strictly before ``time``; -1 for none."""
    if outcomes.empty or decisions.empty:
        return np.full(len(outcomes), -1)
    order = np.argsort(outcomes[time].to_numpy(), kind="stable")
    asked = outcomes[["entity", time]].iloc[order]
    matched = pd.merge_asof(
        asked.rename(columns={time: "as_of"}),
        decisions[["entity", "as_of", "position"]].sort_values("as_of", kind="stable"),
        on="as_of",
        by="entity",
        direction=direction,
        allow_exact_matches=direction == "forward",
    )
    position = np.full(len(outcomes), -1)
    position[order] = matched["position"].fillna(-1).to_numpy(dtype=np.int64)
    return position


def _refuse_contradicting_decision(
    found: Matching, outcomes: pd.DataFrame, decisions: pd.DataFrame, use_case: UseCase
) -> None:
    """Refuse what was matched to a decision that cannot have brought it, or whose window was over."""
    refuse_misplaced(found, outcomes, decisions, use_case)
    matched = np.flatnonzero(found.decision >= 0)
    theirs = decisions.iloc[found.decision[matched]]
    rows = outcomes.iloc[matched]

    def refuse(reason: str, where: np.ndarray, kind: RefusalKind = "invalid") -> None:
        mask = np.zeros(len(outcomes), dtype=bool)
        mask[matched[where]] = True
        found.refuse(kind, reason, mask)

    refuse("happened before its decision", rows[HAPPENED].to_numpy() < theirs["as_of"].to_numpy())
    refuse(SILENT, ~theirs["is_revealing"].to_numpy())
    outcome = use_case.outcome
    after = (rows[HAPPENED].to_numpy() - theirs["as_of"].to_numpy()) > _days(outcome.window_days)
    verb = "seen" if outcome.happened_at is None else "happened"
    refuse(f"{verb} after the window of {in_days(outcome.window_days)}", after, "after_window")


def refuse_misplaced(found: Matching, outcomes: pd.DataFrame, decisions: pd.DataFrame, use_case: UseCase) -> None:
    """Refuse rows of another entity than their decision's, and those that were seen before it or far too late."""
    matched = np.flatnonzero(found.decision >= 0)
    theirs, rows = decisions.iloc[found.decision[matched]], outcomes.iloc[matched]
    waited, closed = rows["observed_at"].to_numpy() - theirs["as_of"].to_numpy(), use_case.outcome.closed_days
    is_other = rows["entity_id"].notna().to_numpy() & (rows["entity"].to_numpy() != theirs["entity"].to_numpy())
    too_late = f"seen more than {in_days(closed or 0)} after its decision (outcome.closed_days)"
    for reason, where in (
        ("its decision_id belongs to another entity", is_other),
        ("seen before its decision", waited < np.timedelta64(0)),
        (too_late, waited > _days(closed or np.inf)),
    ):
        mask = np.zeros(len(outcomes), dtype=bool)
        mask[matched[where]] = True
        found.refuse("invalid", reason, mask)


def _days(days: float) -> np.timedelta64:
    return np.timedelta64(pd.Timedelta.max if days == np.inf else pd.Timedelta(days=days))
