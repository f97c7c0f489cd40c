"""The release that decides in every year: trained once a process, on a randomised log of the stationary world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from benchmarks.monitor_years.worlds import Bench, bench
from decisionloop.act.economics import action_values
from decisionloop.act.preference import preferred_action
from decisionloop.learn.candidate_metrics import expected_scores
from decisionloop.learn.candidates import train
from decisionloop.learn.importance import feature_importance
from decisionloop.learn.training_set import build_training_rows
from decisionloop.monitor.compare.profile import Reference
from decisionloop.monitor.compare.score_shift import ScoreReference
from decisionloop.observe.performance import auc
from decisionloop.observe.release_predictions import ReleasePredictions
from decisionloop.predict.logged_scores import leading_scores
from decisionloop.predict.release_model import ReleaseModel, predict
from decisionloop.predict.rules import apply_rules

RELEASE_ID = "retention_offer/simulated"
LEARNING_SEED, ACCOUNTS = 1_000_003, 16_000
LEARNING_WEEKS, JUDGING_WEEKS = range(-8, 0), range(-16, -8)


@dataclass(frozen=True)
class Release:
    """The model with what its batches are compared with: features and how far scores rest on each, scores, AUC."""

    model: ReleaseModel
    reference: Reference
    importance: Mapping[str, float]
    scores: ScoreReference
    auc: float


@dataclass(frozen=True)
class ScoredRows:
    """What is predicted of n rows: probabilities and money (n, A), score of the preferred action (n,), the rules'
    action (n,)."""

    probability: np.ndarray
    values: np.ndarray
    score: np.ndarray
    rules: np.ndarray

    def rows(self, some: slice) -> ScoredRows:
        """Some of the rows."""
        return ScoredRows(self.probability[some], self.values[some], self.score[some], self.rules[some])

    @property
    def predictions(self) -> ReleasePredictions:
        """As the loop reads them back."""
        return ReleasePredictions(self.rules, RELEASE_ID, self.values, self.score, {})


def score_rows(here: Bench, model: ReleaseModel, frame: pd.DataFrame) -> ScoredRows:
    """Score and value a canonical frame, and ask the rules."""
    use_case = here.use_case
    predictions = predict(use_case, model, frame)
    values = action_values(use_case, frame, predictions)
    score, _ = leading_scores(use_case, predictions, preferred_action(use_case, frame, values))
    rules, _ = apply_rules(use_case, here.code, frame)
    assert predictions.probability is not None
    return ScoredRows(predictions.probability, values, score, rules)


@cache
def release() -> Release:
    """Train on 32,000 randomised decisions; the AUC is measured on 32,000 others."""
    here = bench()
    use_case = here.use_case
    log, frame = _randomised_log(here, LEARNING_WEEKS)
    rows = build_training_rows(use_case, log, frame)
    model = train(use_case, "gradient_boosting", rows).model
    judged, judged_frame = _randomised_log(here, JUDGING_WEEKS)
    probability = predict(use_case, model, judged_frame).probability
    assert probability is not None
    taken = pd.Index(use_case.action_names).get_indexer(judged["action"])
    ranking = auc(judged["outcome_class"].to_numpy(), probability[np.arange(len(judged)), taken]).value
    scores = expected_scores(use_case, model, frame, np.zeros(len(frame), dtype=np.int64))  # it may decide everywhere
    assert ranking is not None
    assert scores is not None
    importance = feature_importance(use_case, model, frame)
    return Release(model, Reference.of(use_case, frame), importance, scores, ranking)


def _randomised_log(here: Bench, weeks: range) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decisions drawn uniformly, with their outcomes, and their frames."""
    world = here.world("stationary", LEARNING_SEED, accounts=ACCOUNTS)
    rng = np.random.default_rng(LEARNING_SEED)
    names = np.array(here.use_case.action_names, dtype=object)
    logs, frames = [], []
    for week in weeks:
        number, frame = world.due(week), here.frame(world, week)
        action = rng.integers(0, len(names), len(number))
        seen = world.outcomes(number, week, action)
        logs.append(
            pd.DataFrame(
                {
                    "decision_id": frame[here.use_case.entity.key] + f"@{week}",
                    "entity_id": frame[here.use_case.entity.key],
                    "as_of": world.as_of(week),
                    "role": "exploration",
                    "action": names[action],
                    "propensity": 1 / len(names),
                    "fallback_reason": None,
                    "outcome_class": seen.kept,
                    "outcome_amount": seen.spend,
                }
            )
        )
        frames.append(frame)
    return pd.concat(logs, ignore_index=True), pd.concat(frames, ignore_index=True)
