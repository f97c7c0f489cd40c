"""Recorded cases of a replay: which decision of the loop meets which recorded one, and when it sees the outcome."""

from __future__ import annotations

import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.predict.text import as_text
from decisionloop.sources.base import HAPPENED
from decisionloop.sources.history import History
from decisionloop.sources.tables import happened_times, outcome_values

RECORDED, SEEN = "recorded_at", "seen_at"


def meet(decided: pd.DataFrame, cases: pd.DataFrame, covers_days: float) -> pd.DataFrame:
    """Each decision beside the recorded case that it decided; decisions without one are left out.

    Args:
        decided: decision_id, entity_id, as_of, action.
        cases: entity_id, ``recorded_at`` and ``seen_at`` (UTC), ``happened_at`` if it is known, and what else was
            recorded.

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


def happened_in(use_case: UseCase, rows: pd.DataFrame, where: str) -> dict[str, pd.Series]:
    """The column ``happened_at`` of recorded cases; empty where the contract names none."""
    happened = happened_times(use_case, rows, where)
    return {} if happened is None else {HAPPENED: happened}


def recorded_truth(use_case: UseCase, history: History, cases: pd.DataFrame, where: str) -> pd.DataFrame:
    """Every recorded case that the replay's calendar decides: entity_id, as_of, outcome_class, amount.

    Of several cases of an entity in one window it is the latest, as in :func:`meet`. The index is that of ``cases``.
    """
    as_of = history.decided_at(cases[RECORDED], use_case.schedule)
    keys = pd.DataFrame({"entity_id": cases["entity_id"], "as_of": as_of, RECORDED: cases[RECORDED]})
    decided = keys[as_of.notna()].sort_values(RECORDED, kind="stable")
    latest = decided.drop_duplicates(["entity_id", "as_of"], keep="last")
    return latest.drop(columns=RECORDED).join(outcome_values(use_case, cases, where)).sort_index()
