"""Rows of outcomes that are parts, such as instalments: each tells the total of its decision's rows seen by then."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.observe.matching import numbers, utc_microseconds
from decisionloop.observe.revisions import SAID

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
