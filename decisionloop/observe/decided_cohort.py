"""The decisions of one batch, looked back at: who was decided how, what was predicted, what became of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from decisionloop.act.action_names import actions_by_index
from decisionloop.act.economics import realised_values
from decisionloop.act.preference import allowed_actions, preferred_action, reach_of
from decisionloop.act.rules_limits import LIMIT
from decisionloop.act.situation import instead_of_rules
from decisionloop.contract import UseCase
from decisionloop.observe.cohort import (
    is_decided_by_policy,
    is_policy_traffic,
    logged_decisions,
    rules_within_limits,
)
from decisionloop.observe.executed_actions import executed_index, is_overridden
from decisionloop.observe.known_actions import as_default
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.missing_outcomes import MissingOutcomes, is_outcome_missing, missing_outcomes
from decisionloop.observe.off_policy import one_hot
from decisionloop.observe.possible_money import UsualAmounts
from decisionloop.observe.release_predictions import ReleasePredictions
from decisionloop.release.stages import is_default_action


@dataclass(frozen=True, eq=False)
class DecidedCohort:
    """The n decisions of a batch: ``log``, their frozen features ``frame``, what the releases predicted of them.

    ``rules``, ``preferred`` and ``taken`` (n,) are action indices. ``score`` (n,) is the champion's score of the
    action taken, NaN where it has none, None where the rules decided. ``amounts``: how large amounts usually are, from
    elsewhere.
    """

    use_case: UseCase
    log: pd.DataFrame
    frame: pd.DataFrame
    predictions: ReleasePredictions
    score: np.ndarray | None
    amounts: UsualAmounts = ()

    @classmethod
    def of(
        cls,
        use_case: UseCase,
        log: pd.DataFrame,
        frame: pd.DataFrame,
        predictions: ReleasePredictions,
        probability: Callable[[], np.ndarray],
    ) -> DecidedCohort:
        """The cohort with the champion's score of every action that was taken.

        Where one model speaks of one revealing action that is the score that was logged. Where the action is an input
        the logged score is of the preferred action, and what was explored or held out must be scored again:
        ``probability`` then gives the champion's P(outcome = 1) of every action (n, A). What somebody overrode has no
        score: who did that may have known more, and nobody knows how those who are left were selected.
        """
        logged, taken = predictions.champion_score, executed_index(use_case, log)
        if logged is None:
            score = None
        elif use_case.model.action_as != "input" or use_case.outcome.class_ is None:
            score = np.where(np.array(use_case.revealing)[taken], logged, np.nan)
        else:
            score = probability()[np.arange(len(taken)), taken]
        if score is not None:
            score = np.where(is_overridden(log), np.nan, score)
        return cls(use_case, log, frame, predictions, score)

    @property
    def release_id(self) -> str:
        """The release that was to decide."""
        return self.predictions.champion_id

    @cached_property
    def rules(self) -> np.ndarray:
        """What the rules would have done within the limits, stopped or not."""
        chosen = actions_by_index(self.use_case, self.log["action"])
        return rules_within_limits(self.log, chosen, self.predictions.rules_action)

    @cached_property
    def baseline(self) -> np.ndarray:
        """What the rules would have done, or the default action while that has their place."""
        if not self.predictions.are_rules_stopped:
            return self.rules
        is_holdout = (self.log["role"] == "holdout").to_numpy()
        return instead_of_rules(self.use_case, self.rules, allowed_actions(self.use_case, self.frame), is_holdout)

    def unexplored_log(self, logged: LoggedDecisions) -> LoggedDecisions:
        """What is compared with the holdout: ``logged``, without exploring where the default action decided."""
        if not is_default_action(self.release_id):
            return logged
        return as_default(self.use_case, self.log, self.frame, logged)

    @cached_property
    def preferred(self) -> np.ndarray:
        """What the champion would have done without exploring."""
        values = self.predictions.values
        if values is None:
            return self.baseline
        reach = reach_of(self.use_case, self.frame, self.baseline, self.predictions.supported)
        return preferred_action(self.use_case, self.frame, values, reach)

    @cached_property
    def unexplored(self) -> np.ndarray:
        """The chance (n, A) of each action had nothing been explored: the champion's, or that of who is on trial.

        Who is on trial has no say where the rules stand in, and none where it predicted nothing.
        """
        ours, trial = one_hot(self.preferred, len(self.use_case.actions)), self.predictions.on_trial
        if trial is None or trial.release_id not in self.predictions.shadows:
            return ours
        _, action = self.predictions.shadows[trial.release_id]
        has_say = (action >= 0) & self.log["fallback_reason"].isna().to_numpy()
        theirs = one_hot(np.where(has_say, action, self.preferred), ours.shape[1])
        return np.asarray((1 - trial.share) * ours + trial.share * theirs)

    @cached_property
    def is_contested(self) -> np.ndarray:
        """True (n,) where who is on trial would have done otherwise than the champion, and had a say."""
        agreed = self.unexplored[np.arange(len(self.preferred)), self.preferred]
        return np.asarray(agreed < 1 - 1e-9, dtype=bool)

    @cached_property
    def meant(self) -> np.ndarray:
        """What the loop would have done without exploring (n,): -1 where the champion and who is on trial disagree."""
        return np.where(self.is_contested, -1, self.preferred)

    @cached_property
    def taken(self) -> np.ndarray:
        """What was done: executed, as far as anybody said, else chosen."""
        return executed_index(self.use_case, self.log)

    @cached_property
    def is_free(self) -> np.ndarray:
        """True (n,) where the policy was free to explore: no holdout, no fallback."""
        return is_policy_traffic(self.log)

    @cached_property
    def is_of_policy(self) -> np.ndarray:
        """True (n,) where the policy decided, within its limits."""
        return is_decided_by_policy(self.log)

    @cached_property
    def is_fallback(self) -> np.ndarray:
        """True (n,) where a fault, a limit or the kill switch kept the decision from who would have made it."""
        return self.log["fallback_reason"].notna().to_numpy()

    @cached_property
    def is_sent_to_rules(self) -> np.ndarray:
        """True (n,) where a fault or the kill switch sent the decision to the rules."""
        is_limit_alone = self.log["fallback_reason"].astype("str").str.startswith(LIMIT).to_numpy(dtype=bool)
        return self.is_fallback & ~is_limit_alone

    @property
    def is_by_rules(self) -> bool:
        """Whether the rules decided everybody, the holdout and the policy's traffic, apart from what was explored."""
        by_model = self.predictions.values is not None and not self.is_sent_to_rules[self.is_of_policy].all()
        return not (by_model or is_default_action(self.release_id) or self.is_contested.any())

    @cached_property
    def is_outside_support(self) -> np.ndarray:
        """True (n,) where the rules chose because the model had too little to go by; no fault sent it there."""
        is_bound = np.full(len(self.log), self.predictions.supported is not None)
        return is_bound & (self.log["role"] == "baseline").to_numpy() & ~self.is_fallback

    @cached_property
    def is_explored(self) -> np.ndarray:
        """True (n,) where chance or the rules chose: exploration and holdout."""
        return self.log["role"].isin(["exploration", "holdout"]).to_numpy()

    @cached_property
    def is_own_choice(self) -> np.ndarray:
        """True (n,) where the release, or the rules where it has no support, chose without chance or another release.

        Only where the outcome is known or should be.
        """
        is_chosen = self.is_free & ~self.log["role"].isin(["exploration", "canary"]).to_numpy()
        is_chosen &= ~is_overridden(self.log)
        return is_chosen & (~np.isnan(self.outcome) | is_outcome_missing(self.use_case, self.log))

    @cached_property
    def is_comparable(self) -> np.ndarray:
        """True (n,) where a score of the policy can be compared with an outcome once it has come."""
        is_scored = np.zeros(len(self.log), dtype=bool) if self.score is None else ~np.isnan(self.score)
        return self.is_free & np.array(self.use_case.revealing)[self.taken] & is_scored

    @cached_property
    def outcome(self) -> np.ndarray:
        """The outcome's class (n,), NaN where it is not known."""
        return self.log["outcome_class"].to_numpy(dtype=np.float64, na_value=np.nan)

    @cached_property
    def weight(self) -> np.ndarray:
        """1 / propensity of the action taken (n,)."""
        return np.asarray(1 / self.log["propensity"].to_numpy(dtype=np.float64))

    def missing(self, late: LateArrivals) -> MissingOutcomes:
        """What is known of the outcomes that have not come, from earlier cohorts."""
        return missing_outcomes(self.use_case, self.log, self.frame, late, self.amounts)

    def logged(self, missing: MissingOutcomes) -> LoggedDecisions:
        """The decisions as arrays, with what is known of the outcomes that have not come."""
        return logged_decisions(self.use_case, self.log, self.frame, self.predictions.values, missing, self.amounts)

    @cached_property
    def money(self) -> np.ndarray:
        """Realised money (n,), NaN where it is not known."""
        log = self.log
        return realised_values(self.use_case, self.frame, self.taken, log["outcome_class"], log["outcome_amount"])

    @cached_property
    def worth(self) -> float | None:
        """What choosing was worth, in money per decision; None: nobody knows."""
        return self.predictions.worth

    @cached_property
    def swing(self) -> float | None:
        """What the outcome made of the money of the action taken, in the mean and without a sign; None: unknown."""
        amount, n = self.log["outcome_amount"], len(self.log)
        yes, no = (
            realised_values(self.use_case, self.frame, self.taken, np.full(n, class_), amount) for class_ in (1.0, 0.0)
        )
        swing = np.abs(yes - no)[self.outcome == 1] if self.use_case.outcome.amount else np.abs(yes - no)
        return float(np.nanmean(swing)) if np.isfinite(swing).any() else None
