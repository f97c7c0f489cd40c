"""A replay of history in which everyone's outcome is known, and shown only where the loop's action reveals it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from decisionloop.contract import UseCase, UseCaseFolder
from decisionloop.contract.data_source import FullInformationReplay
from decisionloop.sources.base import HAPPENED
from decisionloop.sources.columns import require_unique, times_told, without_copies
from decisionloop.sources.history import History, HistoryBacked
from decisionloop.sources.layout import Layout, Rows
from decisionloop.sources.replay import RECORDED, SEEN, meet, recorded_cases, recorded_truth, shown_by
from decisionloop.sources.rows import open_rows
from decisionloop.sources.tables import OutcomeKeys, happened_column, open_history, outcome_column_names, outcome_frame
from decisionloop.sources.unread_rows import NOBODY_S, Telling, unread_in_history

DECIDED = "time of the decision"


@dataclass
class FullInformation(HistoryBacked):
    """The ``full_information_replay`` source."""

    use_case: UseCase
    history: History
    truth_rows: Rows
    decision_time: str

    def calendar(self) -> tuple[pd.Timestamp, ...]:
        """As-of times of the replay."""
        return self.history.calendar(self.use_case.schedule)

    def outcomes(self, as_of: pd.Timestamp, decided: pd.DataFrame) -> pd.DataFrame:
        """Outcomes, seen by ``as_of``, of the decisions that took a revealing action; nobody else's."""
        revealing = [action.name for action in self.use_case.actions if action.reveals_outcome]
        took = decided[decided["action"].isin(revealing)]
        met = meet(took, self._truth(), self.use_case.schedule.covers_days)
        met = shown_by(met, as_of)
        keys = OutcomeKeys(met["entity_id"], met["as_of"], met["decision_id"], met[SEEN], met.get(HAPPENED))
        return outcome_frame(self.use_case, met, self.truth_rows.where, keys, are_some_bad=True)

    def hidden_truth(self) -> pd.DataFrame:
        """Everyone's outcome under the revealing action: entity_id, as_of, outcome_class, amount.

        For the report's section "what the replay knew" only.
        """
        truth = self._truth()
        return recorded_truth(self.use_case, self.history, truth, self.truth_rows.where)

    def unread_rows(self) -> tuple[str, ...]:
        """What cannot be read in the history and in what is known of outcomes, in words."""
        rows, where, layout = self._cases(), self.truth_rows.where, self.truth_rows.layout
        told = Telling(self.use_case, rows, where, rows[layout.entity], rows[DECIDED])
        outcomes = told.of_outcomes(layout.time)
        nobody = told.of(self.decision_time, ~rows[DECIDED].notna().to_numpy(), NOBODY_S)
        return (*unread_in_history(self.use_case, self.history), *nobody, *outcomes)

    def _cases(self) -> pd.DataFrame:
        """The rows of the table of outcomes, each once, with the time of their decision; NaT where it has none."""
        layout = self.truth_rows.layout
        rows = without_copies(self.truth_rows.between(None, None), [layout.entity, self.decision_time])
        return rows.assign(**{DECIDED: times_told(rows[self.decision_time], self.truth_rows.where)[0]})

    def _truth(self) -> pd.DataFrame:
        layout, where, rows = self.truth_rows.layout, self.truth_rows.where, self._cases()
        cases = recorded_cases(self.use_case, rows, where, (rows[layout.entity], rows[DECIDED]), layout.time)
        require_unique(cases, ["entity_id", RECORDED], where)
        is_known = cases[list(outcome_column_names(self.use_case))].notna().any(axis=1)
        return cases[is_known]  # a case without an outcome has nothing to reveal


def open_full_information(folder: UseCaseFolder, spec: FullInformationReplay) -> FullInformation:
    """Open the tables that the contract names; nothing is read yet."""
    use_case, outcomes = folder.use_case, spec.outcomes
    columns = (spec.decision_time, *outcome_column_names(use_case), *happened_column(use_case))
    layout = Layout(
        use_case.entity.key,
        outcomes.time,
        columns,
        outcomes.text,
        is_time_required=False,
        is_unique=False,
        is_only_named=True,
        unreadable_share=1.0,
    )
    history = open_history(folder, spec.history, spec.due, outcomes, (outcomes.time,))
    return FullInformation(use_case, history, open_rows(outcomes, folder.folder, layout), spec.decision_time)
