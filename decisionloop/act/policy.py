"""One action for every row, with the exact probability of having chosen it.

Rows of the holdout, rows with a fault and, under the kill switch, every row get the rules' action for certain, as far
as the limits on shares and cost allow. Where rules stand in for a model that must not decide they explore like rules
without a model do: what comes of it is what the next model learns from.
Where the log that taught a model does not support what it would do, its greedy action is the rules' own, and explores
like any other: outside its support a model says nothing, which is neither a fault nor a halt.
A release on trial (`act.canary`) prefers for the entities that it draws.
Elsewhere the greedy action (the champion's, or the rules' where they are champion) is taken, unless one of the other
allowed actions that reveal an outcome is explored, as often as the batch agreed on (`act.exploration`). An action that
reveals none is never explored: its money is known, so trying it would cost something and teach nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.act.constraints import BatchTotals, Limit, UnknownCost, limits_of
from decisionloop.act.exploration.agreement import AgreedExploring, Situations, agree_on_exploring, exploring_turn
from decisionloop.act.greedy import Greedy, greedy_actions
from decisionloop.act.pacing import without_unknown
from decisionloop.act.prices import BatchPart, InfeasibleConstraints, Plan, plan
from decisionloop.act.propensities import Exploring
from decisionloop.act.rules_limits import RulesLimits, rules_limits, within_limits
from decisionloop.act.situation import Situation
from decisionloop.act.turn import Turn, salt_of
from decisionloop.contract import UseCase


@dataclass(frozen=True)
class Choice:
    """What was chosen for n rows among A actions (contract order).

    ``action`` (n,) index; ``propensity`` (n,) its probability; ``propensities`` (n, A), each row sums to 1;
    ``role`` (n,) champion, baseline, canary, exploration or holdout; ``expected_value`` (n,) money expected of the
    chosen action, NaN where unknown; ``fallback_reason`` (n,) text or None; ``prices``: by wording, what one more unit
    of each limit would earn. ``is_outside`` bool (n,): the model would have preferred another action than the rules',
    which the log that taught it does not support. ``is_on_trial`` bool (n,): a release on trial decided, also where
    it explored or did as the rules do.
    """

    action: np.ndarray
    propensity: np.ndarray
    propensities: np.ndarray
    role: np.ndarray
    expected_value: np.ndarray
    fallback_reason: np.ndarray
    prices: tuple[tuple[str, float], ...]
    is_outside: np.ndarray
    is_on_trial: np.ndarray


def choose(use_case: UseCase, frame: pd.DataFrame, as_of: datetime, situation: Situation) -> Choice:
    """Choose for the n rows of the canonical ``frame``, a whole batch; the same arguments always give the same choice.

    Raises ChoiceError when shapes differ or a row has no allowed action, InfeasibleConstraints when no choice
    keeps the constraints.
    """
    totals = BatchTotals.of(use_case, frame)
    exploring = agree_to_explore(use_case, as_of, totals, lambda: [(frame, situation)])
    free = replace(situation, exploring=exploring)
    agreed = plan_batch(use_case, as_of, totals, lambda: [(frame, free)])
    situation = replace(free, limits=limits_of_rules(use_case, as_of, totals, lambda: [(frame, free)], agreed))
    return choose_part(use_case, frame, as_of, situation, totals, agreed)


def agree_to_explore(
    use_case: UseCase, as_of: datetime, totals: BatchTotals, parts: Situations
) -> AgreedExploring | None:
    """Agree over all parts of a batch on how often each action is explored; None where nothing ever is.

    Where limits have a price, an alternative that uses more of them costs that too: the prices are those of the batch
    without exploring. Raises what :func:`choose` raises.
    """
    price: tuple[float, ...] = ()
    if use_case.is_explored and use_case.policy.exploration.kind == "priced":

        def unexplored() -> Iterator[tuple[pd.DataFrame, Situation]]:
            for frame, situation in parts():
                # What rules would explore is priced by what was seen, and by no plan of a release on trial.
                canary = None if situation.is_ruled else situation.canary
                yield frame, replace(situation, exploring=None, canary=canary)

        planned = plan_batch(use_case, as_of, totals, unexplored)
        price = () if planned is None else tuple(planned.price.tolist())
    return agree_on_exploring(use_case, as_of, totals, parts, price)


def plan_batch(use_case: UseCase, as_of: datetime, totals: BatchTotals, parts: Situations) -> Plan | None:
    """Agree on the prices of the constraints over all parts of a batch; None where there is nothing to agree on.

    Constraints bind a model. Beside rules they are planned for a release on trial alone (`Turn.planned`): where they
    cannot be kept it has no say, and nothing keeps the rules from deciding. Else raises what :func:`choose` raises.
    """
    if not use_case.policy.constraints or not totals.rows:
        return None
    # Prices take many rounds over the parts: how they explore is worked out once.
    how_each: list[Exploring] = []
    is_ruled = False
    for frame, situation in parts():
        turn, is_ruled = exploring_turn(use_case, frame, as_of, situation), situation.is_ruled
        if is_ruled and turn.trial is None:
            return None
        how_each.append(turn.offer.exploring)
    try:
        return plan(
            lambda: (_part(use_case, *one, as_of, how, totals) for one, how in zip(parts(), how_each, strict=True))
        )
    except (InfeasibleConstraints, UnknownCost):
        if is_ruled:
            return None
        raise


def plan_ahead(
    use_case: UseCase,
    as_of: datetime,
    sample: tuple[pd.DataFrame, Situation],
    ahead: Callable[[tuple[Limit, ...]], tuple[Limit, ...]],
) -> Plan | None:
    """The prices of the constraints for rows that have not come, of which the n rows of ``sample`` are like.

    ``ahead``: the limits of the sample with the bounds that are to hold over it; where these cannot be kept the nearest
    are. None where only rules decide.
    """
    frame, situation = sample
    if not use_case.policy.constraints or frame.empty:
        return None
    turn = exploring_turn(use_case, frame, as_of, situation)
    if turn.planned(situation.is_ruled) is None:
        return None
    totals = without_unknown(BatchTotals.of(use_case, frame))
    part = _part(use_case, frame, situation, as_of, turn.offer.exploring, totals)
    return plan(lambda: [replace(part, limits=ahead(part.limits))], is_nearest=True)


def limits_of_rules(
    use_case: UseCase, as_of: datetime, totals: BatchTotals, parts: Situations, agreed: Plan | None = None
) -> RulesLimits | None:
    """Where the contract's limits cut the choice over all parts of a batch that rules decide; else None.

    ``agreed``: the plan of a release on trial beside them (`plan_batch`), whose rows count as well.
    """

    def ruled() -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        for frame, situation in parts():
            turn = exploring_turn(use_case, frame, as_of, situation)
            greedy = greedy_actions(use_case, frame, turn, situation, totals, agreed)
            yield frame, _explored(turn, greedy.action)[0]

    if not totals.rows or not all(one.is_ruled and not one.is_default_for_all for _, one in parts()):
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
    turn = exploring_turn(use_case, frame, as_of, situation)
    greedy = greedy_actions(use_case, frame, turn, situation, totals, agreed)
    action, is_exploring = _explored(turn, greedy.action)
    propensities = sum(chance[:, None] * turn.offer.propensities(one) for chance, one in greedy.mixture)
    if situation.is_ruled and situation.limits is not None:
        is_cut, propensities = _cut(use_case, frame, as_of, situation.limits, turn, (propensities, action))
        action, is_exploring = np.where(is_cut, use_case.default_action, action), is_exploring & ~is_cut
    row, is_on_trial = np.arange(len(frame)), greedy.is_on_trial
    values = situation.values
    if situation.canary is not None:
        values = np.where(is_on_trial[:, None], situation.canary.values, values)
    prices = () if agreed is None else tuple(zip(agreed.wording, agreed.price.tolist(), strict=True))
    return Choice(
        action=action,
        propensity=propensities[row, action],
        propensities=propensities,
        role=_roles(turn, is_exploring, greedy, situation.is_ruled),
        expected_value=values[row, action],
        fallback_reason=turn.reason,
        prices=prices,
        is_outside=greedy.is_outside,
        is_on_trial=is_on_trial,
    )


def _explored(turn: Turn, greedy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The action (n,) once some of the rows have drawn another one than ``greedy`` (n,), and which have (n,)."""
    chances = turn.offer.chances(greedy)
    is_exploring = turn.draws.exploration < chances.sum(axis=1)
    action, rows = greedy.copy(), np.flatnonzero(is_exploring)
    if rows.size:  # of a few rows hardly ever any
        action[rows] = _one_of(chances[rows], turn.draws.alternative(rows))
    return action, is_exploring


