"""A source of the user's own, held to what the ready-made ones promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import pandas as pd

from decisionloop.contract import UseCaseFolder
from decisionloop.contract.code import SOURCE_FILE, load_source_function
from decisionloop.contract.problem import Outcome
from decisionloop.contract.user_code import UserCodeFailed, call, failed_fault
from decisionloop.errors import ContractError, DecisionLoopError, Fault, SourceError, UsageError
from decisionloop.observe.running_totals import COPY
from decisionloop.predict.features import point_in_time
from decisionloop.predict.ordering import by_entity_and_time
from decisionloop.predict.text import as_text
from decisionloop.sources.base import (
    HAPPENED,
    OUTCOME_COLUMNS,
    LegacySource,
    ReplaySource,
    ScenarioSource,
    SimulatedSource,
    Source,
    TrueChange,
)
from decisionloop.sources.columns import (
    are_copies,
    entity_ids,
    executed_in,
    outcome_numbers,
    require_columns,
    utc_times,
)

T = TypeVar("T")


@dataclass
class CheckedSource:
    """Wraps ``theirs``: ids become text, times UTC, and nothing later than the as-of gets through."""

    theirs: Source
    key: str
    outcome: Outcome
    """The contract's, which may name further columns of their outcomes."""

    @property
    def time_column(self) -> str:
        """Column of :meth:`known` that says when a row was known."""
        return _asked(f"{SOURCE_FILE}: time_column", getattr, self.theirs, "time_column")

    def due(self, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
        """Entities that fell due in (as_of - covers_days, as_of]."""
        where = f"{SOURCE_FILE}: due"
        frame = _frame(_asked(where, self.theirs.due, as_of, covers_days), where)
        require_columns(frame, [self.key], where)
        return pd.DataFrame({self.key: entity_ids(frame[self.key], where)}).reset_index(drop=True)

    def known(self, entities: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
        """History of ``entities`` known at ``as_of``, sorted by entity and time."""
        where, time = f"{SOURCE_FILE}: known", self.time_column
        frame = _frame(_asked(where, self.theirs.known, entities, as_of), where)
        require_columns(frame, [self.key, time], where)
        frame = frame.assign(**{self.key: entity_ids(frame[self.key], where), time: utc_times(frame[time], where)})
        return by_entity_and_time(point_in_time(frame, time, as_of), self.key, time)

    def newest_time(self, as_of: pd.Timestamp) -> pd.Timestamp | None:
        """Time of the newest history row at or before ``as_of``."""
        return _asked(f"{SOURCE_FILE}: newest_time", self.theirs.newest_time, as_of)

    def legacy_decisions(self, entities: pd.DataFrame, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
        """What another system decided about ``entities``, nothing of it later than the as-of."""
        where = f"{SOURCE_FILE}: legacy_decisions"
        if not isinstance(self.theirs, LegacySource):
            raise SourceError(
                f"{where} is missing, and the contract says mode: observe. Let it say what the other system decided "
                "(decisionloop.sources.base.LegacySource)."
            )
        frame = _frame(_asked(where, self.theirs.legacy_decisions, entities, as_of, covers_days), where)
        require_columns(frame, [self.key, "action", "decided_at"], where)
        columns = [self.key, "action", "decided_at", *(["propensity"] if "propensity" in frame else [])]
        frame = frame[columns].assign(
            **{self.key: entity_ids(frame[self.key], where), "decided_at": utc_times(frame["decided_at"], where)},
            action=as_text(frame["action"]),
        )
        return point_in_time(frame, "decided_at", as_of).reset_index(drop=True)

    def outcomes(self, as_of: pd.Timestamp, decided: pd.DataFrame) -> pd.DataFrame:
        """Everything observed by ``as_of``, in ``OUTCOME_COLUMNS``."""
        where = f"{SOURCE_FILE}: outcomes"
        frame = _frame(_asked(where, self.theirs.outcomes, as_of, decided), where)
        time = self.outcome.happened_at
        asked = [*([] if time is None else [time]), *(self.outcome.executed.columns if self.outcome.executed else ())]
        require_columns(frame, [*OUTCOME_COLUMNS, *asked], where)
        further: dict[str, pd.Series] = dict(executed_in(self.outcome, frame))
        if time is not None:
            further[HAPPENED] = utc_times(frame[time], where, is_required=False)
        if self.outcome.are_rows_added:
            further[COPY] = are_copies(frame)
        frame = frame[list(OUTCOME_COLUMNS)].assign(
            entity_id=entity_ids(frame["entity_id"], where),
            decision_time=utc_times(frame["decision_time"], where, is_required=False),
            decision_id=as_text(frame["decision_id"]),
            outcome_class=outcome_numbers(frame["outcome_class"], where),
            amount=outcome_numbers(frame["amount"], where),
            observed_at=utc_times(frame["observed_at"], where),
            **further,
        )
        return point_in_time(frame, "observed_at", as_of).reset_index(drop=True)

    def calendar(self) -> tuple[pd.Timestamp, ...]:
        """As-of times of a replay."""
        where = f"{SOURCE_FILE}: calendar"
        return tuple(utc_times(pd.Series(list(_asked(where, self.theirs.calendar))), where))

    def true_changes(self) -> tuple[TrueChange, ...] | None:
        """What really changed in a simulated world, by time; None where nobody knows. For reports only."""
        where = f"{SOURCE_FILE}: true_changes"
        changes = _asked(where, self.theirs.true_changes) if isinstance(self.theirs, ScenarioSource) else None
        if changes is None:
            return None
        times = utc_times(pd.Series([change.at for change in changes]), where)
        dated = [replace(change, at=at) for change, at in zip(changes, times, strict=True)]
        return tuple(sorted(dated, key=lambda change: change.at))


@dataclass
class CheckedReplay(CheckedSource):
    """A replay of the user's own, which also knows what the loop cannot see."""

    theirs: ReplaySource

    def hidden_truth(self) -> pd.DataFrame:
        """What was recorded, seen by the loop or not; for the report's section "what the replay knew" only."""
        where = f"{SOURCE_FILE}: hidden_truth"
        frame = _frame(_asked(where, self.theirs.hidden_truth), where)
        require_columns(frame, ["entity_id", "as_of", "outcome_class", "amount"], where)
        return frame.assign(entity_id=entity_ids(frame["entity_id"], where), as_of=utc_times(frame["as_of"], where))


@dataclass
class CheckedSimulation(CheckedSource):
    """A simulated world of the user's own that knows what any other action would have led to."""

    theirs: SimulatedSource

    def potential_outcomes(self, decided: pd.DataFrame, action: str) -> pd.DataFrame:
        """What would have become of each of ``decided`` by ``action``; for the report only."""
        where = f"{SOURCE_FILE}: potential_outcomes"
        frame = _frame(_asked(where, self.theirs.potential_outcomes, decided, action), where)
        require_columns(frame, ["outcome_class", "amount"], where)
        if len(frame) != len(decided):
            raise SourceError(f"{where}: gave {len(frame)} rows for {len(decided)} decisions. Give one row a decision.")
        return frame.reset_index(drop=True)


def open_custom(folder: UseCaseFolder) -> CheckedSource:
    """Call ``source(use_case, folder)``; raises ContractError when it fails or returns no source."""
    function, key, outcome = load_source_function(folder), folder.use_case.entity.key, folder.use_case.outcome
    try:  # a UsageError: options that cannot be; their source says so better than we could
        source = call(function, folder.use_case, folder.folder, passing=(UsageError,))
    except UserCodeFailed as failed:
        raise ContractError(str(folder.folder), [failed_fault(f"{SOURCE_FILE}: source", failed)]) from failed
    if isinstance(source, ReplaySource):
        return CheckedReplay(source, key, outcome)
    if isinstance(source, SimulatedSource):
        return CheckedSimulation(source, key, outcome)
    if isinstance(source, Source):
        return CheckedSource(source, key, outcome)
    names = ("time_column", "due", "known", "newest_time", "outcomes", "calendar")
    missing = ", ".join(name for name in names if not hasattr(source, name))
    raise _error(folder, type(source).__name__, f"its result lacks {missing}", "See decisionloop.sources.base.Source.")


def _error(folder: UseCaseFolder, value: str, problem: str, remedy: str) -> ContractError:
    return ContractError(str(folder.folder), [Fault(f"{SOURCE_FILE}: source", value, problem, remedy)])


def _asked(where: str, method: Callable[..., T], *arguments: object) -> T:
    """What a method of theirs answers; raises SourceError with file and line where it raises anything of its own."""
    try:
        return call(method, *arguments, passing=(DecisionLoopError,))
    except UserCodeFailed as failed:
        place = f" in {failed.where}" if failed.where else ""
        told, unquoted = (f"{where} failed{place}: {one}. Correct it." for one in (failed.problem, failed.kind))
        raise SourceError(told, unquoted=unquoted) from failed


def _frame(returned: object, where: str) -> pd.DataFrame:
    if not isinstance(returned, pd.DataFrame):
        raise SourceError(f"{where} returned {type(returned).__name__}, not a DataFrame. Return one.")
    return returned
