"""What the gate is shown: a candidate and the champion on the same logged decisions, none of which taught it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from decisionloop.act.economics import action_values
from decisionloop.act.feasibility import unkept_constraints
from decisionloop.act.preference import allowed_actions, reach_of
from decisionloop.act.situation import instead_of_rules
from decisionloop.contract import UseCase
from decisionloop.learn.comparison import Comparison
from decisionloop.learn.deployed_policy import deployed_policy
from decisionloop.learn.gain_ranking import ranking_value
from decisionloop.learn.gate import GateEvidence, GateRules, ImpactComparison
from decisionloop.learn.gate_slices import slice_gains
from decisionloop.learn.leak import too_good
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.missing_in_log import is_settled, missing_in_log
from decisionloop.learn.money_at_look import money_at_look
from decisionloop.learn.money_of_trial import money_told
from decisionloop.learn.residual_amounts import residual_sizes
from decisionloop.learn.seen_outcomes import Policies, logged_for
from decisionloop.learn.serving import ServingTime
from decisionloop.learn.serving_work import serving_seconds
from decisionloop.learn.soundness import Soundness
from decisionloop.learn.training_set import revealing_probability
from decisionloop.monitor.impact.figures import impacts
from decisionloop.observe.calibration import calibration
from decisionloop.observe.cohort import is_drawn, is_policy_traffic
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.executed_actions import executed_index, is_overridden
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.missing_outcomes import MissingOutcomes
from decisionloop.observe.performance import auc
from decisionloop.observe.possible_money import UsualAmounts
from decisionloop.predict.logged_scores import leading_scores
from decisionloop.predict.predictions import Predictions

Look = Literal[1, 2]


@dataclass(frozen=True)
class Contender:
    """A release on the n rows of a log: what it predicts (None for rules), and what serving it takes.

    ``serving`` None where it was not measured, and for rules, which are served whoever decides. ``soundness``: on the
    rows that were kept with it, None where none were. ``leak``: what its training found that may know the outcome
    (`learn.leak`). ``supported`` bool (n, A): where it may decide, None: everywhere. ``amounts``: how far amounts fell
    from what it predicted of them out of fold. ``on_trial_since``: in batches after it it was on trial; None: in none.
    """

    predictions: Predictions | None
    serving: ServingTime | None = None
    leak: str = ""
    supported: np.ndarray | None = None
    amounts: UsualAmounts = ()
    soundness: Soundness | None = None
    on_trial_since: datetime | None = None

    @property
    def says(self) -> tuple[Predictions | None, np.ndarray | None]:
        """What it predicts, and where it may decide by that."""
        return self.predictions, self.supported

    def rows(self, keep: np.ndarray) -> Contender:
        """The same release on some of the rows, a mask (n,)."""
        if self.predictions is None:
            return self
        supported = None if self.supported is None else self.supported[keep]
        return replace(self, predictions=self.predictions.rows(keep), supported=supported)


def gate_rules(use_case: UseCase, look: Look, stake: float | None = None, is_last: bool = False) -> GateRules:
    """The contract's gate as rules for one look.

    The first look only lets a candidate into shadow. From the second on evidence accumulates at every look, on
    decisions that taught no candidate: all of them together err with the ``stake`` (None: all that a year has).
    ``is_last``: who has not been proven by now is refused.
    """
    gate, has_class = use_case.gate, use_case.outcome.class_ is not None
    return GateRules(
        currency=use_case.economics.currency,
        confidence=gate.first_look_confidence if look == 1 else 1 - (gate.yearly_error if stake is None else stake),
        is_accumulating=look > 1,
        is_last_look=is_last,
        minimum_gain_per_decision=gate.minimum_gain,
        minimum_effective_n=gate.minimum_effective_n,
        minimum_auc=0.5 if has_class else None,
        maximum_auc_loss=gate.maximum_auc_loss,
        maximum_calibration_error=gate.maximum_calibration_error if has_class else None,
        minimum_adverse_impact_ratio=gate.minimum_impact_ratio,
        maximum_slice_loss=use_case.gate.maximum_slice_loss,
        maximum_latency_ms=use_case.latency.online_ms,
        is_ranked_by_gain=use_case.is_action_modelled,
    )


def evidence_rows(use_case: UseCase, log: pd.DataFrame) -> np.ndarray:
    """True (n,) for decisions that say what another policy is worth: policy traffic whose propensity is known.

    What another system decided by chances that nobody knows says so only where the outcome does not depend on the
    action, or as long as there is nothing else: then the gate is shown that, and says that it cannot tell.
    """
    free = is_policy_traffic(log)
    drawn = is_drawn(log)
    return drawn if use_case.outcome.depends_on_action and drawn.any() else free


def policies_of(
    use_case: UseCase, batches: LoggedBatches, challenger: Contender, champion: Contender
) -> tuple[LoggedBatches, Policies]:
    """The policy traffic of whole batches, and both releases on it as the policies that they would be once deployed."""
    assert challenger.predictions is not None
    free = evidence_rows(use_case, batches.log)
    theirs, ours = (deployed_policy(use_case, batches, *one.says)[free] for one in (champion, challenger))
    traffic, predictions = batches.rows(free), challenger.predictions.rows(free)
    missing = missing_in_log(use_case, traffic.log, traffic.frame, traffic.known_at, challenger.amounts)
    values = action_values(use_case, traffic.frame, predictions)
    since = challenger.on_trial_since
    is_on_trial = None if since is None else (traffic.log["as_of"] > since).to_numpy()
    return traffic, Policies(ours, theirs, values, challenger.amounts, missing, is_on_trial)


def gather_evidence(
    use_case: UseCase,
    batches: LoggedBatches,
    challenger: Contender,
    champion: Contender,
    rules: GateRules,
    comparison: Comparison | None = None,
) -> GateEvidence:
    """Compare two releases on the logged decisions of whole batches, none of which taught either of them.

    Both are valued as the policies that they would be once deployed (`learn.deployed_policy`), on policy traffic. With
    a ``comparison`` money has the bounds that hold at all looks, else those of a single one. Probabilities are held
    against cohorts whose outcomes do not still come: what came early is of another rate.
    """
    traffic, policies = policies_of(use_case, batches, challenger, champion)
    free = evidence_rows(use_case, batches.log)
    challenger, champion = challenger.rows(free), champion.rows(free)
    logged = logged_for(use_case, traffic.log, traffic.frame, policies)
    serving_cost = extra_serving_cost(use_case, challenger, champion)
    above = rules.required_gain(len(traffic.log)) + max(serving_cost or 0.0, 0.0)
    told = money_at_look(use_case, traffic, policies, comparison, above, rules.interval_confidence)
    may_decide = where_it_may_decide(use_case, traffic, challenger)
    look = 1 if comparison is None else 1 + traffic.log["as_of"].nunique()
    is_told = not told.overlap.unknown_n
    skill, calibrated = _ranking(use_case, traffic, challenger, may_decide)
    return GateEvidence(
        money=told.money,
        overlap=told.overlap,
        auc=skill,
        champion_auc=_ranking(use_case, traffic, champion, may_decide)[0],
        calibration_error=_settled(calibrated, use_case, traffic, challenger, may_decide, policies.missing),
        adverse_impact=_impact(use_case, traffic, policies.challenger, policies.champion),
        latency=None if challenger.serving is None else challenger.serving.against(rules.maximum_latency_ms),
        has_reasons=challenger.soundness is None or challenger.soundness.is_explained,
        serving_cost=serving_cost,
        gain_ranking=_gain_ranking(use_case, traffic, logged, policies.values, rules) if is_told else None,
        leak=challenger.leak or too_good(skill),
        deciding_share=None if challenger.supported is None else float(may_decide.mean()),
        unkept="" if policies.moved.any() else _unkept(use_case, batches),
        progress=told.progress,
        soundness=challenger.soundness,
        slices=slice_gains(use_case, traffic, policies, logged, rules.overlap_rules, look) if is_told else (),
        of_trial=told.of_trial,
    )


def _settled(
    calibrated: Estimate | None,
    use_case: UseCase,
    traffic: LoggedBatches,
    challenger: Contender,
    may_decide: np.ndarray,
    missing: MissingOutcomes | None,
) -> Estimate | None:
    """How well ``challenger`` is ``calibrated`` on cohorts whose outcomes do not still come; as told where all have."""
    if missing is None:
        return calibrated
    return _ranking(use_case, traffic, challenger, may_decide & is_settled(traffic.log, missing))[1]


def policy_gain(use_case: UseCase, batches: LoggedBatches, ours: Predictions, theirs: Predictions) -> Estimate:
    """Money a decision that one model would have brought more than another, on batches that taught neither (95 %)."""
    told_by = Contender(ours, amounts=residual_sizes(use_case, batches, ours))
    traffic, policies = policies_of(use_case, batches, told_by, Contender(theirs))
    return money_told(use_case, traffic, policies, 0.95).money


def is_surely_off(use_case: UseCase, batches: LoggedBatches, predictions: Predictions) -> bool:
    """Whether a model's probabilities surely miss by more than the gate allows, on batches that did not teach it."""
    free = evidence_rows(use_case, batches.log)
    asked, told_by = batches.rows(free), Contender(predictions.rows(free))
    _, error = _ranking(use_case, asked, told_by, np.ones(len(asked.log), dtype=bool))
    return error is not None and error.low is not None and error.low > use_case.gate.maximum_calibration_error


