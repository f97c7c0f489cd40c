"""A replay of a logged experiment: an outcome is shown only where the loop chose the logged action.

With c the smallest propensity with which an action was logged, a case of it is kept with probability c / propensity, so
that every decision for that action has the same chance c of being shown its outcome, whoever it is about (rejection
sampling as in Li, Chu, Langford and Wang 2011, "Unbiased offline evaluation of contextual-bandit-based news article
recommendation algorithms", action by action). An action whose propensities are alike is shown whole. What is shown is
then missing at random within the action, which is what every estimate of money takes it for
(`observe.logged_decisions`); a likely action is not shown as rarely as the least likely one.

A logged case without an outcome is not one that the draw did not show: it was tried, and nobody knows what came of it.
Where the loop chooses its action it is handed over without content once it is due, so that it counts as missing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase, UseCaseFolder
from decisionloop.contract.data_source import RandomisedLogReplay
from decisionloop.errors import SourceError
from decisionloop.predict.text import as_text
from decisionloop.sources.base import HAPPENED
from decisionloop.sources.cells import are_too_many
from decisionloop.sources.history import History, HistoryBacked
from decisionloop.sources.layout import Layout
from decisionloop.sources.replay import RECORDED, SEEN, UNREAD, meet, recorded_cases, recorded_truth, shown_by
from decisionloop.sources.rows import open_rows
from decisionloop.sources.tables import OutcomeKeys, happened_column, outcome_column_names, outcome_frame, types_of
from decisionloop.sources.unread_rows import NOT_SHOWN, Telling, unread_in_history

LOGGED = "logged_action"
_HARDLY = 0.05
"""Chances that differ by less, as the shares of an even draw do, are not worth a word."""


@dataclass
class RandomisedLog(HistoryBacked):
    """The ``randomised_log_replay`` source."""

    use_case: UseCase
    history: History
    spec: RandomisedLogReplay

    def calendar(self) -> tuple[pd.Timestamp, ...]:
        """As-of times of the replay."""
        return self.history.calendar(self.use_case.schedule)

    def outcomes(self, as_of: pd.Timestamp, decided: pd.DataFrame) -> pd.DataFrame:
        """Outcomes, seen by ``as_of``, of the decisions that took the logged action, if it reveals one; without content
        where the log is blank."""
        cases = self._cases()
        kept = cases[_is_kept(cases, self.spec.propensity)]
        met = meet(decided, kept, self.use_case.schedule.covers_days)
        revealing = [action.name for action in self.use_case.actions if action.reveals_outcome]
        met = shown_by(met[(met["action"] == met[LOGGED]) & met["action"].isin(revealing)], as_of)
        keys = OutcomeKeys(met["entity_id"], met["as_of"], met["decision_id"], met[SEEN], met.get(HAPPENED))
        return outcome_frame(self.use_case, met, self.history.rows.where, keys, are_some_bad=True)

    def hidden_truth(self) -> pd.DataFrame:
        """Every logged outcome: entity_id, as_of, outcome_class, amount, the logged action that it is of, propensity.

        For the report's section "what the replay knew" only.
        """
        cases = self._cases()
        cases = cases[~is_blank(self.use_case, cases)]
        truth = recorded_truth(self.use_case, self.history, cases, self.history.rows.where)
        return truth.assign(action=cases[LOGGED], propensity=cases[self.spec.propensity])

    def least_chances(self) -> dict[str, float]:
        """By action that was logged with unequal ones: the smallest chance, with which a decision for it is shown its
        outcome. {} where hardly a case is left out for it."""
        by_action = self._cases().groupby(LOGGED)[self.spec.propensity].agg(["min", "max"])
        unequal = by_action[by_action["min"] < by_action["max"] * (1 - _HARDLY)]
        return {str(name): float(least) for name, least in unequal["min"].items()}

    def unread_rows(self) -> tuple[str, ...]:
        """What cannot be read in the log, in words."""
        rows, history, spec = self.history.rows.between(None, None), self.history, self.spec
        told = Telling(self.use_case, rows, history.rows.where, rows[history.key], rows[spec.log.time])
        action, propensity = self._logged(rows)
        return (
            *unread_in_history(self.use_case, history),
            *told.of(spec.action, action.isna().to_numpy(), NOT_SHOWN),
            *told.of(spec.propensity, propensity.isna().to_numpy(), NOT_SHOWN),
            *told.of_outcomes(spec.outcome_time),
        )

    def _logged(self, rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
        """What was done and with which chance; missing in the few rows that do not say it."""
        where, may_be = self.history.rows.where, self.history.rows.layout.unreadable_share
        action = _actions(self.use_case, rows[self.spec.action], where, may_be)
        return action, _propensities(rows[self.spec.propensity], where, may_be)

    def _cases(self) -> pd.DataFrame:
        """Logged cases: entity_id, recorded_at, seen_at, action, propensity, outcome.

        A blank one is seen when its outcome would have been due at the latest; an outcome of which nobody says when it
        was seen has not been. A row that does not say what was done, or with which chance, is none.
        """
        where, spec = self.history.rows.where, self.spec
        rows = self.history.rows.between(None, None)
        action, propensity = self._logged(rows)
        keys = (rows[self.history.key], rows[spec.log.time])
        cases = recorded_cases(self.use_case, rows, where, keys, spec.outcome_time)
        cases = cases.assign(**{LOGGED: action, spec.propensity: propensity})
        cases = cases[cases[LOGGED].notna() & cases[spec.propensity].notna()]
        due, blank = pd.Timedelta(days=latest_days(self.use_case)), is_blank(self.use_case, cases)
        cases[SEEN] = cases[SEEN].mask(blank, cases[RECORDED] + due)
        cases[UNREAD] &= ~blank
        if HAPPENED in cases:
            cases[HAPPENED] = cases[HAPPENED].mask(blank)
        return cases[cases[SEEN].notna() | cases[UNREAD]]


def meeting_chance(propensities: pd.Series) -> float:
    """The smallest chance (n,) in a log, with which a decision of a replay meets its case at least; 1 of nothing."""
    known = pd.to_numeric(propensities, errors="coerce").dropna()
    return float(known.min()) if len(known) else 1.0


def is_blank(use_case: UseCase, cases: pd.DataFrame) -> pd.Series:
    """True for the logged cases (index of ``cases``) of which no part of the outcome was recorded."""
    return cases[list(outcome_column_names(use_case))].isna().all(axis=1)


def latest_days(use_case: UseCase) -> float:
    """Days after a decision by which its outcome has come, if it ever does and counts."""
    return min(use_case.outcome.window_days, use_case.outcome.maturity_days)


def open_randomised_log(folder: UseCaseFolder, spec: RandomisedLogReplay) -> RandomisedLog:
    """Open the log that the contract names; nothing is read yet."""
    use_case, key = folder.use_case, folder.use_case.entity.key
    said = (spec.propensity, spec.outcome_time, *outcome_column_names(use_case), *happened_column(use_case))
    may_be, text = use_case.data_quality.maximum_row_fault_share, (spec.action, *spec.log.text)
    layout = Layout(key, spec.log.time, said, text, types_of(use_case), unreadable_share=may_be)
    rows = open_rows(spec.log, folder.folder, layout)
    hidden = frozenset((spec.action, *said)) - {key, spec.log.time}
    return RandomisedLog(use_case, History(key, rows, rows, hidden), spec)


def _actions(use_case: UseCase, logged: pd.Series, where: str, may_be: float) -> pd.Series:
    names = as_text(logged)
    is_unknown = ~names.isin(use_case.action_names)
    if are_too_many(int(is_unknown.sum()), len(names), may_be):
        unknown = sorted(set(names[is_unknown].fillna("(missing)")))
        raise SourceError(
            f"{where}: column {logged.name} holds {', '.join(unknown[:3])}, which the contract does not know as an "
            f"action (it knows {', '.join(use_case.action_names)}). Use the same names in the log and the contract."
        )
    return names.where(~is_unknown)


def _propensities(logged: pd.Series, where: str, may_be: float) -> pd.Series:
    numbers = pd.to_numeric(logged, errors="coerce").astype("float64")
    is_bad = ~((numbers > 0) & (numbers <= 1))
    if are_too_many(int(is_bad.sum()), len(numbers), may_be):
        raise SourceError(
            f"{where}: column {logged.name} holds {logged[is_bad].iloc[0]!r} ({int(is_bad.sum())} such rows), which is "
            "no probability of a logged action. Write how probable the logged action was when it was drawn, in (0, 1]."
        )
    return numbers.mask(is_bad)


def _is_kept(cases: pd.DataFrame, propensity: str) -> np.ndarray:
    """Which cases are kept, bool (n,): a fixed draw of each case, the same in every run."""
    chances = cases[propensity]
    chance = (chances.groupby(cases[LOGGED]).transform("min") / chances).to_numpy()
    if chance.min(initial=1.0) > 1 - 1e-9:
        return np.ones(len(chance), dtype=bool)
    names = cases["entity_id"].str.cat(cases[RECORDED].astype("int64").astype("str"), sep="@")
    draws = [int.from_bytes(hashlib.blake2b(one.encode(), digest_size=7).digest(), "big") for one in names]
    return np.array(draws, dtype=np.float64) * 2.0**-56 < chance
