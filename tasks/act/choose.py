"""Choosing the actions of one part of a batch, wherever the settings say."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.act.action_names import actions_by_index
from decisionloop.act.choice_table import ON_TRIAL, OUTSIDE, choice_of_table, choice_table, flags_of
from decisionloop.act.constraints import BatchTotals, budgets
from decisionloop.act.exploration.agreement import AgreedExploring
from decisionloop.act.exploration.seen_money import NOTHING_SEEN, SeenMoney
from decisionloop.act.guardrails import Tally
from decisionloop.act.policy import Choice, agree_to_explore, choose_part, limits_of_rules, plan_batch
from decisionloop.act.prices import Plan
from decisionloop.act.rules_limits import RulesLimits
from decisionloop.act.situation import BY_PEOPLE, DEFAULT_FOR_ALL, Situation
from decisionloop.ledger.batch_parts import PartKind, find_part, parts_of
from decisionloop.metering import Meter, StageCost
from decisionloop.monitor.compare.output_profile import ActionProfile
from decisionloop.monitor.impact.group_tally import GroupTally
from tasks.keep import keep_part, scope_of
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.readback.policy_inputs import features_of_policy, score_reference, situation_of
from tasks.readback.releases import on_trial_of
from tasks.readback.tables import read_part
from tasks.step import step


@dataclass(frozen=True)
class Agreed:
    """What the parts of a batch agree on before anyone chooses.

    ``rules_because``: why the rules decide everything in place of a model, "" where they do not. ``plan``: the prices
    of the policy's constraints. ``limits``: where the guardrails cut the rules' choice. ``seen``: what outcomes have
    shown so far; ``exploring``: how often each action is tried, None where none ever is. ``is_with_trial``: whether a
    release on trial had a say; one that may decide again meanwhile has none in the parts that are left.
    """

    totals: BatchTotals
    rules_because: str = ""
    plan: Plan | None = None
    limits: RulesLimits | None = None
    seen: SeenMoney = NOTHING_SEEN
    exploring: AgreedExploring | None = None
    is_with_trial: bool = True

    @property
    def kind(self) -> PartKind:
        """What the rules chose, because people said so or standing in, is kept apart from what the policy chose."""
        if self.rules_because == DEFAULT_FOR_ALL:
            return "default_choice"
        if self.rules_because in BY_PEOPLE:
            return "rules_choice"
        return "stand_in_choice" if self.rules_because else "choice"


@dataclass(frozen=True)
class ChosenPart:
    """What was chosen in a part, counted: by action, by slice, by protected group; and what choosing took.

    ``outside``: decisions that the rules took because the log does not support what the model would have done, None
    where nothing keeps the deciding release within its support.
    """

    tally: Tally
    actions: ActionProfile
    groups: GroupTally
    outside: int | None
    cost: StageCost


def situations(
    hand: BatchInHand, rules_because: str, seen: SeenMoney, exploring: AgreedExploring | None = None
) -> Iterator[tuple[pd.DataFrame, Situation]]:
    """The parts of a batch as the plan reads them, one at a time."""
    for part in hand.parts:
        frame, _, situation = situation_of(hand, part, rules_because)
        yield frame, replace(situation, seen=seen, exploring=exploring)


def agreed_on(hand: BatchInHand, rules_because: str, seen: SeenMoney) -> Agreed:
    """What the parts must agree on before anyone chooses, with what had been ``seen`` then; writes nothing.

    Raises InfeasibleConstraints or UnknownCost where the policy's constraints cannot be kept.
    """
    contract = hand.use_case
    parts = functools.partial(situations, hand, rules_because, seen)
    totals = _totals(hand)
    exploring = agree_to_explore(contract, hand.as_of, totals, parts)
    exploring_parts = functools.partial(parts, exploring)
    plan = plan_batch(contract, hand.as_of, totals, exploring_parts)
    limits = limits_of_rules(contract, hand.as_of, totals, exploring_parts, plan)
    return Agreed(totals, rules_because, plan, limits, seen, exploring, hand.on_trial is not None)


def _totals(hand: BatchInHand) -> BatchTotals:
    """The totals of a batch; where no budget asks for costs nothing has to be read for them."""
    contract = hand.use_case
    if not budgets(contract):
        return BatchTotals(sum(part.rows for part in parts_of(hand.ledger, hand.batch_id, "features")), ())
    each = (BatchTotals.of(contract, features_of_policy(hand, part)) for part in hand.parts)
    return functools.reduce(lambda one, other: one + other, each)


def chosen_again(hand: BatchInHand, part: int, agreed: Agreed) -> Choice:
    """What the policy chooses for one part, from its stored scores and as the whole batch agreed; writes nothing."""
    frame, _, situation = situation_of(hand, part, agreed.rules_because)
    return _choice(hand, frame, situation, agreed)


def _choice(hand: BatchInHand, frame: pd.DataFrame, situation: Situation, agreed: Agreed) -> Choice:
    if not agreed.is_with_trial:
        situation = replace(situation, canary=None)
    situation = replace(situation, limits=agreed.limits, seen=agreed.seen, exploring=agreed.exploring)
    return choose_part(hand.use_case, frame, hand.as_of, situation, agreed.totals, agreed.plan)


@step
def choose_actions(use_case: str, batch_id: str, part: int, agreed: Agreed) -> ChosenPart:
    """Choose an action for everyone in one part, at the prices and within the limits that the whole batch agreed on."""
    hand = open_batch_in_hand(use_case, batch_id)
    workspace, contract, kind = hand.workspace, hand.use_case, agreed.kind
    with Meter("decide", None, scope_of(workspace)) as meter:
        frame, scores, situation = situation_of(hand, part, agreed.rules_because)
        if not agreed.is_with_trial:
            situation = replace(situation, canary=None)
        if find_part(hand.ledger, batch_id, kind, part) is None:
            choice = _choice(hand, frame, situation, agreed)
            kept = keep_part(workspace, batch_id, kind, part, choice_table(contract, choice))
            meter.add(len(frame), workspace.snapshots.bytes_of(kept.digest))
        # What was chosen before stands: a run that was killed must not choose anew what is in the ledger already.
        chosen = read_part(workspace, batch_id, kind, part, ["action", OUTSIDE, ON_TRIAL])
        action = actions_by_index(contract, chosen["action"])
        is_outside = flags_of(chosen, OUTSIDE) & ~flags_of(chosen, ON_TRIAL)
        outside = None if situation.is_ruled or situation.supported is None else int(is_outside.sum())
        tally = Tally.of(contract, frame, action, agreed.totals)
        actions = action_profile(hand, frame, action, None if agreed.rules_because else scores)
        groups = GroupTally.of(contract, frame, action, situation.rules_action)
    return ChosenPart(tally, actions, groups, outside, meter.cost)


def stored_choice(hand: BatchInHand, part: int, kind: PartKind) -> Choice:
    """What was chosen for one part of a batch."""
    return choice_of_table(hand.use_case, read_part(hand.workspace, hand.batch_id, kind, part))


def trial_in_choice(hand: BatchInHand, kind: PartKind) -> str | None:
    """The release that was on trial when the batch was scored, where it chose for anybody; None where it did not.

    Asked of the choice and not of the stages: it may have been stopped since, and the choice stands as it was made.
    """
    trial = on_trial_of(hand.details["scored"])
    if trial is None:
        return None
    flags = (
        flags_of(read_part(hand.workspace, hand.batch_id, kind, part, [ON_TRIAL]), ON_TRIAL) for part in hand.parts
    )
    return trial.release_id if any(part.any() for part in flags) else None


def action_profile(
    hand: BatchInHand, frame: pd.DataFrame, action: np.ndarray, scores: pa.Table | None
) -> ActionProfile:
    """Actions by slice and, where a model decides, its scores by slice."""
    reference = score_reference(hand.champion)
    name = "score" if hand.use_case.outcome.class_ else "amount"
    if scores is None or reference is None or name not in scores.column_names:
        return ActionProfile.of(hand.use_case, frame, action)
    return ActionProfile.of(hand.use_case, frame, action, scores[name].to_numpy(), reference)
