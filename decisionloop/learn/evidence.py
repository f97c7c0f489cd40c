"""What the gate is shown: a candidate and the champion on the same logged decisions, none of which taught it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from decisionloop.act.economics import action_values
from decisionloop.act.policy import Situation, choose
from decisionloop.act.preference import allowed_actions
from decisionloop.contract import UseCase
from decisionloop.learn.gate import GateEvidence, GateRules, ImpactComparison
from decisionloop.monitor.impact.figures import impacts
from decisionloop.observe.calibration import calibration
from decisionloop.observe.cohort import is_policy_traffic, logged_decisions
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.off_policy import difference, one_hot
from decisionloop.observe.performance import auc
from decisionloop.predict.logged_scores import leading_scores
from decisionloop.predict.predictions import Predictions

Look = Literal[1, 2]


@dataclass(frozen=True)
class Contender:
    """A release on the n rows of a log: what it predicts (None for rules), and how long that takes.

    ``latency_ms`` is for one row alone; ``cpu_seconds_per_row`` for a row among many (`learn.serving`). None where
    it was not measured, and for rules, which are served whoever decides.
    """

    predictions: Predictions | None
    latency_ms: float | None = None
    cpu_seconds_per_row: float | None = None


@dataclass(frozen=True)
class LoggedBatches:
    """Mature decisions of policy traffic with outcomes, their canonical features, and the rules' actions (n,)."""

    log: pd.DataFrame
    frame: pd.DataFrame
    rules_action: np.ndarray

    def policy_traffic(self) -> LoggedBatches:
        """Without the holdout and without fallbacks."""
        keep = is_policy_traffic(self.log)
        return LoggedBatches(
            self.log.loc[keep].reset_index(drop=True),
            self.frame.loc[keep].reset_index(drop=True),
            self.rules_action[keep],
        )


def gate_rules(use_case: UseCase, look: Look) -> GateRules:
    """The contract's gate as rules for one look.

    The first look only lets a candidate into shadow. The second decides, on decisions that taught no candidate and
    with one challenger, so its error is the contract's and is not divided.
    """
    gate, has_class = use_case.gate, use_case.outcome.class_ is not None
    return GateRules(
        currency=use_case.economics.currency,
        confidence=gate.first_look_confidence if look == 1 else gate.confidence,
        minimum_gain_per_decision=gate.minimum_gain,
        minimum_effective_n=gate.minimum_effective_n,
        minimum_auc=0.5 if has_class else None,
        maximum_auc_loss=gate.maximum_auc_loss,
        maximum_calibration_error=gate.maximum_calibration_error if has_class else None,
        minimum_adverse_impact_ratio=gate.minimum_impact_ratio,
        maximum_latency_ms=use_case.latency.online_ms,
    )


def gather_evidence(
    use_case: UseCase, batches: LoggedBatches, challenger: Contender, champion: Contender, rules: GateRules
) -> GateEvidence:
    """Compare two releases on n logged decisions of policy traffic that taught neither of them."""
    assert challenger.predictions is not None
    values = action_values(use_case, batches.frame, challenger.predictions)
    theirs, ours = (policy_of(use_case, batches, one) for one in (champion, challenger))
    logged = logged_decisions(use_case, batches.log, batches.frame, values)
    money = difference(logged, ours, theirs, "dr", rules.interval_confidence)
    ranking = _ranking(use_case, batches, challenger)
    return GateEvidence(
        money=money.money,
        overlap=money.overlap,
        auc=ranking[0],
        champion_auc=_ranking(use_case, batches, champion)[0],
        calibration_error=ranking[1],
        adverse_impact=_impact(use_case, batches, ours, theirs),
        latency_ms=challenger.latency_ms,
        has_reasons=True,  # a release that could not be compiled with exact reasons does not exist
        serving_cost=extra_serving_cost(use_case, challenger, champion),
    )


def extra_serving_cost(use_case: UseCase, challenger: Contender, champion: Contender) -> float | None:
    """Money a decision that serving the challenger costs more than serving the champion; None without a price.

    Only scoring and explaining differ between them. Where a challenger was not measured in bulk, its time for a
    single row stands in, which is more; a champion that was not measured counts as free: neither is in its favour.
    """
    prices = use_case.serving_cost
    if not prices.is_priced:
        return None
    alone = (challenger.latency_ms or 0.0) / 1000
    ours = alone if challenger.cpu_seconds_per_row is None else challenger.cpu_seconds_per_row
    return prices.money(ours) - prices.money(champion.cpu_seconds_per_row or 0.0)


def policy_of(use_case: UseCase, batches: LoggedBatches, contender: Contender) -> np.ndarray:
    """Probabilities (n, A) of each action under a release left to itself: no exploration, no holdout."""
    if contender.predictions is None:
        return one_hot(batches.rules_action, len(use_case.actions))
    alone = use_case.model_copy(
        update={"policy": use_case.policy.model_copy(update={"exploration_share": 0.0, "holdout_share": 0.0})}
    )
    values = action_values(use_case, batches.frame, contender.predictions)
    allowed = allowed_actions(use_case, batches.frame)
    probabilities = np.empty(values.shape)
    for as_of, rows in batches.log.groupby("as_of").indices.items():
        situation = Situation(values[rows], batches.rules_action[rows], has_model=True, allowed=allowed[rows])
        choice = choose(alone, batches.frame.iloc[rows], pd.Timestamp(str(as_of)).to_pydatetime(), situation)
        probabilities[rows] = choice.propensities
    return probabilities


def ranked_rows(use_case: UseCase, batches: LoggedBatches, predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n,) for the action that was taken, and True (n,) where outcome and score are both known."""
    actions = {name: index for index, name in enumerate(use_case.action_names)}
    taken = batches.log["action"].map(actions).to_numpy(dtype=np.int64)
    score, _ = leading_scores(use_case, predictions, taken)
    return score, batches.log["outcome_class"].notna().to_numpy() & ~np.isnan(score)


def _ranking(
    use_case: UseCase, batches: LoggedBatches, contender: Contender
) -> tuple[Estimate | None, Estimate | None]:
    """Selection-weighted AUC and calibration error; None for rules and where the outcome has no class."""
    if contender.predictions is None or use_case.outcome.class_ is None:
        return None, None
    score, revealed = ranked_rows(use_case, batches, contender.predictions)
    rows = batches.log.loc[revealed]
    outcome = rows["outcome_class"].to_numpy(dtype=np.float64)
    weight = 1 / rows["propensity"].to_numpy(dtype=np.float64)
    entities = rows["entity_id"].to_numpy(dtype=object)
    return (
        auc(outcome, score[revealed], weight, entities),
        calibration(outcome, score[revealed], weight, entities).error,
    )


def _impact(
    use_case: UseCase, batches: LoggedBatches, challenger: np.ndarray, champion: np.ndarray
) -> tuple[ImpactComparison, ...]:
    """Impact of both policies, one decision an entity (its last), because intervals take rows as independent."""
    last = ~batches.log["entity_id"].duplicated(keep="last").to_numpy()
    favourable = np.array([action.is_favourable for action in use_case.actions])
    ours, theirs = (
        impacts(use_case, batches.frame.loc[last], favourable[policy.argmax(axis=1)][last])
        for policy in (challenger, champion)
    )
    return tuple(pair for one, other in zip(ours, theirs, strict=True) for pair in ImpactComparison.of(one, other))
