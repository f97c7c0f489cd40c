"""Which logged decisions teach, and with what weight.

The holdout is the referee and never teaches. Decisions that fell back to the rules were not the policy's to
explore, so their unrevealed neighbours can never be represented; they do not teach either. Where the outcome does not
depend on the action nothing was selected: every decision outside the holdout teaches alike, unless its row had a fault.
What another system decided teaches as well; where its propensities are not known, without weights. An outcome belongs
to the action that was executed: it teaches that, or nothing where that reveals none.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.act.situation import is_row_fault
from decisionloop.contract import UseCase
from decisionloop.errors import UsageError
from decisionloop.observe.cohort import is_decided_by_policy
from decisionloop.observe.executed_actions import executed, is_overridden
from decisionloop.observe.off_policy import selection_weights
from decisionloop.predict.release_model import ACTION_COLUMN

MAXIMUM_WEIGHT = 50.0
"""Weights are truncated here: a small bias against a variance without bound."""


@dataclass(frozen=True)
class TrainingSet:
    """Rows that teach. Arrays are aligned with ``frame`` (n rows); ``weight`` has mean 1.

    ``inverse``: of the probability of being revealed, uncapped; ``as_of``: of each row's cohort (datetimes in UTC).
    ``unweighted``: rows of which nobody knows that probability, so that their weight undoes no choice.
    """

    frame: pd.DataFrame
    outcome_class: np.ndarray | None
    amount: np.ndarray | None
    weight: np.ndarray
    entity: np.ndarray
    decision_id: np.ndarray
    effective_n: float
    inverse: np.ndarray | None = None
    as_of: pd.DatetimeIndex | None = None
    unweighted: int = 0

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def training_set_id(self) -> str:
        """A digest of which decisions teach, what they teach and with what weight."""
        columns = pd.DataFrame({"decision_id": self.decision_id, "weight": np.round(self.weight, 9)})
        for name, values in (("outcome_class", self.outcome_class), ("amount", self.amount)):
            columns[name] = values if values is not None else np.nan
        hashes = pd.util.hash_pandas_object(columns, index=False).to_numpy()
        return hashlib.sha256(np.sort(hashes).tobytes()).hexdigest()[:32]

    @property
    def base_rate(self) -> float | None:
        """Weighted share of class 1; None where the outcome has no class."""
        if self.outcome_class is None:
            return None
        return float(np.average(self.outcome_class, weights=self.weight))


def is_revealed(use_case: UseCase, log: pd.DataFrame) -> np.ndarray:
    """True where every part of the outcome that the contract names has been seen. Shape (n,)."""
    revealed = np.ones(len(log), dtype=bool)
    if use_case.outcome.class_:
        revealed &= log["outcome_class"].notna().to_numpy()
    if use_case.outcome.amount:
        revealed &= log["outcome_amount"].notna().to_numpy()
    return revealed


def build_training_rows(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame) -> TrainingSet:
    """Select and weigh the rows that teach.

    Args:
        log: mature decisions with role, action, propensity, fallback_reason and latest outcome, (n,) rows.
        frame: canonical features of the same rows, in the same order.

    Raises UsageError when no row teaches.
    """
    if len(log) != len(frame):
        raise UsageError(f"{len(log)} decisions but {len(frame)} feature rows. Rebuild from the snapshots.")
    reveals = dict(zip(use_case.action_names, use_case.revealing, strict=True))
    teaches = _is_free(use_case, log) & is_revealed(use_case, log)
    teaches &= executed(log).map(reveals).to_numpy(dtype=bool)
    if not teaches.any():
        raise UsageError(f"no mature decision of {use_case.name} teaches anything yet. Wait for outcomes.")
    rows = log.loc[teaches]
    inputs = frame.loc[teaches].reset_index(drop=True)
    if use_case.is_action_modelled:
        inputs = inputs.assign(**{ACTION_COLUMN: executed(rows).to_numpy()})
    revealed_with = revealing_probability(use_case, rows)
    weights = selection_weights(revealed_with, MAXIMUM_WEIGHT)
    return TrainingSet(
        frame=inputs,
        outcome_class=_column(rows, "outcome_class", use_case.outcome.class_ is not None),
        amount=_column(rows, "outcome_amount", use_case.outcome.amount is not None),
        weight=weights.weights,
        entity=rows["entity_id"].to_numpy(),
        decision_id=rows["decision_id"].to_numpy(),
        effective_n=weights.effective_n,
        inverse=1 / revealed_with,
        as_of=pd.DatetimeIndex(rows["as_of"]),
        unweighted=int(rows["propensity"].isna().sum()) if use_case.outcome.depends_on_action else 0,
    )


def revealing_probability(use_case: UseCase, rows: pd.DataFrame) -> np.ndarray:
    """The probability (n,), at decision time, that the outcome of a logged decision would be revealed as it was.

    1 where nobody knows with which chance another system decided, or somebody did otherwise than was chosen: of such
    rows no weight is claimed, and what they teach is of those who were chosen so.
    """
    if not use_case.outcome.depends_on_action:
        return np.ones(len(rows))
    return rows["propensity"].astype(np.float64).fillna(1.0).mask(is_overridden(rows), 1.0).to_numpy()


def _is_free(use_case: UseCase, log: pd.DataFrame) -> np.ndarray:
    """Decisions (n,) whose outcome may teach, once it is revealed."""
    if use_case.outcome.depends_on_action:
        return is_decided_by_policy(log)
    return (log["role"] != "holdout").to_numpy() & ~is_row_fault(log["fallback_reason"])


def _column(rows: pd.DataFrame, name: str, is_wanted: bool) -> np.ndarray | None:
    return rows[name].to_numpy(dtype=np.float64) if is_wanted else None
