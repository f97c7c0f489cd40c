"""Rows of outcomes that are parts, such as instalments: each tells the total of its decision's rows seen by then."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.observe.matching import numbers, utc_microseconds
from decisionloop.observe.revisions import SAID, RevisionVerdicts

COPY = "is_copy"
"""A further column of outcomes whose rows are added up: True where another row of the table says the same in every
column, so that it is told twice and counts once."""
WAS_READ = "was_read"
"""A further column of outcomes whose rows are added up: True where a row was read before, and is needed for a total."""
POSTED = (
    "its amount was posted, and only rows of the source are added up (outcome.amount.rows: sum); put it into the source"
)


def running_totals(outcomes: pd.DataFrame, decision: np.ndarray) -> pd.DataFrame:
    """The outcomes (n rows), each with the total of the rows of its ``decision`` (n,; -1: none) seen by its time.

    Rows seen at the same time tell the same: the total after all of them, so their order is of no matter. A copy
    (`COPY`) adds nothing. A class is yes from the first yes on.
    """
    is_part = (decision >= 0) & ~marked(outcomes, COPY)
    every = pd.DataFrame(
        {
            "decision": decision,
            "seen": utc_microseconds(outcomes["observed_at"]),
            "amount": np.where(is_part, numbers(outcomes["amount"]), 0.0),
            "outcome_class": np.where(is_part, numbers(outcomes["outcome_class"]), -np.inf),
        }
    )
    every = every.sort_values("amount")  # whatever the order of rows, the same sum to the last digit
    of_time = every[every["decision"] >= 0].groupby(["decision", "seen"]).agg({"amount": "sum", "outcome_class": "max"})
    of_decision = of_time.groupby(level="decision")
    told = pd.DataFrame({"amount": of_decision["amount"].cumsum(), "class": of_decision["outcome_class"].cummax()})
    matched = np.flatnonzero(decision >= 0)
    keys = pd.MultiIndex.from_arrays([decision[matched], utc_microseconds(outcomes["observed_at"])[matched]])
    amounts, classes = (numbers(outcomes[name]).copy() for name in ("amount", "outcome_class"))
    place = told.index.get_indexer(keys)
    amounts[matched] = told["amount"].to_numpy()[place]
    classes[matched] = told["class"].to_numpy()[place]
    return outcomes.assign(amount=amounts, outcome_class=classes)


def with_what_is_filed_away(rows: pd.DataFrame, shown: np.ndarray) -> pd.DataFrame:
    """The history (m rows) with totals that go on from what is recorded of before anything is shown.

    An export of the last weeks leaves out the old parts of everybody, and they were paid all the same. ``rows``: as
    `revisions.in_order` gives them, of totals of what is shown. ``shown``: when all rows of the source were seen (n,).
    """
    since = shown[~np.isnat(shown)].min()
    is_recorded = rows["is_recorded"].to_numpy()
    known = _in_force(rows[is_recorded])
    gone = known[known["observed_at"] < since].groupby("decision")[["amount", "outcome_class"]].last()
    before = gone.replace(-np.inf, np.nan).reindex(rows["decision"])
    paid, told = before["amount"].fillna(0.0).to_numpy(), before["outcome_class"].fillna(-np.inf).to_numpy()
    return rows.assign(
        amount=rows["amount"] + np.where(is_recorded, 0.0, paid),
        outcome_class=np.where(is_recorded, rows["outcome_class"], np.maximum(rows["outcome_class"], told)),
    )


def total_verdicts(rows: pd.DataFrame, content: tuple[str, ...]) -> RevisionVerdicts:
    """Judge m rows of totals beside what is recorded: from the first time on of which another total is recorded, each
    total is told anew, in the order of time. So a look at any day finds the total of what had been seen by then.

    ``rows``: as `revisions.in_order` gives them. What disappeared changes nothing by itself.
    """
    is_recorded = rows["is_recorded"].to_numpy()
    told = rows[~is_recorded].drop_duplicates(["decision", "observed_at"]).sort_values("observed_at", kind="stable")
    known = _in_force(rows[is_recorded])[["decision", "observed_at", *content]]
    beside = pd.merge_asof(told[["decision", "observed_at"]], known, on="observed_at", by="decision")
    theirs, own = beside[list(content)].to_numpy(), told[list(content)].to_numpy()
    differs = pd.Series((theirs != own).any(axis=1), index=told.index)  # NaN where nothing is recorded: it differs
    is_anew = differs.groupby(told["decision"]).cummax()
    before = told.groupby("decision")[list(content)].shift()
    is_first = is_anew & ~is_anew.groupby(told["decision"]).shift(fill_value=False)
    is_kept = is_anew & (is_first | (before.to_numpy() != own).any(axis=1))
    base = rows.groupby("decision")["revision"].max()
    revision = told["decision"].map(base) + is_kept.groupby(told["decision"]).cumsum()
    times = pd.MultiIndex.from_frame(rows[["decision", "observed_at"]])
    stands = pd.MultiIndex.from_frame(told.loc[~is_anew, ["decision", "observed_at"]])
    none = np.zeros(len(rows), dtype=bool)
    return RevisionVerdicts(
        is_kept=is_kept.reindex(rows.index, fill_value=False).to_numpy(dtype=bool),
        revision=revision.reindex(rows.index, fill_value=0).to_numpy(dtype=np.int64),
        is_read_again=~is_recorded & times.isin(stands) & times.isin(times[is_recorded]),
        is_duplicate=none,
        is_superseded=none,
        is_last=none,
    )


def _in_force(recorded: pd.DataFrame) -> pd.DataFrame:
    """The recorded revisions that a look at some day still finds, by time: no later one tells of as early a time."""
    newest = recorded.sort_values("revision", ascending=False, kind="stable")
    sooner = newest.groupby("decision")["observed_at"].cummin().groupby(newest["decision"]).shift()
    return newest[sooner.isna() | (newest["observed_at"] < sooner)].sort_values("observed_at", kind="stable")


def are_last(outcomes: pd.DataFrame, decision: np.ndarray) -> np.ndarray:
    """Which outcomes (n,) are the last that was seen of their ``decision`` (n,; -1: none), one of each."""
    order = np.argsort(utc_microseconds(outcomes["observed_at"]), kind="stable")
    in_order = pd.Series(decision[order])
    is_last = np.zeros(len(decision), dtype=bool)
    is_last[order] = ~in_order.duplicated(keep="last").to_numpy()
    return is_last & (decision >= 0)


def are_posted_parts(outcomes: pd.DataFrame) -> np.ndarray:
    """Which outcomes (n,) were posted with an amount: sent again it would be another part, so it is none."""
    if SAID not in outcomes:
        return np.zeros(len(outcomes), dtype=bool)
    amounts = numbers(outcomes["amount"])
    return outcomes[SAID].notna().to_numpy() & ~np.isnan(amounts) & (amounts != 0)


def with_their_other_rows(outcomes: pd.DataFrame, is_new: np.ndarray) -> pd.DataFrame:
    """The new outcomes and all others that may be of the same decisions, which `WAS_READ` says.

    Whoever may be meant: by entity, or by decision; where a row names no entity, all.
    """
    entity, decision = outcomes["entity_id"], outcomes["decision_id"]
    if not is_new.any():
        return outcomes[is_new]
    others = entity.isin(entity[is_new]) | (decision.notna() & decision.isin(decision[is_new].dropna()))
    is_kept = np.ones(len(outcomes), dtype=bool) if entity.isna().any() else is_new | others.to_numpy()
    return outcomes.assign(**{WAS_READ: ~is_new})[is_kept]


def marked(outcomes: pd.DataFrame, name: str) -> np.ndarray:
    """Which outcomes (n,) a further column says is so; none where there is no such column."""
    if name not in outcomes:
        return np.zeros(len(outcomes), dtype=bool)
    return outcomes[name].eq(True).to_numpy(dtype=bool)
