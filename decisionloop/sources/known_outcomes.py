"""Outcomes that a source has of everybody who would be decided, whenever they happened and however late they came."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.code import UseCaseCode
from decisionloop.contract.cron import due_times_until
from decisionloop.contract.section import CENTURY
from decisionloop.observe.matching import happened_at, match_decisions, utc_microseconds
from decisionloop.observe.maturity import due_days
from decisionloop.observe.several_rows import SeveralRows, several_rows
from decisionloop.predict.features import build_frame
from decisionloop.sources.base import DECIDED_COLUMNS, Source
from decisionloop.sources.delays import OutcomeDelays
from decisionloop.sources.legacy_findings import observed_decisions

_TURNS = 60
_DECISIONS = 40_000
"""So many tell shares of outcomes well enough; more people are thinned out evenly, turn by turn."""


@dataclass(frozen=True, eq=False)
class AskedOutcomes:
    """What a source shows by ``as_of`` of the decisions ``decided``: ``shown`` as it says it, whether each row of it
    ``is_read``, and what is ``known`` of these decisions; None where there is no decision, or no outcome."""

    as_of: pd.Timestamp
    decided: pd.DataFrame
    shown: pd.DataFrame
    is_read: np.ndarray
    known: KnownOutcomes | None

    @property
    def readable(self) -> pd.DataFrame:
        """The rows that can be read; some may have no content."""
        return self.shown[self.is_read].reset_index(drop=True)

    @property
    def outcomes(self) -> pd.DataFrame:
        """Those that have a content."""
        return with_content(self.readable)


def asked_outcomes(use_case: UseCase, code: UseCaseCode, source: Source, as_of: pd.Timestamp) -> AskedOutcomes:
    """Ask for the outcomes of everybody who would be decided, as they had been seen by ``as_of``."""
    decided = _would_be_decided(use_case, source, as_of)
    shown = source.outcomes(as_of, decided)
    is_read = is_readable(shown)
    outcomes, known = with_content(shown[is_read].reset_index(drop=True)), None
    if len(outcomes) and len(decided):
        if not source.calendar():  # the ids are those of decisions that were made, not of these
            outcomes = outcomes.assign(decision_id=pd.Series(None, index=outcomes.index, dtype="str"))
        days = _due_days(use_case, code, source, decided)
        known = KnownOutcomes.of(use_case, outcomes, decided, days, as_of)
    return AskedOutcomes(as_of, decided, shown, is_read, known)


def outcome_delays(use_case: UseCase, source: Source, asked: AskedOutcomes) -> OutcomeDelays | None:
    """After how many days outcomes come, by all that the data has of them: those that come last are not cut off.

    Of a replay all that it goes on to watch for; of live data all that there is, from the time that it says itself.
    """
    calendar, maturity = source.calendar(), pd.Timedelta(days=use_case.outcome.maturity_days)
    at = max(asked.as_of, pd.Timestamp.now("UTC"))
    if calendar:
        at = calendar[-1] + maturity + pd.Timedelta(days=use_case.schedule.covers_days)
    shown = source.outcomes(at, asked.decided)
    outcomes = with_content(shown[is_readable(shown)].reset_index(drop=True))
    said = utc_microseconds(outcomes["decision_time"])
    if not calendar and len(outcomes) and not np.isnat(said).any():
        return OutcomeDelays.of((utc_microseconds(outcomes["observed_at"]) - said) / np.timedelta64(1, "D"))
    if outcomes.empty or asked.decided.empty:
        return None
    if not calendar:
        outcomes = outcomes.assign(decision_id=pd.Series(None, index=outcomes.index, dtype="str"))
    known = KnownOutcomes.of(use_case, outcomes, asked.decided, np.zeros(len(asked.decided)), at)
    return OutcomeDelays.of(known.found["waited_days"].to_numpy())


def with_content(shown: pd.DataFrame) -> pd.DataFrame:
    """Those of ``shown`` outcomes that have a class or an amount."""
    return shown[shown[["outcome_class", "amount"]].notna().any(axis=1)]


@dataclass(frozen=True)
class KnownOutcomes:
    """The outcomes of those who would be decided: ``found`` (m,) of one outcome each, and of those without.

    Where rows are added up, ``found`` has each of them. ``several``: who has rows of several times in the window.

    ``found`` has decision (position), outcome_class, amount, waited_days (from decision to seen), happened_days and
    due_days; ``is_mature`` (n,) says which decisions are due at the as-of.
    """

    found: pd.DataFrame
    is_mature: np.ndarray
    several: SeveralRows

    @classmethod
    def of(
        cls, use_case: UseCase, outcomes: pd.DataFrame, decided: pd.DataFrame, days: np.ndarray, as_of: pd.Timestamp
    ) -> KnownOutcomes:
        """Match every outcome with who would be decided, whenever it happened; ``days`` (n,) until each is due."""
        outcome = use_case.outcome.model_copy(update={"window_days": float(CENTURY), "closed_days": None})
        open_ended = use_case.model_copy(update={"outcome": outcome})
        position = match_decisions(outcomes, decided, open_ended, as_of.to_pydatetime()).decision
        rows, place = outcomes[position >= 0], position[position >= 0]
        made, seen = utc_microseconds(decided["as_of"])[place], utc_microseconds(rows["observed_at"])
        found = pd.DataFrame(
            {
                "decision": place,
                "outcome_class": rows["outcome_class"].to_numpy(),
                "amount": rows["amount"].to_numpy(),
                "waited_days": (seen - made) / np.timedelta64(1, "D"),
                "happened_days": (happened_at(rows) - made) / np.timedelta64(1, "D"),
                "due_days": days[place],
            }
        )
        age = (as_of - pd.to_datetime(decided["as_of"], utc=True)) / pd.Timedelta(days=1)
        is_mature, found = age.to_numpy() >= days, found.sort_values("waited_days")
        counts = (found["happened_days"] <= use_case.outcome.window_days).to_numpy()
        several = several_rows(*(found[one].to_numpy()[counts] for one in ("decision", "waited_days", "amount")))
        return cls(found if use_case.outcome.are_rows_added else found.drop_duplicates("decision"), is_mature, several)


def is_readable(outcomes: pd.DataFrame) -> np.ndarray:
    """Which outcomes (n,) have a time, and no part that nobody can read: the intake refuses the others."""
    parts = outcomes[["outcome_class", "amount"]].to_numpy(dtype=np.float64, na_value=np.nan)
    return outcomes["observed_at"].notna().to_numpy() & ~np.isinf(parts).any(axis=1)


def _would_be_decided(use_case: UseCase, source: Source, as_of: pd.Timestamp) -> pd.DataFrame:
    """Decisions of everyone due at every turn of a replay, or at the last ones of live data, under revealing actions.

    Of a replay under every such action, as it wants to know them; live data shows what it shows.
    """
    moments = source.calendar()
    revealing = [action.name for action in use_case.actions if action.reveals_outcome]
    if not moments:
        due = islice(due_times_until(use_case.schedule, as_of.to_pydatetime()), _TURNS)
        moments, revealing = tuple(pd.Timestamp(moment) for moment in due), revealing[:1]
    parts = [pd.DataFrame({name: pd.Series(dtype="str") for name in DECIDED_COLUMNS})]
    most = max(1, _DECISIONS // max(1, len(moments) * len(revealing)))
    for moment in moments:
        due_now = source.due(moment, use_case.schedule.covers_days)[use_case.entity.key].to_numpy()
        due_now = due_now[:: max(1, len(due_now) // most)]
        if use_case.is_observing:
            parts.append(_observed(use_case, source, moment, due_now))
            continue
        for name in revealing:
            ids = [f"{one}@{moment.isoformat()}/{name}" for one in due_now]
            columns = {"decision_id": ids, "entity_id": due_now, "as_of": moment, "action": name, "has_outcome": False}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _observed(use_case: UseCase, source: Source, moment: pd.Timestamp, due_now: np.ndarray) -> pd.DataFrame:
    """What another system decided about them, where that shows an outcome."""
    done = observed_decisions(use_case, source, moment, due_now)
    shown = np.isin(done, [action.name for action in use_case.actions if action.reveals_outcome])
    ids = [f"{one}@{moment.isoformat()}" for one in due_now[shown]]
    columns = {"decision_id": ids, "entity_id": due_now[shown], "as_of": moment, "action": done[shown]}
    return pd.DataFrame({**columns, "has_outcome": False})


def _due_days(use_case: UseCase, code: UseCaseCode, source: Source, decided: pd.DataFrame) -> np.ndarray:
    """After how many days the outcome of each of the n decisions falls due (n,)."""
    days = np.full(len(decided), use_case.outcome.maturity_days)
    if not use_case.outcome.due:
        return days
    for moment, rows in decided.groupby("as_of").indices.items():
        as_of, ids = pd.Timestamp(str(moment)), decided["entity_id"].to_numpy()[rows]
        entities = pd.DataFrame({use_case.entity.key: pd.unique(ids)})
        known = source.known(entities, as_of)
        frame = build_frame(use_case, code.features, known, entities, as_of, source.time_column)
        of_entity = pd.Series(due_days(use_case, frame), index=frame[use_case.entity.key].to_numpy())
        days[rows] = of_entity.reindex(ids).fillna(use_case.outcome.maturity_days).to_numpy()
    return days
