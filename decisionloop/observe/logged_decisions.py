"""The log of decisions as arrays: what every estimator of money starts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from decisionloop.act.exploration.support import PROPENSITY_FLOOR
from decisionloop.errors import UsageError
from decisionloop.observe.estimate import Codes, Floats
from decisionloop.observe.missing_outcomes import MissingOutcomes
from decisionloop.observe.possible_money import PossibleMoney

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LoggedDecisions:
    """n decisions over A actions in contract order.

    action            (n,)    index of the action taken: what was chosen, whatever was executed
    propensity        (n,)    probability, at decision time, of the action taken; NaN or 0 = unknown, and below
                              `PROPENSITY_FLOOR` out of support: of such a decision the log cannot tell
    reward            (n,)    money that the decision brought; NaN where its outcome was not (or never) revealed
    expected_values   (n, A)  money expected of each action under a reward model that has not learnt from these
                              very outcomes; NaN = no opinion (the row then rests on its outcome alone)
    is_exact          (A,)    True where the action's money does not involve the outcome: its column of
                              ``expected_values`` is then the truth
    entity            (n,)    integer code of the entity; its decisions are not independent of each other
    is_possible       (n, A)  which actions the policy could have taken; None = every action, or only the one
                              taken where its propensity is 1
    possible          (n, A)  the worst and the best money of each action, which size a loss that was never seen;
                              None = unknown, so that sizes must be learnt from what was seen
    missing                   what is known of outcomes that have not come; None: nothing
    executed          (n,)    index of the action that was executed, which decides what outcome there can be; None: that
                              which was taken

    Raises UsageError when shapes disagree, an action is out of range or a propensity is not a probability.
    """

    action: Codes
    propensity: Floats
    reward: Floats
    expected_values: Floats
    is_exact: Flags
    entity: Codes
    is_possible: Flags | None = None
    possible: PossibleMoney | None = None
    missing: MissingOutcomes | None = None
    executed: Codes | None = None

    def __post_init__(self) -> None:
        n, actions = np.shape(self.expected_values)
        wanted: dict[str, tuple[int, ...]] = dict.fromkeys(("action", "propensity", "reward", "entity"), (n,))
        wanted["is_exact"] = (actions,)
        if self.executed is not None:
            wanted["executed"] = (n,)
        if self.is_possible is not None:
            wanted["is_possible"] = (n, actions)
        if self.possible is not None and np.shape(self.possible.worst) != (n, actions):
            raise UsageError(
                f"logged decisions: possible money has shape {np.shape(self.possible.worst)} and must have "
                f"{(n, actions)}. Build it from the same log."
            )
        for name, shape in wanted.items():
            if np.shape(getattr(self, name)) != shape:
                raise UsageError(
                    f"logged decisions: {name} has shape {np.shape(getattr(self, name))} and must have {shape}, "
                    f"because expected_values has {(n, actions)}. Build every column from the same log."
                )
        if n and not ((self.action >= 0) & (self.action < actions)).all():
            raise UsageError(f"logged decisions: an action is outside 0 to {actions - 1}. Use contract order.")
        if ((self.propensity < 0) | (self.propensity > 1 + 1e-9)).any():
            raise UsageError("logged decisions: a propensity is outside 0 to 1. Log the action's probability.")

    def __len__(self) -> int:
        return len(self.action)

    def subset(self, keep: npt.NDArray[np.bool_] | Codes) -> LoggedDecisions:
        """The decisions at ``keep`` (mask or positions), in that order."""
        return LoggedDecisions(
            action=self.action[keep],
            propensity=self.propensity[keep],
            reward=self.reward[keep],
            expected_values=self.expected_values[keep],
            is_exact=self.is_exact,
            entity=self.entity[keep],
            is_possible=None if self.is_possible is None else self.is_possible[keep],
            possible=None if self.possible is None else self.possible.subset(keep),
            missing=None if self.missing is None else self.missing.subset(keep),
            executed=None if self.executed is None else self.executed[keep],
        )

    @property
    def done(self) -> Codes:
        """(n,) index of the action that was executed."""
        return self.action if self.executed is None else self.executed

    @cached_property
    def has_propensity(self) -> Flags:
        """(n,) whether the propensity of the action taken is known, and not so small that it is no evidence."""
        return np.nan_to_num(self.propensity, nan=0.0) >= PROPENSITY_FLOOR

    @cached_property
    def could_be_taken(self) -> Flags:
        """(n, A) actions that may have been drawn, as far as the log says: no other where one was taken for sure."""
        known = np.nan_to_num(self.propensity, nan=0.0) > 0
        if self.is_possible is None:
            is_random = known & (self.propensity < 1 - 1e-9)
            could = np.repeat(is_random[:, None], self.expected_values.shape[1], axis=1)
        else:
            could = self.is_possible & known[:, None]
        could[np.arange(len(self)), self.action] = known
        return could

    @cached_property
    def supported(self) -> Flags:
        """(n, A) actions whose money the log can tell: exactly known, or possible here and with outcomes somewhere."""
        seen = np.bincount(self.action[self.is_arrived], minlength=self.expected_values.shape[1])
        could = self.could_be_taken & self.has_propensity[:, None] & (seen > 0)
        return np.where(self.is_exact, np.isfinite(self.expected_values), could)

    @cached_property
    def is_arrived(self) -> Flags:
        """(n,) whether the money of the action taken is known by now."""
        exact = self.is_exact[self.action] & np.isfinite(self.expected_of_taken)
        return exact | np.isfinite(self.reward)

    @cached_property
    def expected_of_taken(self) -> Floats:
        """(n,) expected money of the action taken; NaN without an opinion."""
        return self.expected_values[np.arange(len(self)), self.action]

    @cached_property
    def money(self) -> Floats:
        """(n,) money of the action taken, from the exact value or the reward; 0 where it has not arrived."""
        exact = self.is_exact[self.action] & np.isfinite(self.expected_of_taken)
        return np.nan_to_num(np.where(exact, self.expected_of_taken, self.reward), nan=0.0)

    @cached_property
    def arrival_weight(self) -> Floats:
        """(n,) 1 / share of this action's outcomes that arrived, or still will, where this one did, else 0.

        Outcomes that never arrive are taken as missing at random among the decisions with the same action executed.
        """
        return np.where(self.is_arrived, self.action_scale[self.done], 0.0)

    @cached_property
    def action_scale(self) -> Floats:
        """(A,) decisions of each action for one that has an outcome, or will have; 0 where none has."""
        arrived = self.arrived_by_action
        there = np.where(arrived > 0, arrived + self.come_by_action, 0.0)
        return np.divide(self.taken_by_action, there, out=np.zeros(len(arrived)), where=there > 0)

    @cached_property
    def shown_scale(self) -> Floats:
        """(A,) decisions of each action for one that has an outcome or misses it.

        1 but in a replay, whose draws show the outcomes of a part of the decisions, and miss those of a part of these.
        """
        actions = self.expected_values.shape[1]
        if self.missing is None:
            return np.ones(actions)
        shown = self.arrived_by_action + np.bincount(self.done[self.missing.is_missing], minlength=actions)
        return np.divide(self.taken_by_action, shown, out=np.ones(actions), where=shown > 0)

    @cached_property
    def come_by_action(self) -> Floats:
        """(A,) missing outcomes that are expected to come."""
        actions = self.expected_values.shape[1]
        if self.missing is None:
            return np.zeros(actions)
        return np.bincount(self.done, weights=self.missing.come, minlength=actions).astype(float)

    @cached_property
    def taken_by_action(self) -> Floats:
        """(A,) decisions in which each action was executed."""
        return np.bincount(self.done, minlength=self.expected_values.shape[1]).astype(float)

    @cached_property
    def arrived_by_action(self) -> Floats:
        """(A,) of these, the ones whose money is known by now."""
        arrived = self.done[self.is_arrived]
        return np.bincount(arrived, minlength=self.expected_values.shape[1]).astype(float)

    @property
    def is_silent(self) -> bool:
        """Whether some took an action of which no outcome has arrived."""
        return bool(((self.taken_by_action > 0) & (self.arrived_by_action == 0)).any())

    @property
    def missing_outcomes(self) -> int:
        """Decisions whose money depends on an outcome that has not arrived."""
        return int((~self.is_arrived).sum())
