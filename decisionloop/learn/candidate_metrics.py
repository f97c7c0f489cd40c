"""What is measured of a candidate when it is trained: how well it ranks out of fold, and the scores to be expected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.act.economics import action_values
from decisionloop.act.preference import preferred_action, reach_of
from decisionloop.contract import UseCase
from decisionloop.learn.evidence import ranked_rows
from decisionloop.learn.leak import leak_warning, single_feature_aucs
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.training_set import revealing_probability
from decisionloop.monitor.compare.score_shift import ScoreReference, reference_scores
from decisionloop.observe.calibration import calibration
from decisionloop.observe.performance import auc
from decisionloop.predict.logged_scores import leading_scores
from decisionloop.predict.prediction_table import predictions_from_table, predictions_to_table
from decisionloop.predict.predictions import Predictions
from decisionloop.predict.release_model import ReleaseModel, predict, supported_actions


@dataclass(frozen=True)
class _Ranked:
    """Policy traffic whose outcome and out-of-fold score are known (n rows)."""

    frame: pd.DataFrame
    outcome: np.ndarray
    score: np.ndarray
    weight: np.ndarray
    entity: np.ndarray
    is_unweighted: bool
    """Whether nobody knows how some of them came to be revealed: then nothing weighted is said."""

    @classmethod
    def of(cls, use_case: UseCase, batches: LoggedBatches, predictions: Predictions) -> _Ranked:
        policy = batches.policy_traffic()
        ids = policy.log["decision_id"].to_numpy(dtype=object)
        everyone = predictions_to_table(use_case, predictions, batches.log["decision_id"].to_numpy(dtype=object))
        score, revealed = ranked_rows(use_case, policy, predictions_from_table(use_case, everyone, ids))
        rows = policy.log.loc[revealed]
        return cls(
            policy.frame.loc[revealed].reset_index(drop=True),
            rows["outcome_class"].to_numpy(float),
            score[revealed],
            1 / revealing_probability(use_case, rows),
            rows["entity_id"].to_numpy(dtype=object),
            bool(use_case.outcome.depends_on_action and rows["propensity"].isna().any()),
        )


def out_of_fold_metrics(use_case: UseCase, batches: LoggedBatches, predictions: Predictions) -> dict[str, float]:
    """Selection-weighted AUC and calibration error out of fold, as far as they can be told.

    ``predictions`` are of the n rows of ``batches``, of which only policy traffic counts; {} where the outcome has no
    class. Raises PredictionsError where they are of other rows.
    """
    if use_case.outcome.class_ is None:
        return {}
    ranked = _Ranked.of(use_case, batches, predictions)
    weighted = {} if ranked.is_unweighted else {"auc_weighted": auc(ranked.outcome, ranked.score, ranked.weight)}
    estimates = weighted | {
        "auc": auc(ranked.outcome, ranked.score),
        "calibration_error": calibration(ranked.outcome, ranked.score, ranked.weight).error,
    }
    return {name: estimate.value for name, estimate in estimates.items() if estimate.value is not None}


def leak_in(use_case: UseCase, batches: LoggedBatches, predictions: Predictions) -> str:
    """Why a feature may know the outcome (`learn.leak`); "" where none seems to.

    Of the same rows as :func:`out_of_fold_metrics`, and raises what that does.
    """
    if use_case.outcome.class_ is None:
        return ""
    ranked = _Ranked.of(use_case, batches, predictions)
    alone = single_feature_aucs(use_case.model_inputs, ranked.frame, ranked.outcome, ranked.entity, ranked.weight)
    return leak_warning(auc(ranked.outcome, ranked.score, ranked.weight, ranked.entity), alone)


def expected_scores(
    use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame, rules_action: np.ndarray
) -> ScoreReference | None:
    """The distribution of the score that will be logged, over everyone that the log holds (n rows), approved or not.

    ``rules_action`` (n,): what the rules choose, and so does a release outside its support. None for a release that
    prefers no action that it scores, for anybody.
    """
    predictions = predict(use_case, model, frame)
    supported = supported_actions(use_case, model, frame, rules_action)
    reach = reach_of(use_case, frame, rules_action, supported)
    action = preferred_action(use_case, frame, action_values(use_case, frame, predictions), reach)
    probability, amount = leading_scores(use_case, predictions, action)
    score = amount if use_case.outcome.class_ is None else probability
    return reference_scores(score) if np.isfinite(score).any() else None