def where_it_may_decide(use_case: UseCase, batches: LoggedBatches, contender: Contender) -> np.ndarray:
    """True (n,) where a release has a say: there is another action than the rules' within its reach.

    What it predicts elsewhere moves nothing, so its skill is asked for there alone, and a champion's beside it.
    """
    reach = reach_of(use_case, batches.frame, baseline_action(use_case, batches), contender.supported)
    return np.ones(len(batches.log), dtype=bool) if reach is None else reach.sum(axis=1) > 1


def baseline_action(use_case: UseCase, batches: LoggedBatches) -> np.ndarray:
    """What a release does where it has no say (n,): what the rules do, or the default action in their place."""
    if not batches.are_rules_stopped:
        return batches.rules_action
    allowed, is_holdout = allowed_actions(use_case, batches.frame), (batches.log["role"] == "holdout").to_numpy()
    return instead_of_rules(use_case, batches.rules_action, allowed, is_holdout)


def _unkept(use_case: UseCase, batches: LoggedBatches) -> str:
    """Why no model could decide the last batch of the log, where its constraints cannot be kept."""
    rows = np.flatnonzero((batches.log["as_of"] == batches.log["as_of"].max()).to_numpy())
    as_of = pd.Timestamp(batches.log["as_of"].iloc[rows[0]]).to_pydatetime()
    batch = batches.frame.iloc[rows].reset_index(drop=True)
    return unkept_constraints(use_case, batch, as_of, batches.rules_action[rows])


