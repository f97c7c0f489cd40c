"""What is known of the rows of a batch when their actions are chosen, and what of it is settled before any choice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decisionloop.act.exploration.seen_money import NOTHING_SEEN, SeenMoney
from decisionloop.act.rules_limits import LIMIT, RulesLimits
from decisionloop.contract import UseCase
from decisionloop.errors import DecisionLoopError

if TYPE_CHECKING:
    from decisionloop.act.canary import Canary
    from decisionloop.act.exploration.agreement import AgreedExploring

KILL_SWITCH = "kill switch"
ROLLED_BACK = "model rolled back"
DEFAULT_FOR_ALL = "kill switch: default action"
"""Where the rules are what is wrong: everybody gets the default action, the holdout too, whatever rules would do."""
BY_SWITCH = {"off": "", "on": KILL_SWITCH, "default": DEFAULT_FOR_ALL}
"""What each position of the kill switch makes of a batch."""
BY_PEOPLE = (KILL_SWITCH, ROLLED_BACK, DEFAULT_FOR_ALL)
"""Why a batch was taken from its model by people: the rules decide it, or nobody; and nothing is explored."""
STANDING_IN = "rules stand in: "
"""How the reason of a row begins whose batch a model must not decide: rules explore there, as without a model."""
ROW_FAULT = "row fault"
SPENT = f"{LIMIT}budget of the period"
"""Why a row had no chance of an action that it would have had one of: the period could no longer pay for it."""
NO_VALUE = "no expected value"


class ChoiceError(DecisionLoopError):
    """What the policy was given does not fit together."""


@dataclass(frozen=True)
class Situation:
    """What is known of n rows when their actions are chosen among A (contract order).

    ``values`` expected money (n, A), NaN where the model cannot say: with a model, such a row goes to the rules.
    ``rules_action`` index (n,); where it is not allowed the default action stands in, or the first allowed one.
    ``has_model``: is the champion a model? If not, the greedy action is the rules', and constraints, which need
    values to trade, do not apply (guardrails do). ``rules_because``: why the rules decide everything in place of a
    model, "" where they do not. ``limits``: where the contract's limits cut the rules' choice.
    ``allowed`` bool (n, A), None: all. ``is_fallback`` (n,): rows with a fault, ``fallback_reason`` (n,) why.
    ``reason`` (n,): the rules' words. ``seen``: what outcomes have shown so far, as it was frozen with the batch.
    ``exploring``: what the batch agreed on; None: nothing is explored.
    ``supported`` bool (n, A): where the log that taught the model shows what an action brings, None: everywhere.
    ``canary``: what a release on trial says of the rows, None: none is. ``are_rules_stopped``: whether the default
    action has the place of ``rules_action`` for everybody but the holdout; what the rules would do is explored.
    """

    values: np.ndarray
    rules_action: np.ndarray
    has_model: bool
    rules_because: str = ""
    limits: RulesLimits | None = None
    allowed: np.ndarray | None = None
    is_fallback: np.ndarray | None = None
    fallback_reason: np.ndarray | None = None
    reason: np.ndarray | None = None
    seen: SeenMoney = NOTHING_SEEN
    exploring: AgreedExploring | None = None
    supported: np.ndarray | None = None
    canary: Canary | None = None
    are_rules_stopped: bool = False

    def rows(self, some: slice) -> Situation:
        """What is known of some of the rows."""

        def cut(one: np.ndarray | None) -> np.ndarray | None:
            return None if one is None else one[some]

        return replace(
            self,
            values=self.values[some],
            rules_action=self.rules_action[some],
            allowed=cut(self.allowed),
            is_fallback=cut(self.is_fallback),
            fallback_reason=cut(self.fallback_reason),
            reason=cut(self.reason),
            supported=cut(self.supported),
            canary=None if self.canary is None else self.canary.rows(some),
        )

    @property
    def is_ruled(self) -> bool:
        """Whether the rules decide the whole batch."""
        return not self.has_model or bool(self.rules_because)

    @property
    def is_default_for_all(self) -> bool:
        """Whether everybody gets the default action, by the kill switch."""
        return self.rules_because == DEFAULT_FOR_ALL

    @property
    def is_standing_in(self) -> bool:
        """Whether the rules decide in place of a model that must not, and not because people have switched it off."""
        return self.rules_because.startswith(STANDING_IN)


def allowed_of(use_case: UseCase, frame: pd.DataFrame, situation: Situation) -> np.ndarray:
    """Which actions (n, A) are allowed. Raises ChoiceError when shapes differ or a row has no allowed action."""
    shape = (len(frame), len(use_case.actions))
    allowed = np.ones(shape, dtype=bool) if situation.allowed is None else situation.allowed
    for name, array, wanted in (
        ("values", situation.values, shape),
        ("allowed", allowed, shape),
        ("rules_action", situation.rules_action, shape[:1]),
        ("is_fallback", situation.is_fallback, shape[:1]),
        ("fallback_reason", situation.fallback_reason, shape[:1]),
        ("reason", situation.reason, shape[:1]),
        ("supported", situation.supported, shape),
        ("canary.values", None if situation.canary is None else situation.canary.values, shape),
    ):
        if array is not None and np.shape(array) != wanted:
            raise ChoiceError(
                f"{name} has shape {np.shape(array)}, the batch wants {wanted}. Pass arrays of one batch."
            )
    nothing = int((~allowed.any(axis=1)).sum())
    if nothing:
        raise ChoiceError(f"{nothing} rows have no allowed action. Always allow at least the default action.")
    return allowed


def allowed_rules(use_case: UseCase, rules_action: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """The rules\' action (n,), the default one (or the first allowed) where it is not allowed. Raises ChoiceError."""
    rules = np.asarray(rules_action, dtype=np.int64)
    if ((rules < 0) | (rules >= allowed.shape[1])).any():
        raise ChoiceError("rules_action holds an index that is no action. Let rules.py return names of `actions`.")
    row = np.arange(len(rules))
    stand_in = np.where(allowed[:, use_case.default_action], use_case.default_action, allowed.argmax(axis=1))
    return np.where(allowed[row, rules], rules, stand_in)


