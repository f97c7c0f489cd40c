"""Recorded cases of a replay: which decision of the loop meets which recorded one, and when it sees the outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.predict.text import as_text
from decisionloop.predict.unreadable import is_unreadable
from decisionloop.sources.base import HAPPENED
from decisionloop.sources.cells import is_text, without_missing
from decisionloop.sources.columns import times_told
from decisionloop.sources.history import History
from decisionloop.sources.tables import happened_told, outcome_column_names, outcome_values

RECORDED, SEEN, UNREAD = "recorded_at", "seen_at", "has an unreadable time"


def meet(decided: pd.DataFrame, cases: pd.DataFrame, covers_days: float) -> pd.DataFrame:
    """Each decision beside the recorded case that it decided; decisions without one are left out.

    Args:
        decided: decision_id, entity_id, as_of, action.
        cases: entity_id, ``recorded_at`` and ``seen_at`` (UTC), ``happened_at`` if it is known, and what else was
            recorded (:func:`recorded_cases`).

    A batch decides those who fell due in the ``covers_days`` up to its as-of, so the case is the entity's latest
    one in that window. The outcome keeps its delay: it is seen as long after the decision as it was after the
    recorded one, and happened likewise. Returns the columns of both, with these times so moved.
    """
    asked = decided.assign(
        entity_id=as_text(decided["entity_id"]),
        as_of=pd.to_datetime(decided["as_of"], utc=True).dt.as_unit("us"),
    )
    met = pd.merge_asof(
        asked.sort_values("as_of", kind="stable"),
        cases.sort_values(RECORDED, kind="stable"),
        left_on="as_of",
        right_on=RECORDED,
        by="entity_id",
        direction="backward",
        tolerance=pd.Timedelta(days=covers_days),
    )
    met = met[met[RECORDED] > met["as_of"] - pd.Timedelta(days=covers_days)]
    moved = [name for name in (SEEN, HAPPENED) if name in met]
    return met.assign(**{name: met["as_of"] + (met[name] - met[RECORDED]) for name in moved})


def still_open(decided: pd.DataFrame) -> pd.DataFrame:
    """Decisions of which no outcome is recorded yet: all that a world needs which never takes an outcome back."""
    return decided[~decided["has_outcome"].astype(bool)] if "has_outcome" in decided else decided


def recorded_cases(
    use_case: UseCase, rows: pd.DataFrame, where: str, keys: tuple[pd.Series, pd.Series], outcome_time: str
) -> pd.DataFrame:
    """The cases of a table's ``rows``: entity_id, recorded_at, seen_at, happened_at, outcome, and which are unread.

    ``keys``: entity and time of each; a row without one is no case. Of a case with a time of its outcome that nobody
    can read, nobody knows when it was seen. An outcome that nobody can read stays as it is written.
    """
    entity, recorded = keys
    seen_at, is_bad = times_told(rows[outcome_time], where)
    is_bad |= is_unreadable(rows, outcome_time)
    happened_at, is_none = happened_told(use_case, rows, where)
    is_bad |= is_none
    columns = {"entity_id": entity, RECORDED: recorded, SEEN: seen_at.mask(is_bad), UNREAD: is_bad}
    if happened_at is not None:
        columns[HAPPENED] = happened_at
    outcomes = rows[list(outcome_column_names(use_case))].apply(_known)
    return pd.DataFrame(columns).join(outcomes)[entity.notna() & recorded.notna()]


def _known(cells: pd.Series) -> pd.Series:
    return without_missing(cells) if is_text(cells) else cells


def shown_by(met: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Those of :func:`meet` that were seen by ``as_of``, and those of which nobody can read when: they are refused."""
    return met[(met[SEEN] <= as_of) | met[UNREAD]]


def recorded_truth(use_case: UseCase, history: History, cases: pd.DataFrame, where: str) -> pd.DataFrame:
    """Every recorded case that the replay's calendar decides: entity_id, as_of, outcome_class, amount.

    Of several cases of an entity in one window it is the latest, as in :func:`meet`. What nobody can read is left
    out. The index is that of ``cases``.
    """
    as_of = history.decided_at(cases[RECORDED], use_case.schedule)
    keys = pd.DataFrame({"entity_id": cases["entity_id"], "as_of": as_of, RECORDED: cases[RECORDED]})
    decided = keys[as_of.notna()].sort_values(RECORDED, kind="stable")
    latest = decided.drop_duplicates(["entity_id", "as_of"], keep="last").drop(columns=RECORDED)
    truth = latest.join(outcome_values(use_case, cases, where, are_some_bad=True)).sort_index()
    return truth.loc[~np.isinf(truth[["outcome_class", "amount"]].to_numpy()).any(axis=1)]
