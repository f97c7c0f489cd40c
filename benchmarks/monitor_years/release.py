"""The release that decides in every year: trained once a process, on a randomised log of the stationary world."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from benchmarks.monitor_years.worlds import Bench, bench
from decisionloop.act.economics import action_values
from decisionloop.act.preference import preferred_action
from decisionloop.learn.candidates import train
from decisionloop.learn.training_set import build_training_rows
from decisionloop.monitor.alarm.finding import Stakes
from decisionloop.monitor.compare.profile import Reference
from decisionloop.monitor.compare.score_shift import ScoreReference, reference_scores
from decisionloop.observe.performance import auc
from decisionloop.predict.predictions import Predictions
from decisionloop.predict.release_model import ReleaseModel, predict

RELEASE_ID = "retention_offer/simulated"
LEARNING_SEED, ACCOUNTS = 1_000_003, 16_000
LEARNING_WEEKS, JUDGING_WEEKS = range(-8, 0), range(-16, -8)


@dataclass(frozen=True)
class Release:
    """The model with what its batches are compared with: features, scores of the preferred action, weighted AUC."""

    model: ReleaseModel
    reference: Reference
    scores: ScoreReference
    auc: float
    stakes: Stakes


@dataclass(frozen=True)
class Said:
    """What the release says of n rows: predictions, money (n, A), the preferred action (n,) and its score (n,)."""

    predictions: Predictions
    values: np.ndarray
    preferred: np.ndarray
    score: np.ndarray

    def rows(self, some: slice) -> Said:
        """What is said of some of the rows."""
        probability, amount = self.predictions.probability, self.predictions.amount
        part = Predictions(None if probability is None else probability[some], None if amount is None else amount[some])
        return Said(part, self.values[some], self.preferred[some], self.score[some])


def said_of(here: Bench, model: ReleaseModel, frame: pd.DataFrame) -> Said:
    """Score and value a canonical frame."""
    use_case = here.use_case
    predictions = predict(use_case, model, frame)
    values = action_values(use_case, frame, predictions)
    preferred = preferred_action(use_case, frame, values)
    assert predictions.probability is not None
    return Said(predictions, values, preferred, predictions.probability[np.arange(len(frame)), preferred])


@cache
def release() -> Release:
    """Train on 32,000 randomised decisions; the AUC is measured on 32,000 others."""
    here = bench()
    use_case = here.use_case
    log, frame = _randomised_log(here, LEARNING_WEEKS)
    rows = build_training_rows(use_case, log, frame)
    model = train(use_case, "gradient_boosting", rows).model
    said = said_of(here, model, frame)
    judged, judged_frame = _randomised_log(here, JUDGING_WEEKS)
    told = said_of(here, model, judged_frame).predictions.probability
    assert told is not None
    taken = pd.Index(use_case.action_names).get_indexer(judged["action"])
    ranking = auc(judged["outcome_class"].to_numpy(), told[np.arange(len(judged)), taken]).value
    assert ranking is not None
    return Release(model, Reference.of(use_case, frame), reference_scores(said.score), ranking, _stakes(said))


def _stakes(said: Said) -> Stakes:
    """Worth: best less worst action. Swing: a customer who stays is worth about all of the money."""
    p = said.predictions.probability
    assert p is not None
    worth = float(np.nanmean(said.values.max(axis=1) - said.values.min(axis=1)))
    return Stakes(worth, float(np.nanmean(said.values) / np.nanmean(p)))


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