def instead_of_rules(use_case: UseCase, rules: np.ndarray, allowed: np.ndarray, is_holdout: np.ndarray) -> np.ndarray:
    """What has the place of the rules' action ``rules`` (n,) while they are stopped: the default action (n,).

    The holdout stays on the rules, and so does who may not get it.
    """
    default = use_case.default_action
    return np.where(allowed[:, default] & ~is_holdout, default, rules)


def fallback_reasons(situation: Situation, allowed: np.ndarray) -> np.ndarray:
    """Why a row goes to the rules (n,): text, or None where it does not."""
    reason = np.full(len(allowed), None, dtype=object)
    if situation.has_model:
        reason[(np.isnan(situation.values) & allowed).any(axis=1)] = NO_VALUE
    if situation.is_fallback is not None and situation.is_fallback.any():
        reason = np.where(situation.is_fallback, _given(situation.fallback_reason, len(allowed)), reason)
    if situation.is_standing_in:
        is_row_s_own = pd.notna(reason) & (reason != NO_VALUE)
        return np.where(is_row_s_own, reason, np.array(situation.rules_because, dtype=object))
    if situation.rules_because:
        reason[:] = situation.rules_because
    return reason


def _given(told: np.ndarray | None, rows: int) -> np.ndarray:
    """What was told of each row (n,), `ROW_FAULT` where nothing was."""
    if told is None:
        return np.full(rows, ROW_FAULT, dtype=object)
    given = np.asarray(told, dtype=object)
    return np.where(pd.isna(given), ROW_FAULT, given)


def is_free_to_explore(reason: str | None) -> bool:
    """Whether a row that was logged with this reason of falling back was free to be explored.

    So are rows without a reason, and those for which rules stand in for a model on a whole batch: they explore, so that
    what comes of it teaches like all else. A limit on a batch cuts by a draw whose chance is logged; a row with a fault
    of its own takes one action, and to one of a period that is `SPENT` not everything was open.
    """
    return is_of_policy(reason) and not str(reason).endswith(SPENT)


def is_of_policy(reason: str | None) -> bool:
    """Whether the policy, within its limits, decided a row that was logged with this reason of falling back.

    A fault of the row is no such reason, nor is the kill switch or a rollback.
    """
    return reason is None or all(one.startswith((STANDING_IN, LIMIT)) for one in reason.split("; "))


def is_limited(reason: str | None) -> bool:
    """Whether a limit cut a row that was logged with this reason, whatever else befell it."""
    return any(one.startswith(LIMIT) for one in str(reason).split("; "))


def is_row_fault(logged: pd.Series) -> np.ndarray:
    """Which logged reasons (n,) of falling back are faults of the row itself, whichever release would have decided.

    Not so: a model that could not value it, the kill switch or a rollback, rules that stood in for a model, or a limit.
    """
    first = logged.astype("str").str.replace(r"; .*$", "", regex=True)
    is_other = first.isin([NO_VALUE, *BY_PEOPLE]) | first.str.startswith((STANDING_IN, LIMIT), na=False)
    return (logged.notna() & ~is_other).to_numpy(dtype=bool)
