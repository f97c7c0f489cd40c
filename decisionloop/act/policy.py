"""One action for every row, with the exact probability of having chosen it.

Rows of the holdout, rows with a fault and every row of a batch that is the rules' to decide (the kill switch, a model
that failed or may not act on what it sees) get the rules' action, as far as the limits on shares and cost allow.
Elsewhere the greedy action (the champion's, or the rules' where they are champion) is taken with probability
1 - e, and the other allowed actions that reveal an outcome share e. An action that reveals none is never explored:
its money is known, so trying it would cost something and teach nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd

from decisionloop.act.constraints import BatchTotals, limits_of
from decisionloop.act.draws import in_holdout, uniform_draws
from decisionloop.act.prices import BatchPart, Plan, plan
from decisionloop.act.propensities import Offer
from decisionloop.act.rules_limits import RulesLimits, rules_limits, within_limits
from decisionloop.contract import UseCase
from decisionloop.errors import DecisionLoopError

Situations = Callable[[], Iterable[tuple[pd.DataFrame, "Situation"]]]
"""The parts of a batch in their order, each a canonical frame and what is known of its rows; asked for repeatedly."""

KILL_SWITCH = "kill switch"
ROW_FAULT = "row fault"
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
    """

    values: np.ndarray
    rules_action: np.ndarray
    has_model: bool
    rules_because: str = ""
    limits: RulesLimits | None = None
    allowed: np.ndarray | None = None
    is_fallback: np.ndarray | None = None
    fallback_reason: np.ndarray | None = None

    @property
    def is_ruled(self) -> bool:
        """Whether the rules decide the whole batch."""
        return not self.has_model or bool(self.rules_because)


@dataclass(frozen=True)
class Choice:
    """What was chosen for n rows among A actions (contract order).

    ``action`` (n,) index; ``propensity`` (n,) its probability; ``propensities`` (n, A), each row sums to 1;
    ``role`` (n,) champion, baseline, exploration or holdout; ``expected_value`` (n,) money expected of the chosen
    action, NaN where unknown; ``fallback_reason`` (n,) text or None; ``prices``: by wording, what one more unit of
    each limit would earn.
    """

    action: np.ndarray
    propensity: np.ndarray
    propensities: np.ndarray
    role: np.ndarray
    expected_value: np.ndarray
    fallback_reason: np.ndarray
    prices: tuple[tuple[str, float], ...]


def choose(use_case: UseCase, frame: pd.DataFrame, as_of: datetime, situation: Situation) -> Choice:
    """Choose for the n rows of the canonical ``frame``, a whole batch; the same arguments always give the same choice.

    Raises ChoiceError when shapes differ or a row has no allowed action, InfeasibleConstraints when no choice
    keeps the constraints.
    """
    totals = BatchTotals.of(use_case, frame)
    situation = replace(situation, limits=limits_of_rules(use_case, as_of, totals, lambda: [(frame, situation)]))
    agreed = plan_batch(use_case, as_of, totals, lambda: [(frame, situation)])
    return choose_part(use_case, frame, as_of, situation, totals, agreed)


def plan_batch(use_case: UseCase, as_of: datetime, totals: BatchTotals, parts: Situations) -> Plan | None:
    """Agree on the prices of the constraints over all parts of a batch; None where there is nothing to agree on.

    Raises what :func:`choose` raises.
    """
    if not use_case.policy.constraints or not totals.rows:
        return None
    if any(situation.is_ruled for _, situation in parts()):
        return None
    return plan(lambda: (_part(use_case, frame, as_of, situation, totals) for frame, situation in parts()))


def limits_of_rules(use_case: UseCase, as_of: datetime, totals: BatchTotals, parts: Situations) -> RulesLimits | None:
    """Where the contract's limits cut the rules' choice over all parts of a batch that they decide; else None."""

    def ruled() -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        for frame, situation in parts():
            yield frame, _allowed_rules(use_case, situation.rules_action, _allowed(use_case, frame, situation))

    if not totals.rows or not all(situation.is_ruled for _, situation in parts()):
        return None
    return rules_limits(use_case, as_of, salt_of(use_case), totals, ruled)


