"""Does a feature know the outcome? Features of tried batches beside the outcomes that the source has of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.sources.base import Source
from decisionloop.sources.tried_batches import TriedBatch


def leak_findings(
    use_case: UseCase, source: Source, tried: Sequence[TriedBatch], seen_by: pd.Timestamp
) -> Iterator[str]:
    """A warning where one feature alone ranks the outcomes seen by ``seen_by`` too well (`learn.leak`).

    An outcome is that of the decision that it names, or of its entity at that time; others are left alone.
    """
    from decisionloop.learn.leak import leak_warning, single_feature_aucs

    if use_case.outcome.class_ is None:
        return
    decided = _decided(use_case, tried)
    outcome = _outcomes_of(decided, source.outcomes(seen_by, decided))
    everyone = pd.concat([batch.frame for batch in tried], ignore_index=True)
    is_known = outcome.notna().to_numpy()
    if not is_known.any():
        return
    known = everyone.loc[is_known].reset_index(drop=True)
    entity = known[use_case.entity.key].to_numpy(dtype=object)
    label = outcome[is_known].to_numpy(dtype=np.float64)
    warning = leak_warning(None, single_feature_aucs(use_case.model_inputs, known, label, entity))
    if warning:
        yield warning


def _decided(use_case: UseCase, tried: Sequence[TriedBatch]) -> pd.DataFrame:
    """Decisions that take every action for everyone of the tried batches, in their order; ``row`` counts the people."""
    parts, first = [], 0
    for batch in tried:
        entity = batch.frame[use_case.entity.key].to_numpy(dtype=object)
        rows = np.arange(first, first + len(entity))
        for name in use_case.action_names:
            ids = [f"{one}@{batch.as_of.isoformat()}/{name}" for one in entity]
            part = {"decision_id": ids, "entity_id": entity, "as_of": batch.as_of, "action": name, "row": rows}
            parts.append(pd.DataFrame(part))
        first += len(entity)
    return pd.concat(parts, ignore_index=True)


def _outcomes_of(decided: pd.DataFrame, outcomes: pd.DataFrame) -> pd.Series:
    """The class (by row of the tried batches) of whatever outcome can be matched; NaN where there is none."""
    people = decided.drop_duplicates("row").sort_values("row").set_index("row")
    known = outcomes.loc[outcomes["outcome_class"].notna()].sort_values("observed_at", kind="stable")
    named = known.drop_duplicates("decision_id").set_index("decision_id")["outcome_class"]
    by_id = decided.assign(found=decided["decision_id"].map(named)).groupby("row")["found"].first()
    timed = known[known["decision_time"].notna()].drop_duplicates(["entity_id", "decision_time"])
    keys = pd.MultiIndex.from_frame(timed[["entity_id", "decision_time"]].astype({"entity_id": object}))
    at = pd.MultiIndex.from_arrays([people["entity_id"].astype(object), people["as_of"]])
    by_time = pd.Series(timed["outcome_class"].to_numpy(dtype=np.float64), keys).reindex(at).to_numpy()
    found = by_id.reindex(people.index).astype(np.float64).to_numpy()
    return pd.Series(np.where(np.isnan(found), by_time, found), people.index)
