"""One action for every row, with the exact probability of having chosen it.

Rows of the holdout, rows with a fault and, under the kill switch, every row get the rules' action for certain, as far
as the limits on shares and cost allow. Where rules stand in for a model that must not decide they explore like rules
without a model do: what comes of it is what the next model learns from.
Where the log that taught a model does not support what it would do, its greedy action is the rules' own, and explores
like any other: outside its support a model says nothing, which is neither a fault nor a halt.
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
from decisionloop.act.preference import actions_within_reach
from decisionloop.act.prices import BatchPart, Plan, plan
from decisionloop.act.propensities import Offer
from decisionloop.act.rules_limits import RulesLimits, rules_limits, within_limits
from decisionloop.act.situation import Situation, allowed_of, allowed_rules, fallback_reasons
from decisionloop.contract import UseCase

Situations = Callable[[], Iterable[tuple[pd.DataFrame, Situation]]]
"""The parts of a batch in their order, each a canonical frame and what is known of its rows; asked for repeatedly."""


@dataclass(frozen=True)
class Choice:
    """What was chosen for n rows among A actions (contract order).

    ``action`` (n,) index; ``propensity`` (n,) its probability; ``propensities`` (n, A), each row sums to 1;
    ``role`` (n,) champion, baseline, exploration or holdout; ``expected_value`` (n,) money expected of the chosen
    action, NaN where unknown; ``fallback_reason`` (n,) text or None; ``prices``: by wording, what one more unit of
    each limit would earn. ``is_outside`` bool (n,): the model would have preferred another action than the rules', and
    the log that taught it does not support that.
    """

    action: np.ndarray
    propensity: np.ndarray
    propensities: np.ndarray
    role: np.ndarray
    expected_value: np.ndarray
    fallback_reason: np.ndarray
    prices: tuple[tuple[str, float], ...]
    is_outside: np.ndarray


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
            turn = _Turn.of(use_case, frame, as_of, situation)
            yield frame, _explored(turn, turn.rules)[0]

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
    if situation.is_ruled:
        greedy, preferred = turn.rules, [(np.ones(len(frame)), turn.rules)]
        is_outside = np.zeros(len(frame), dtype=bool)
    else:
        greedy_of_plan, weight = _assignments(use_case, frame, turn, totals, agreed)
        greedy = _mixed(greedy_of_plan, weight, turn.draws)
        preferred = [(np.full(len(frame), w), one) for w, one in zip(weight, greedy_of_plan, strict=True)]
        unbound = replace(turn, offer=replace(turn.offer, reach=None))
        wanted = _mixed(*_assignments(use_case, frame, unbound, totals, agreed), turn.draws)
        is_outside = (greedy == turn.rules) & (wanted != greedy)
    action, is_exploring = _explored(turn, greedy)
    propensities = sum(chance[:, None] * turn.offer.propensities(one) for chance, one in preferred)
    if situation.is_ruled and situation.limits is not None:
        is_cut, propensities = _cut(use_case, frame, as_of, situation.limits, turn, (propensities, action))
        action, is_exploring = np.where(is_cut, use_case.default_action, action), is_exploring & ~is_cut
    row = np.arange(len(frame))
    prices = () if agreed is None else tuple(zip(agreed.wording, agreed.price.tolist(), strict=True))
    return Choice(
        action=action,
        propensity=propensities[row, action],
        propensities=propensities,
        role=_roles(turn.is_holdout, is_exploring, situation.is_ruled | ~turn.offer.is_free | is_outside),
        expected_value=situation.values[row, action],
        fallback_reason=turn.reason,
        prices=prices,
        is_outside=is_outside,
    )


def _explored(turn: _Turn, greedy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The action (n,) once some of the rows have drawn another one than ``greedy`` (n,), and which have (n,)."""
    others = turn.offer.alternatives(greedy)
    is_exploring = others.any(axis=1) & (turn.draws.exploration < turn.offer.exploration_share)
    action, rows = greedy.copy(), np.flatnonzero(is_exploring)
    action[rows] = _one_of(others[rows], turn.draws.alternative(rows))
    return action, is_exploring


def _cut(
    use_case: UseCase,
    frame: pd.DataFrame,
    as_of: datetime,
    limits: RulesLimits,
    turn: _Turn,
    propensities_and_action: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Who takes the default action because the limits cut what was drawn (n,), and the propensities (n, A) then.

    Says in the turn's reasons whose choice was cut.
    """
    propensities, action = propensities_and_action
    default, can_be_cut = use_case.default_action, turn.offer.allowed[:, use_case.default_action]
    limited = within_limits(use_case, limits, frame, as_of, salt_of(use_case), action)
    is_cut = limited.is_cut & can_be_cut & (action != default)
    kept = np.where(can_be_cut[:, None], np.array(limits.kept)[None, :], 1.0)
    kept[:, default] = 1.0
    left = propensities * kept
    left[:, default] += (propensities - left).sum(axis=1)
    for row in np.flatnonzero(is_cut):
        known = turn.reason[row]
        turn.reason[row] = limited.reason[row] if known is None else f"{known}; {limited.reason[row]}"
    return is_cut, left


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
        allowed = allowed_of(use_case, frame, situation)
        entity_ids = frame[use_case.entity.key].to_numpy(dtype=object)
        reason = fallback_reasons(situation, allowed)
        is_holdout = in_holdout(entity_ids, salt_of(use_case), use_case.policy.holdout_share)
        rules = allowed_rules(use_case, situation.rules_action, allowed)
        is_fixed = pd.notna(reason) & ~((reason == situation.rules_because) & situation.is_standing_in)
        supported = None if situation.is_ruled else situation.supported
        offer = Offer(
            situation.values,
            allowed,
            np.where(is_holdout | is_fixed, rules, -1),
            use_case.exploration_share,
            use_case.default_action,
            np.array(use_case.revealing),
            None if supported is None else actions_within_reach(rules, supported),
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


def _roles(is_holdout: np.ndarray, is_exploring: np.ndarray, is_by_rules: np.ndarray) -> np.ndarray:
    role = np.where(is_by_rules, "baseline", "champion").astype(object)
    role[is_exploring] = "exploration"
    role[is_holdout] = "holdout"
    return role
