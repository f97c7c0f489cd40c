"""A replay of what another system decided: what it did is what was done, and its outcomes come when they came."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from decisionloop.contract import UseCase, UseCaseFolder
from decisionloop.contract.data_source import LegacyLogReplay
from decisionloop.sources.base import HAPPENED
from decisionloop.sources.history import History, HistoryBacked
from decisionloop.sources.layout import Layout
from decisionloop.sources.legacy import LegacyRows, open_legacy_rows
from decisionloop.sources.replay import SEEN, UNREAD, meet, recorded_cases, shown_by
from decisionloop.sources.rows import open_rows
from decisionloop.sources.tables import OutcomeKeys, happened_column, outcome_column_names, outcome_frame, types_of
from decisionloop.sources.unread_rows import Telling, unread_in_history


@dataclass
class LegacyLog(HistoryBacked):
    """The ``legacy_log_replay`` source."""

    use_case: UseCase
    history: History
    legacy: LegacyRows
    outcome_time: str

    def calendar(self) -> tuple[pd.Timestamp, ...]:
        """As-of times of the replay."""
        return self.history.calendar(self.use_case.schedule)

    def legacy_decisions(self, entities: pd.DataFrame, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
        """What was logged of ``entities``."""
        return self.legacy.of(entities, as_of, covers_days)

    def outcomes(self, as_of: pd.Timestamp, decided: pd.DataFrame) -> pd.DataFrame:
        """Outcomes, seen by ``as_of``, of what was logged, where the logged action reveals one."""
        revealing = [action.name for action in self.use_case.actions if action.reveals_outcome]
        took = decided[decided["action"].isin(revealing)]
        met = meet(took, self._cases(), self.use_case.schedule.covers_days)
        met = shown_by(met, as_of)
        keys = OutcomeKeys(met["entity_id"], met["as_of"], met["decision_id"], met[SEEN], met.get(HAPPENED))
        return outcome_frame(self.use_case, met, self.history.rows.where, keys, are_some_bad=True)

    def unread_rows(self) -> tuple[str, ...]:
        """What cannot be read in the log, in words."""
        rows, history = self.history.rows.between(None, None), self.history
        told = Telling(self.use_case, rows, history.rows.where, rows[history.key], rows[history.rows.layout.time])
        return (*unread_in_history(self.use_case, history), *told.of_outcomes(self.outcome_time))

    def _cases(self) -> pd.DataFrame:
        """Logged cases with an outcome: entity_id, recorded_at, seen_at, outcome."""
        where, layout = self.history.rows.where, self.history.rows.layout
        rows = self.history.rows.between(None, None)
        cases = recorded_cases(
            self.use_case, rows, where, (rows[self.history.key], rows[layout.time]), self.outcome_time
        )
        is_known = cases[list(outcome_column_names(self.use_case))].notna().any(axis=1)
        return cases[is_known & (cases[SEEN].notna() | cases[UNREAD])]


def open_legacy_log(folder: UseCaseFolder, spec: LegacyLogReplay) -> LegacyLog:
    """Open the log that the contract names; nothing is read yet."""
    use_case, key = folder.use_case, folder.use_case.entity.key
    said = (spec.outcome_time, *outcome_column_names(use_case), *happened_column(use_case))
    text = tuple(name for name in (spec.action, spec.propensity, *spec.log.text) if name)
    may_be = use_case.data_quality.maximum_row_fault_share
    layout = Layout(key, spec.log.time, said, text, types_of(use_case), unreadable_share=may_be)
    rows = open_rows(spec.log, folder.folder, layout)
    hidden = frozenset((*said, spec.action, spec.propensity)) - {key, spec.log.time}
    legacy = open_legacy_rows(folder, spec.log, spec.action, spec.propensity)
    return LegacyLog(use_case, History(key, rows, rows, hidden), legacy, spec.outcome_time)
