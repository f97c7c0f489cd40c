"""Which of the contract's minimums the data can never reach, so that no model would be trained, judged or tried."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.sources.base import Source
from decisionloop.sources.outcome_findings import is_readable
from decisionloop.sources.tried_batches import TriedBatch

_LONG = 10
"""So many batches to a first answer of the gate, were every outcome to count in full, are worth saying beforehand."""

_SURELY = 2.0
"""Prices by mean outcomes are rough: said only where even so many budgets of a batch buy no exploration."""
_ENOUGH_TO_COUNT = 40_000
"""Of more people outcomes are not counted by class: a class would have to be rarer than one in hundreds."""


def reach_findings(
    use_case: UseCase, source: Source, tried: Sequence[TriedBatch], seen_by: pd.Timestamp
) -> Iterator[str]:
    """Each finding with the number that is needed and the number that is there.

    A replay's people are counted, for it has an end; of live data more may come, and its batches alone are judged.
    """
    yield from _training(use_case, source, seen_by)
    yield from _gate(use_case, int(np.median([len(batch.frame) for batch in tried])))
    if use_case.is_observing:  # nothing is explored
        return
    yield from _exploring(use_case, source, tried, seen_by)


def _training(use_case: UseCase, source: Source, seen_by: pd.Timestamp) -> Iterator[str]:
    moments, covers = source.calendar(), use_case.schedule.covers_days
    if not moments:
        return
    people, needed = sum(len(source.due(moment, covers)) for moment in moments), use_case.monitors.minimum_outcomes
    if people < needed:
        yield (
            f"All batches of the source have {people:,} people, and monitors.minimum_outcomes needs {needed:,} mature "
            "outcomes before any training: no model would ever be trained. Bring more data, or lower it."
        )
        return
    if people > _ENOUGH_TO_COUNT:
        return
    shown = source.outcomes(seen_by, _decided(use_case, source, moments))
    shown = shown[is_readable(shown)]
    known = shown["decision_id"].dropna().astype("str")
    by_action = known.str.rsplit("/", n=1).str[-1].value_counts()  # as `_decided` names them
    most = int(by_action.max()) if len(by_action) else 0
    if 0 < most < needed and not use_case.outcome.means_zero_when_absent:
        yield (
            f"Whatever is done, at most {most:,} outcomes are seen by the last batch ({seen_by:%Y-%m-%d}), and "
            f"monitors.minimum_outcomes needs {needed:,} before any training: no model would be trained by then. "
            "Bring more data, or lower it."
        )
    recorded = shown["outcome_class"].dropna()
    rarer, events = int(min((recorded == 1).sum(), (recorded == 0).sum())), use_case.monitors.minimum_events
    is_known = use_case.outcome.class_ is not None and not use_case.outcome.means_zero_when_absent and len(recorded)
    if is_known and 0 < rarer < events:
        yield (
            f"Of the outcomes seen by the last batch ({seen_by:%Y-%m-%d}), {rarer:,} are of the rarer class, and "
            f"monitors.minimum_events needs {events:,} before any training: no model would ever be trained. "
            "Bring more data, or lower it."
        )


def _gate(use_case: UseCase, people: int) -> Iterator[str]:
    needed = use_case.gate.minimum_effective_n
    batches = math.ceil(needed / max(1, people))
    if batches > _LONG:
        yield (
            f"A batch has {people:,} people, and the gate answers from gate.minimum_effective_n ({needed:g}) effective "
            f"outcomes: {batches} batches at the very least, were every outcome to count in full. Decide more at a "
            "time (schedule), or lower it."
        )


def _exploring(use_case: UseCase, source: Source, tried: Sequence[TriedBatch], seen_by: pd.Timestamp) -> Iterator[str]:
    """Whether the budget of a usual batch buys one exploration, valued by what outcomes are on the average.

    Only where every action shows its outcome: else those whom the rules act on are others than the average.
    """
    exploration = use_case.policy.exploration
    is_average = all(action.reveals_outcome for action in use_case.actions)
    if exploration.kind != "priced" or exploration.is_off or not is_average:
        return
    recorded = source.outcomes(seen_by, _decided(use_case, source, [batch.as_of for batch in tried]))
    recorded = recorded[is_readable(recorded)]
    if recorded.empty:
        return
    of_batches = [_value_and_price(use_case, batch, recorded) for batch in tried if len(batch.frame)]
    value, price = np.median(np.array(of_batches).reshape(-1, 2), axis=0) if of_batches else (0.0, 0.0)
    budget, unit = max(0.0, exploration.budget(float(value))), use_case.economics.currency
    if price > 0 and _SURELY * budget < price:
        yield (
            f"Exploring one person is expected to cost {price:.3g} {unit}, and the budget of a batch "
            f"(policy.exploration) comes to {budget:.3g} {unit}: it buys less than one a batch, and hardly "
            "anything would be learnt of other actions. Raise budget_share, or set budget_money."
        )


def _value_and_price(use_case: UseCase, batch: TriedBatch, recorded: pd.DataFrame) -> tuple[float, float]:
    """Money that the batch brings under the rules, and that its cheapest other action loses a person."""
    each = np.stack([_mean_money(use_case, batch.frame, i, recorded) for i in range(len(use_case.actions))], axis=1)
    rows = np.arange(len(batch.frame))
    chosen = each[rows, batch.action]
    is_open = np.ones(each.shape, dtype=bool)
    is_open[rows, batch.action] = False
    loss = np.where(is_open, chosen[:, None] - each, np.inf).min(axis=1)
    loss = np.clip(loss[np.isfinite(loss)], 0, None)
    return float(np.nansum(chosen)), float(np.median(loss)) if len(loss) else 0.0


def _mean_money(use_case: UseCase, frame: pd.DataFrame, action: int, recorded: pd.DataFrame) -> np.ndarray:
    """Money (n,) of an action, every row having the mean outcome of those recorded."""
    index, money = np.full(len(frame), action), np.zeros(len(frame))
    classes = recorded["outcome_class"].to_numpy(dtype=np.float64, na_value=np.nan)
    amounts = recorded["amount"].to_numpy(dtype=np.float64, na_value=np.nan)
    kinds = (0.0, 1.0) if use_case.outcome.class_ is not None else (None,)
    for kind in kinds:
        is_kind = np.ones(len(classes), dtype=bool) if kind is None else classes == kind
        share = float(is_kind.mean()) if kind is None else float(is_kind.sum() / max(1, np.isfinite(classes).sum()))
        if not share:
            continue
        known = amounts[is_kind & np.isfinite(amounts)]
        amount = None if use_case.outcome.amount is None else np.full(len(frame), known.mean() if len(known) else 0.0)
        outcome = None if kind is None else np.full(len(frame), kind)
        money += share * realised_values(use_case, frame, index, outcome, amount)
    return money


def _decided(use_case: UseCase, source: Source, moments: Sequence[pd.Timestamp]) -> pd.DataFrame:
    """Decisions of everybody due at ``moments`` under every revealing action, as a replay wants to know them."""
    parts = []
    for moment in moments:
        entity = source.due(moment, use_case.schedule.covers_days)[use_case.entity.key].to_numpy(dtype=object)
        for action in use_case.actions:
            if action.reveals_outcome:
                columns = {
                    "decision_id": [f"{one}@{moment.isoformat()}/{action.name}" for one in entity],
                    "entity_id": entity,
                    "as_of": moment,
                    "action": action.name,
                    "has_outcome": False,
                }
                parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
