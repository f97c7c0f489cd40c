"""What a sealed batch looks like, counted and watched as any other: alarms are raised, and nothing is undone."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator
from datetime import timedelta

import pandas as pd

from decisionloop.act.choice_table import ON_TRIAL, OUTSIDE, flags_of
from decisionloop.act.constraints import BatchTotals
from decisionloop.act.exploration.agreement import agree_on_exploring
from decisionloop.act.exploration.logged_prices import prices_text
from decisionloop.act.exploration.seen_cohorts import table_of
from decisionloop.act.exploration.seen_money import together
from decisionloop.act.situation import BY_PEOPLE, Situation
from decisionloop.ledger.agreed_prices import last_prices
from decisionloop.ledger.batches import Scalar, accepted_batches, find_batch
from decisionloop.ledger.decisions import count_decisions
from decisionloop.ledger.releases import RULES
from decisionloop.ledger.stream import sealed_batches
from decisionloop.monitor.compare.profile import FrameProfile
from decisionloop.monitor.compare.windows import EntitySketch, Watched
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.stream.deciders import Signed
from decisionloop.stream.periods import online_of
from expectations.reference import merge_parts, reference_of
from tasks.act.choose import action_profile, situations
from tasks.keep import keep_table
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.readback.seen_cohorts import seen_so_far
from tasks.seal.lay_out import laid_out_parts
from tasks.watch.alarms import Occasion, raise_alarms
from tasks.watch.impact import watch_groups
from tasks.watch.inputs import judge_features, keep_first_reference, reference_for
from tasks.watch.outputs import Chosen, watch_actions

PRICED_ROWS = 1_000
"""Decisions that prices of exploring are agreed on over, at least."""
PRICED_ANEW = timedelta(days=1)
MOST_PRICED = 200
"""Batches that are looked back on for them."""


def validated(hand: BatchInHand, signed: Signed) -> dict[str, Scalar]:
    """What a validated batch looks like; each row was checked when it was decided."""
    contract, release = hand.use_case, signed.champion
    compared = reference_for(hand.workspace, hand.batch, release)
    if compared is None:
        keep_first_reference(hand.workspace, hand.batch, release)
    sketches, profiles, references, faults = [], [], [], 0
    for part in laid_out_parts(hand, signed.rules_because):
        sketches.append(EntitySketch.of(part.features[contract.entity.key]))
        references.append(reference_of(part.features, contract))
        faults += int((part.faults != "").sum())
        if compared is not None and set(compared.bins.by_name) <= set(part.features.columns):
            profiles.append(FrameProfile.of(part.features, compared.bins))
    entities = functools.reduce(operator.add, sketches)
    profile = FrameProfile.total(iter(profiles)) if profiles else None
    if compared is not None and profile is not None:
        watched = Watched(profile, entities)
        findings = judge_features(hand.workspace, hand.batch, release, compared, watched)
        raise_alarms(hand.workspace, findings, Occasion(hand.as_of, hand.batch_id, watched.counts.rows))
    reference = merge_parts(references)
    assert reference is not None  # a segment has rows
    return {
        "fault_rows": faults,
        "reference": reference.model_dump_json(),
        "profile": None if profile is None else profile.to_json(),
        "entities": entities.to_json(),
        "handed_over": "",
    }


def decided(hand: BatchInHand, signed: Signed) -> dict[str, Scalar]:
    """What was done, counted and watched as of any batch."""
    contract, because = hand.use_case, signed.rules_because
    actions, groups, outside = [], [], 0
    for part in laid_out_parts(hand, because):
        action = part.action(contract)
        actions.append(action_profile(hand, part.features, action, None if because else part.scores))
        groups.append(GroupTally.of(contract, part.features, action, part.rules_action(contract)))
        outside += int((flags_of(part.choice, OUTSIDE) & ~flags_of(part.choice, ON_TRIAL)).sum())
    chosen = Chosen(functools.reduce(operator.add, actions), functools.reduce(operator.add, groups))
    if hand.champion.kind != RULES and not because:
        watch_actions(hand.workspace, hand.batch, hand.champion, chosen)
        watch_groups(hand.workspace, hand.batch, hand.champion, chosen)
    decisions, messages = count_decisions(hand.ledger, hand.batch_id)
    return {
        "decisions": decisions,
        "messages": messages,
        "decided_by": (hand.rules if because else hand.champion).release_id,
        "rules_because": because,
        "actions": chosen.actions.to_json(),
        "groups": chosen.groups.to_json(),
        "exploring": None,
        "prices": None if because in BY_PEOPLE else _prices(hand, because),
        "priced_by": signed.priced_by or None,
        "outside_support": outside,
    }


def _prices(hand: BatchInHand, because: str) -> str | None:
    """The prices that this batch and those sealed before it agree on for what follows; None where they must not.

    A budget in currency is that of a whole batch of the schedule, a share of what is expected holds for any, but a
    handful of decisions is no sample of what follows.
    """
    exploration = hand.use_case.policy.exploration
    if not hand.use_case.is_explored or exploration.kind != "priced" or exploration.budget_money is not None:
        return None
    hands = [] if _is_priced_lately(hand) else _enough(hand, because)
    if not hands:
        return None
    seen = seen_so_far(hand.workspace, hand.as_of)
    digest = keep_table(hand.workspace, table_of(seen.cohorts), "outcomes")
    money = together(one.seen for one in seen.cohorts)

    def parts() -> Iterator[tuple[pd.DataFrame, Situation]]:
        for one in hands:
            yield from situations(one, because, money)

    totals = functools.reduce(operator.add, (BatchTotals.of(hand.use_case, frame) for frame, _ in parts()))
    # What limits cost a period agrees on as it goes: exploring has no price for them.
    return prices_text(hand.use_case, agree_on_exploring(hand.use_case, hand.as_of, totals, parts, ()), digest)


def _is_priced_lately(hand: BatchInHand) -> bool:
    """Whether the prices that hold are younger than `PRICED_ANEW`: to agree on others takes a look at every cohort.

    In the next period they are not, however late in its own the first decision of it was made.
    """
    known, online = last_prices(hand.ledger, hand.use_case.name, hand.use_case.digest), online_of(hand.use_case)
    batch = None if known is None else find_batch(hand.ledger, known.batch_id)
    if batch is None:
        return False
    begin, before = (online.begin_of_period(one) for one in (hand.as_of, batch.as_of))
    return begin < before + max(PRICED_ANEW, online.period)


def _enough(hand: BatchInHand, because: str) -> list[BatchInHand]:
    """This batch and as many sealed before it, by the same deciders, as hold `PRICED_ROWS`; [] where they do not."""
    ledger, name = hand.ledger, hand.use_case.name
    sealed, hands, rows = sealed_batches(ledger, name), [hand], int(str(hand.details["frozen"]["rows"]))
    for one in reversed(accepted_batches(ledger, name, hand.as_of)):
        if rows >= PRICED_ROWS or len(hands) > MOST_PRICED:
            break
        if one.batch_id not in sealed or one.contract_digest != hand.use_case.digest:
            continue
        other = open_batch_in_hand(name, one.batch_id)
        is_alike = other.details.get("decided", {}).get("rules_because") == because
        if is_alike and other.champion.release_id == hand.champion.release_id:
            hands.append(other)
            rows += int(str(other.details["frozen"]["rows"]))
    return hands if rows >= PRICED_ROWS else []
