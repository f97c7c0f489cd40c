"""One cohort of decisions read back: who was decided how, what was said of them, what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.act.preference import preferred_action
from decisionloop.contract import UseCase
from decisionloop.ledger.batches import Batch, cohort_name
from decisionloop.ledger.decisions import LEARNING_COLUMNS, decisions_with_outcomes
from decisionloop.ledger.releases import Release
from decisionloop.monitor.alarm.finding import Stakes
from decisionloop.observe.cohort import is_policy_traffic
from decisionloop.predict.release_model import predict
from decisionloop.release_store import load_release
from decisionloop.workspace import Workspace
from tasks.readback.mature_decisions import frozen_rows
from tasks.readback.predictions import Said, said_of
from tasks.readback.releases import release_of


@dataclass(frozen=True, eq=False)
class Cohort:
    """The n decisions of a batch: ``log``, their frozen features ``frame``, what releases ``said`` of them.

    ``champion``: the release that was to decide. ``rules``, ``preferred`` and ``taken`` (n,) are action indices.
    ``score`` (n,) is the champion's score of the action taken, NaN where it has none, None where rules decided.
    """

    use_case: UseCase
    batch: Batch
    log: pd.DataFrame
    frame: pd.DataFrame
    said: Said
    champion: Release
    score: np.ndarray | None

    @property
    def name(self) -> str:
        """What measurements call it."""
        return cohort_name(self.batch.as_of)

    @property
    def rules(self) -> np.ndarray:
        """What the rules would have done."""
        return self.said.rules_action

    @cached_property
    def preferred(self) -> np.ndarray:
        """What the champion would have done without exploring."""
        return self.rules if self.said.values is None else preferred_action(self.use_case, self.frame, self.said.values)

    @cached_property
    def taken(self) -> np.ndarray:
        """What was done."""
        return pd.Index(self.use_case.action_names).get_indexer(pd.Index(self.log["action"]))

    @cached_property
    def is_free(self) -> np.ndarray:
        """True (n,) where the policy was free to explore: no holdout, no fallback."""
        return is_policy_traffic(self.log)

    @cached_property
    def outcome(self) -> np.ndarray:
        """The outcome's class (n,), NaN where it is not known."""
        return self.log["outcome_class"].to_numpy(dtype=np.float64, na_value=np.nan)

    @cached_property
    def weight(self) -> np.ndarray:
        """1 / propensity of the action taken (n,)."""
        return np.asarray(1 / self.log["propensity"].to_numpy(dtype=np.float64))

    @cached_property
    def money(self) -> np.ndarray:
        """Realised money (n,), NaN where it is not known."""
        log = self.log
        return realised_values(self.use_case, self.frame, self.taken, log["outcome_class"], log["outcome_amount"])

    @cached_property
    def stakes(self) -> Stakes:
        """What choosing was worth, and what the outcome made of the action taken."""
        worth = None
        if self.said.values is not None:
            apart = self.said.values.max(axis=1) - self.said.values.min(axis=1)
            worth = float(np.nanmean(apart)) if np.isfinite(apart).any() else None
        return Stakes(worth, self._swing())

    def _swing(self) -> float | None:
        amount, n = self.log["outcome_amount"], len(self.log)
        yes, no = (
            realised_values(self.use_case, self.frame, self.taken, np.full(n, told), amount) for told in (1.0, 0.0)
        )
        swing = np.abs(yes - no)[self.outcome == 1] if self.use_case.outcome.amount else np.abs(yes - no)
        return float(np.nanmean(swing)) if np.isfinite(swing).any() else None


def read_cohort(workspace: Workspace, batch: Batch, known_at: datetime) -> Cohort:
    """Read a decided batch with the outcomes that were known of it at ``known_at``."""
    use_case, span = workspace.use_case, (batch.as_of, batch.as_of)
    log = decisions_with_outcomes(workspace.ledger, use_case.name, *span, known_at, LEARNING_COLUMNS)
    frame, said = frozen_rows(workspace, log), said_of(workspace, batch.batch_id, log)
    champion = release_of(workspace, said.champion_id)
    cohort = Cohort(use_case, batch, log, frame, said, champion, None)
    if said.champion_score is None:
        return cohort
    return Cohort(use_case, batch, log, frame, said, champion, _score_of_taken(workspace, cohort))


def _score_of_taken(workspace: Workspace, cohort: Cohort) -> np.ndarray:
    """The champion's score of the action that was taken.

    Where one model speaks of one revealing action that is the score that was logged. Where the action is an input the
    logged score is of the preferred action, and what was explored or held out must be scored again.
    """
    score = cohort.said.champion_score
    assert score is not None
    use_case = cohort.use_case
    if use_case.model.action_as != "input" or use_case.outcome.class_ is None:
        return np.where(np.array(use_case.revealing)[cohort.taken], score, np.nan)
    settings = workspace.settings
    digest = str(cohort.champion.scorer_digest)
    model = load_release(workspace.snapshots, digest, settings.scorer_engine, settings.scorer_threads)
    probability = predict(use_case, model, cohort.frame).probability
    assert probability is not None  # the outcome has a class
    return probability[np.arange(len(cohort.taken)), cohort.taken]