def choose_part(
    use_case: UseCase,
    frame: pd.DataFrame,
    as_of: datetime,
    situation: Situation,
    totals: BatchTotals,
    agreed: Plan | None,
) -> Choice:
    """Choose for one part of the batch of ``totals``, at the prices that the whole batch agreed on."""
    turn = _Turn.of(use_case, frame, as_of, situation)
    offer, draws = turn.offer, turn.draws
    if situation.is_ruled:
        greedy, preferred = _ruled(use_case, frame, as_of, situation, turn)
    else:
        greedy_of_plan, weight = _assignments(use_case, frame, turn, totals, agreed)
        greedy = _mixed(greedy_of_plan, weight, draws)
        preferred = [(np.full(len(frame), w), one) for w, one in zip(weight, greedy_of_plan, strict=True)]
    others = offer.alternatives(greedy)
    is_exploring = others.any(axis=1) & (draws.exploration < offer.exploration_share)
    action = greedy.copy()
    exploring = np.flatnonzero(is_exploring)
    action[exploring] = _one_of(others[exploring], draws.alternative(exploring))
    propensities = sum(chance[:, None] * offer.propensities(one) for chance, one in preferred)
    row = np.arange(len(frame))
    prices = () if agreed is None else tuple(zip(agreed.wording, agreed.price.tolist(), strict=True))
    return Choice(
        action=action,
        propensity=propensities[row, action],
        propensities=propensities,
        role=_roles(turn.is_holdout, offer, is_exploring, situation.has_model),
        expected_value=situation.values[row, action],
        fallback_reason=turn.reason,
        prices=prices,
    )


