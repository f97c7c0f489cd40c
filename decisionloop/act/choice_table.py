"""A choice as a table, and back: what of it is kept between choosing and logging."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from decisionloop.act.action_names import actions_by_index, actions_by_name
from decisionloop.act.policy import Choice
from decisionloop.contract import UseCase
from decisionloop.predict.arrow_values import encoded_texts, texts_of

OUTSIDE = "is_outside_support"
ON_TRIAL = "is_on_trial"
CHANCE = "propensity:"
"""How a column begins that holds the chance of an action, chosen or not; its name follows."""


def choice_table(use_case: UseCase, choice: Choice) -> pa.Table:
    """What of a choice is logged, and the chance of every action; the prices are the batch's."""
    each = zip(use_case.action_names, choice.propensities.T, strict=False)  # one that was read back knows none
    return pa.table(
        {
            "action": actions_by_name(use_case, choice.action),
            "propensity": choice.propensity,
            "role": encoded_texts(choice.role),
            "expected_value": choice.expected_value,
            "fallback_reason": encoded_texts(choice.fallback_reason),
            OUTSIDE: choice.is_outside,
            ON_TRIAL: choice.is_on_trial,
            **{f"{CHANCE}{name}": np.ascontiguousarray(chance) for name, chance in each},
        }
    )


def choice_of_table(use_case: UseCase, table: pa.Table) -> Choice:
    """A stored choice; the propensities of what was not chosen are left where they are."""
    return Choice(
        action=actions_by_index(use_case, table["action"]),
        propensity=table["propensity"].to_numpy(),
        propensities=np.empty((len(table), 0)),
        role=texts_of(table["role"]),
        expected_value=table["expected_value"].to_numpy(),
        fallback_reason=texts_of(table["fallback_reason"]),
        prices=(),
        is_outside=flags_of(table, OUTSIDE),
        is_on_trial=flags_of(table, ON_TRIAL),
    )


def flags_of(table: pa.Table, name: str) -> np.ndarray:
    """What a choice says of its rows (n,); one stored before there was such a column says nothing."""
    if name not in table.column_names:
        return np.zeros(len(table), dtype=bool)
    return table[name].to_numpy()