def _cut(
    use_case: UseCase,
    frame: pd.DataFrame,
    as_of: datetime,
    limits: RulesLimits,
    turn: Turn,
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


def _part(
    use_case: UseCase,
    frame: pd.DataFrame,
    situation: Situation,
    as_of: datetime,
    exploring: Exploring,
    totals: BatchTotals,
) -> BatchPart:
    """A part as the plan sees it; its rows are summed in the order of a draw, whatever order they came in."""
    turn = Turn.of(use_case, frame, as_of, situation).exploring(exploring)
    order = np.argsort(turn.draws.order, kind="stable")
    limits, offer = limits_of(use_case, frame, totals), turn.planned(situation.is_ruled)
    assert offer is not None  # else there is no plan
    return BatchPart(offer.rows(order), tuple(limit.rows(order) for limit in limits))


def _one_of(chances: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """An action (n,) drawn in proportion to ``chances`` (n, A), of which each row has some."""
    reached = chances.cumsum(axis=1)
    below = reached <= (draw * reached[:, -1])[:, None]
    # Rounding must not lead past the last action that has a chance.
    return np.asarray(np.minimum(below.sum(axis=1), chances.shape[1] - 1 - (chances[:, ::-1] > 0).argmax(axis=1)))


def _roles(turn: Turn, is_exploring: np.ndarray, greedy: Greedy, is_ruled: bool) -> np.ndarray:
    role = np.where(is_ruled | ~turn.offer.is_free, "baseline", "champion").astype(object)
    role[greedy.is_on_trial] = "canary"
    role[greedy.is_outside] = "baseline"
    role[is_exploring] = "exploration"
    role[turn.is_holdout] = "holdout"
    return role