def _ruled(
    use_case: UseCase, frame: pd.DataFrame, as_of: datetime, situation: Situation, turn: _Turn
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """What the rules prefer within the limits (n,), and each preference (n,) with its chance (n,).

    Says in the turn's reasons whose choice was cut.
    """
    limited = within_limits(use_case, situation.limits, frame, as_of, salt_of(use_case), turn.rules)
    default = np.full(len(frame), use_case.default_action)
    can_be_cut = turn.offer.allowed[:, use_case.default_action] & (turn.rules != default)
    kept, is_cut = np.where(can_be_cut, limited.kept, 1.0), limited.is_cut & can_be_cut
    for row in np.flatnonzero(is_cut):
        known = turn.reason[row]
        turn.reason[row] = limited.reason[row] if known is None else f"{known}; {limited.reason[row]}"
    return np.where(is_cut, default, turn.rules), [
        (kept, turn.rules),
        (1 - kept, np.where(can_be_cut, default, turn.rules)),
    ]


def _assignments(
    use_case: UseCase,
    frame: pd.DataFrame,
    turn: _Turn,
    totals: BatchTotals,
    agreed: Plan | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The assignments (J, n) of the plan and their weights (J,); a single one where there is no plan."""
    if agreed is None:
        return turn.offer.best(turn.offer.values)[None, :], np.ones(1)
    part = BatchPart(turn.offer, limits_of(use_case, frame, totals))
    return np.stack([assignment.of(part) for assignment in agreed.assignments]), agreed.weight


def _part(
    use_case: UseCase, frame: pd.DataFrame, as_of: datetime, situation: Situation, totals: BatchTotals
) -> BatchPart:
    """A part as the plan sees it; its rows are summed in the order of a draw, whatever order they came in."""
    turn = _Turn.of(use_case, frame, as_of, situation)
    order = np.argsort(turn.draws.order, kind="stable")
    limits = limits_of(use_case, frame, totals)
    return BatchPart(turn.offer.rows(order), tuple(limit.rows(order) for limit in limits))


@dataclass(frozen=True)
class _Turn:
    """What is settled of n rows before any price: the offer, the draws, who is held out or left to the rules."""

    offer: Offer
    draws: _Draws
    rules: np.ndarray
    is_holdout: np.ndarray
    reason: np.ndarray

    @classmethod
    def of(cls, use_case: UseCase, frame: pd.DataFrame, as_of: datetime, situation: Situation) -> _Turn:
        allowed = _allowed(use_case, frame, situation)
        entity_ids = frame[use_case.entity.key].to_numpy(dtype=object)
        reason = _fallback_reason(situation, allowed)
        is_holdout = in_holdout(entity_ids, salt_of(use_case), use_case.policy.holdout_share)
        rules = _allowed_rules(use_case, situation.rules_action, allowed)
        offer = Offer(
            situation.values,
            allowed,
            np.where(is_holdout | pd.notna(reason), rules, -1),
            use_case.policy.exploration_share,
            use_case.default_action,
            np.array(use_case.revealing),
        )
        return cls(offer, _Draws(entity_ids, as_of, salt_of(use_case)), rules, is_holdout, reason)


def salt_of(use_case: UseCase) -> str:
    """The salt of a use case's draws: two use cases with the same salt still draw apart."""
    return f"{use_case.name}/{use_case.policy.salt}"


@dataclass(frozen=True)
class _Draws:
    """Independent draws in [0, 1) of every row, made when first asked for: most batches need few of them."""

    entity_ids: np.ndarray
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


def _allowed(use_case: UseCase, frame: pd.DataFrame, situation: Situation) -> np.ndarray:
    shape = (len(frame), len(use_case.actions))
    allowed = np.ones(shape, dtype=bool) if situation.allowed is None else situation.allowed
    for name, array, wanted in (
        ("values", situation.values, shape),
        ("allowed", allowed, shape),
        ("rules_action", situation.rules_action, shape[:1]),
        ("is_fallback", situation.is_fallback, shape[:1]),
        ("fallback_reason", situation.fallback_reason, shape[:1]),
    ):
        if array is not None and np.shape(array) != wanted:
            raise ChoiceError(
                f"{name} has shape {np.shape(array)}, the batch wants {wanted}. Pass arrays of one batch."
            )
    nothing = int((~allowed.any(axis=1)).sum())
    if nothing:
        raise ChoiceError(f"{nothing} rows have no allowed action. Always allow at least the default action.")
    return allowed


def _allowed_rules(use_case: UseCase, rules_action: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    rules = np.asarray(rules_action, dtype=np.int64)
    if ((rules < 0) | (rules >= allowed.shape[1])).any():
        raise ChoiceError("rules_action holds an index that is no action. Let rules.py return names of `actions`.")
    row = np.arange(len(rules))
    stand_in = np.where(allowed[:, use_case.default_action], use_case.default_action, allowed.argmax(axis=1))
    return np.where(allowed[row, rules], rules, stand_in)


def _fallback_reason(situation: Situation, allowed: np.ndarray) -> np.ndarray:
    """Why a row goes to the rules (n,): text, or None where it does not."""
    reason = np.full(len(allowed), None, dtype=object)
    if situation.has_model:
        reason[(np.isnan(situation.values) & allowed).any(axis=1)] = NO_VALUE
    if situation.is_fallback is not None:
        given = pd.Series(situation.fallback_reason, index=range(len(allowed)), dtype=object).fillna(ROW_FAULT)
        reason = np.where(situation.is_fallback, given.to_numpy(dtype=object), reason)
    if situation.rules_because:
        reason[:] = situation.rules_because
    return reason


def _mixed(assignments: np.ndarray, weight: np.ndarray, draws: _Draws) -> np.ndarray:
    """The action (n,) of each row, which follows assignment j of ``assignments`` (J, n) with chance ``weight[j]``."""
    if len(weight) == 1:
        return assignments[0].astype(np.int64)
    drawn = np.searchsorted(np.cumsum(weight)[:-1], draws.mixture, side="right")
    return assignments[drawn, np.arange(assignments.shape[1])].astype(np.int64)


def _one_of(others: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """One of the actions in ``others`` (n, A), all equally likely (n,); meaningless where there is none."""
    wanted = (draw * others.sum(axis=1)).astype(np.int64) + 1
    return (others.cumsum(axis=1) >= wanted[:, None]).argmax(axis=1)


def _roles(is_holdout: np.ndarray, offer: Offer, is_exploring: np.ndarray, has_model: bool) -> np.ndarray:
    role = np.full(len(is_holdout), "champion" if has_model else "baseline", dtype=object)
    role[~offer.is_free] = "baseline"
    role[is_exploring] = "exploration"
    role[is_holdout] = "holdout"
    return role
