"""What another system decided about the people of a batch, held against the contract: `mode: observe`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.act.policy import Choice
from decisionloop.contract import UseCase

LEGACY = "legacy"
"""The role of a decision that another system made."""
NO_ACTION = "legacy: no action"
UNKNOWN_ACTION = "legacy: unknown action"
SEVERAL_ACTIONS = "legacy: several actions at once"
BAD_PROPENSITY = "legacy: no propensity in (0, 1]"
REMEDIES = {
    NO_ACTION: "Let the other system's table say for everybody who is due what was done, in covers_days before the "
    "batch; run the batch after that system has decided.",
    UNKNOWN_ACTION: "Declare the action in the contract (a new version), or write it by the name that it has there.",
    SEVERAL_ACTIONS: "Leave one decision an entity and time in the other system's table.",
    BAD_PROPENSITY: "Write how probable the logged action was when it was drawn, in (0, 1]; or leave `propensity` "
    "empty in the contract, where nobody knows.",
}
"""What can be wrong with the decision about somebody, and what to do."""


@dataclass(frozen=True, eq=False)
class LegacyActions:
    """What was decided about n entities.

    ``action`` (n,): index in contract order, -1 where it cannot be told. ``propensity`` (n,): its probability, NaN
    where nobody knows it. ``fault`` (n,): why it cannot be told, of `REMEDIES`; "" where it can.
    ``written`` (n,): what was written for the action, None where nothing was.
    """

    action: np.ndarray
    propensity: np.ndarray
    fault: np.ndarray
    written: np.ndarray


def legacy_actions(use_case: UseCase, entity_ids: np.ndarray, said: pd.DataFrame) -> LegacyActions:
    """The decision about each of ``entity_ids`` (n,): its last one in ``said``.

    ``said``: the entity key, ``action`` and ``decided_at`` and, where it is known, ``propensity`` (text, as written).
    """
    key, knows_chance = use_case.entity.key, "propensity" in said.columns
    columns = ["action", "propensity"] if knows_chance else ["action"]
    rows = said.sort_values("decided_at", kind="stable")
    newest = rows[rows["decided_at"] == rows.groupby(key)["decided_at"].transform("max")]
    newest = newest.drop_duplicates([key, *columns])
    several = set(newest.loc[newest[key].duplicated(keep=False), key])
    by_entity = newest.drop_duplicates(key, keep="last").set_index(key)[columns].reindex(entity_ids)
    written = by_entity["action"].astype(object).where(by_entity["action"].notna(), None).to_numpy(dtype=object)
    action = pd.Index(use_case.action_names).get_indexer(pd.Index(written, dtype=object))
    propensity = np.full(len(entity_ids), np.nan)
    is_chance = np.ones(len(entity_ids), dtype=bool)
    if knows_chance:
        propensity = pd.to_numeric(by_entity["propensity"], errors="coerce").to_numpy(dtype=np.float64)
        is_chance = (propensity > 0) & (propensity <= 1)
    is_blank = np.array([one is None for one in written], dtype=bool)
    is_several = np.array([one in several for one in entity_ids], dtype=bool)
    fault = np.select(
        [is_several, is_blank, action < 0, ~is_chance],
        [SEVERAL_ACTIONS, NO_ACTION, UNKNOWN_ACTION, BAD_PROPENSITY],
        default="",
    ).astype(object)
    return LegacyActions(np.asarray(action, dtype=np.int64), np.where(is_chance, propensity, np.nan), fault, written)


def observed_choice(
    use_case: UseCase, done: tuple[np.ndarray, np.ndarray], values: np.ndarray, fallback_reason: np.ndarray
) -> Choice:
    """What was ``done`` (actions and propensities, (n,) each) as a choice, which the loop has not made.

    ``values`` (n, A): money that the champion expects, NaN where it cannot say. ``fallback_reason`` (n,): text where a
    row's features are at fault, else None.
    """
    action, propensity = done
    n = len(action)
    taken = np.maximum(action, 0)
    return Choice(
        action=taken,
        propensity=propensity,
        propensities=np.empty((n, 0)),
        role=np.full(n, LEGACY, dtype=object),
        expected_value=values[np.arange(n), taken],
        fallback_reason=fallback_reason,
        prices=(),
        is_outside=np.zeros(n, dtype=bool),
        is_on_trial=np.zeros(n, dtype=bool),
    )