def _gain_ranking(
    use_case: UseCase, traffic: LoggedBatches, logged: LoggedDecisions, values: np.ndarray, rules: GateRules
) -> Estimate | None:
    if not rules.is_ranked_by_gain:
        return None
    return ranking_value(use_case, logged, values, allowed_actions(use_case, traffic.frame), rules.interval_confidence)


def extra_serving_cost(use_case: UseCase, challenger: Contender, champion: Contender) -> float | None:
    """Money a decision that serving the challenger costs more than serving the champion; None without a price.

    Only scoring and explaining differ between them, and both are counted, not timed. What was not counted is free in
    a champion and unknown in a challenger, which then has no price to compare.
    """
    prices = use_case.serving_cost
    if not prices.is_priced or challenger.serving is None:
        return None
    ours, theirs = (0 if one.serving is None else one.serving.lookups for one in (challenger, champion))
    return prices.money(serving_seconds(ours)) - prices.money(serving_seconds(theirs))


def ranked_rows(use_case: UseCase, batches: LoggedBatches, predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n,) for the action that was taken, and True (n,) where outcome and score are both known.

    Of what somebody overrode nobody knows how it was selected: it is left out.
    """
    score, _ = leading_scores(use_case, predictions, executed_index(use_case, batches.log))
    known = batches.log["outcome_class"].notna().to_numpy() & ~np.isnan(score)
    return score, known & ~is_overridden(batches.log)


def _ranking(
    use_case: UseCase, batches: LoggedBatches, contender: Contender, is_asked: np.ndarray
) -> tuple[Estimate | None, Estimate | None]:
    """Selection-weighted AUC and calibration error on rows (n,); None for rules and where the outcome has no class."""
    if contender.predictions is None or use_case.outcome.class_ is None:
        return None, None
    score, revealed = ranked_rows(use_case, batches, contender.predictions)
    revealed &= is_asked
    rows = batches.log.loc[revealed]
    outcome = rows["outcome_class"].to_numpy(dtype=np.float64)
    weight = 1 / revealing_probability(use_case, rows)
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
