"""Does a feature know the outcome? Features of tried batches beside the outcomes that the source has of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.observe.matching import match_decisions
from decisionloop.sources.base import Source
from decisionloop.sources.tried_batches import TriedBatch


def leak_findings(
    use_case: UseCase, source: Source, tried: Sequence[TriedBatch], seen_by: pd.Timestamp
) -> Iterator[str]:
    """A warning for every feature that alone ranks the outcomes seen by ``seen_by`` too well (`learn.leak`).

    Outcomes are matched as they would be when they are taken in.
    """
    from decisionloop.learn.leak import single_feature_aucs, telling_alone

    if use_case.outcome.class_ is None or not any(len(batch.frame) for batch in tried):
        return
    decided = decided_of_tried(use_case, tried, is_replay=bool(source.calendar()))
    outcome = _outcomes_of(use_case, decided, source.outcomes(seen_by, decided), seen_by, bool(source.calendar()))
    everyone = pd.concat([batch.frame for batch in tried], ignore_index=True)
    is_known = outcome.notna().to_numpy()
    if not is_known.any():
        return
    known = everyone.loc[is_known].reset_index(drop=True)
    entity = known[use_case.entity.key].to_numpy(dtype=object)
    label = outcome[is_known].to_numpy(dtype=np.float64)
    yield from telling_alone(single_feature_aucs(use_case.model_inputs, known, label, entity))


def decided_of_tried(use_case: UseCase, tried: Sequence[TriedBatch], is_replay: bool) -> pd.DataFrame:
    """Decisions of everyone of the tried batches, in their order; ``row`` counts the people.

    Of a replay under every revealing action, as it wants to know them; live data shows what it shows.
    """
    revealing = [action.name for action in use_case.actions if action.reveals_outcome]
    parts, first = [], 0
    for batch in tried:
        entity = batch.frame[use_case.entity.key].to_numpy(dtype=object)
        for name in revealing if is_replay else revealing[:1]:
            columns = {
                "decision_id": [f"{one}@{batch.as_of.isoformat()}/{name}" for one in entity],
                "entity_id": entity,
                "as_of": batch.as_of,
                "action": name,
                "has_outcome": False,
                "row": np.arange(first, first + len(entity)),
            }
            parts.append(pd.DataFrame(columns))
        first += len(entity)
    return pd.concat(parts, ignore_index=True)


def _outcomes_of(
    use_case: UseCase, decided: pd.DataFrame, outcomes: pd.DataFrame, seen_by: pd.Timestamp, is_replay: bool
) -> pd.Series:
    """The class (by row of the tried batches) of whatever outcome would be taken in; NaN where there is none."""
    if not is_replay:  # the ids are those of decisions that were made, not of these
        outcomes = outcomes.assign(decision_id=pd.Series(None, index=outcomes.index, dtype="str"))
    position = match_decisions(outcomes, decided, use_case, seen_by.to_pydatetime()).decision
    rows = decided["row"].to_numpy()[position[position >= 0]]
    found = pd.Series(outcomes["outcome_class"].to_numpy(dtype=np.float64)[position >= 0], index=rows)
    of_row = found.groupby(level=0)
    one = of_row.max() if use_case.outcome.are_rows_added else of_row.first()
    return one.reindex(range(int(decided["row"].max()) + 1))
