"""What is settled of the rows of a batch before any price: the offer, the draws, who is left to the rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from decisionloop.act.canary import Trial
from decisionloop.act.draws import in_holdout, uniform_draws
from decisionloop.act.preference import actions_within_reach
from decisionloop.act.propensities import NO_EXPLORING, Exploring, Offer
from decisionloop.act.situation import Situation, allowed_of, allowed_rules, fallback_reasons, instead_of_rules
from decisionloop.contract import UseCase
from decisionloop.predict.few_rows import ids_of


@dataclass(frozen=True)
class Draws:
    """Independent draws in [0, 1) of every row, made when first asked for: most batches need few of them."""

    entity_ids: np.ndarray | ExtensionArray
    as_of: datetime
    salt: str

    @cached_property
    def mixture(self) -> np.ndarray:
        """Decides which assignment of the plan a row follows."""
        return uniform_draws(self.entity_ids, self.as_of, self.salt, "mixture")

    @cached_property
    def exploration(self) -> np.ndarray:
        """Decides whether a row explores."""
        return uniform_draws(self.entity_ids, self.as_of, self.salt, "exploration")

    @cached_property
    def order(self) -> np.ndarray:
        """Gives sums an order that no caller can change."""
        return uniform_draws(self.entity_ids, self.as_of, self.salt, "order")

    def alternative(self, rows: np.ndarray) -> np.ndarray:
        """Decides among the alternatives, for some of the rows."""
        return uniform_draws(self.entity_ids[rows], self.as_of, self.salt, "alternative")


@dataclass(frozen=True)
class Turn:
    """What is settled of n rows: ``rules`` (n,) the rules' action or what has its place, ``is_holdout`` (n,),
    ``reason`` (n,) of falling back.

    ``trial``: how a release on trial sees them, None where none has a say.
    """

    offer: Offer
    draws: Draws
    rules: np.ndarray
    is_holdout: np.ndarray
    reason: np.ndarray
    trial: Trial | None = None

    @classmethod
    def of(
        cls,
        use_case: UseCase,
        frame: pd.DataFrame,
        as_of: datetime,
        situation: Situation,
    ) -> Turn:
        """The turn of the rows of ``frame``, exploring nothing. Raises ChoiceError where the situation does not fit."""
        allowed = allowed_of(use_case, frame, situation)
        entity_ids = ids_of(frame, use_case.entity.key)
        reason = fallback_reasons(situation, allowed)
        is_holdout = in_holdout(entity_ids, salt_of(use_case), use_case.policy.holdout_share)
        if situation.is_default_for_all:  # the rules, whose referee it is, decide nobody
            is_holdout = np.zeros_like(is_holdout)
        rules = allowed_rules(use_case, situation.rules_action, allowed)
        if situation.are_rules_stopped:
            rules = instead_of_rules(use_case, rules, allowed, is_holdout)
        is_fixed = pd.notna(reason) & ~((reason == situation.rules_because) & situation.is_standing_in)
        supported = None if situation.is_ruled else situation.supported
        offer = Offer(
            situation.values,
            allowed,
            np.where(is_holdout | is_fixed, rules, -1),
            NO_EXPLORING,
            use_case.default_action,
            np.array(use_case.revealing),
            None if supported is None else actions_within_reach(rules, supported),
        )
        draws = Draws(entity_ids, as_of, salt_of(use_case))
        return cls(offer, draws, rules, is_holdout, reason, _trial(offer, rules, situation, draws))

    def exploring(self, exploring: Exploring) -> Turn:
        """The same rows, exploring so, whoever decides them."""
        trial = None if self.trial is None else self.trial.exploring(exploring)
        return replace(self, offer=replace(self.offer, exploring=exploring), trial=trial)

    @property
    def mixed(self) -> Offer:
        """The offer of all rows together, each as the release sees it that decides it."""
        return self.offer if self.trial is None else self.trial.mixed(self.offer)

    def planned(self, is_ruled: bool) -> Offer | None:
        """What limits on the whole batch are planned for; None where only rules decide, which value nobody.

        Beside rules that is the release on trial as though it decided for everybody: its prices then hang on no draw.
        """
        if not is_ruled:
            return self.mixed
        return None if self.trial is None else self.trial.alone(self.rules)


def _trial(offer: Offer, rules: np.ndarray, situation: Situation, draws: Draws) -> Trial | None:
    if situation.canary is None or situation.rules_because:
        return None
    return Trial.of(offer, rules, situation.canary, draws.entity_ids, draws.salt)


def salt_of(use_case: UseCase) -> str:
    """The salt of a use case's draws: two use cases with the same salt still draw apart."""
    return f"{use_case.name}/{use_case.policy.salt}"
