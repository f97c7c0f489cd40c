"""The step that writes down what another system decided about a batch: nothing is chosen, drawn or sent."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from decisionloop.act.action_names import actions_by_index
from decisionloop.act.agreement import RULES_SIDE, Agreement
from decisionloop.act.choice_table import choice_table
from decisionloop.act.legacy import LEGACY, observed_choice
from decisionloop.act.preference import preferred_action, reach_of
from decisionloop.act.situation import Situation
from decisionloop.errors import IntegrityError
from decisionloop.ledger.batches import Scalar
from decisionloop.ledger.releases import RULES
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stage_costs import ledger_bytes
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.metering import Meter, StageCost
from decisionloop.monitor.compare.output_profile import ActionProfile
from decisionloop.monitor.impact.group_tally import GroupTally
from tasks.act.log_decisions import LoggedPart, log_decisions
from tasks.act.log_in_ranges import log_in_ranges
from tasks.act.signature import Signature
from tasks.each_part import each_part
from tasks.keep import keep_part, reached, scope_of
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.readback.policy_inputs import situation_of
from tasks.readback.tables import read_part
from tasks.step import step
from tasks.watch.impact import watch_groups
from tasks.watch.outputs import Chosen, watch_actions


@dataclass(frozen=True)
class LegacyPart:
    """What another system did in a part, counted, beside what rules and releases would have done.

    ``left_out``: decisions whose action cannot be told, by why. ``unknown``: those whose propensity nobody knows.
    """

    actions: ActionProfile
    groups: GroupTally
    agreement: Agreement
    left_out: Counter[str]
    unknown: int
    cost: StageCost

    def __add__(self, other: LegacyPart) -> LegacyPart:
        """Both parts together; what they cost is told part by part."""
        return LegacyPart(
            self.actions + other.actions,
            self.groups + other.groups,
            self.agreement + other.agreement,
            self.left_out + other.left_out,
            self.unknown + other.unknown,
            self.cost,
        )


@step
def read_legacy(use_case: str, batch_id: str, part: int) -> LegacyPart:
    """Lay out what was done in one part as the ledger keeps decisions, and count it beside what others would do."""
    hand = open_batch_in_hand(use_case, batch_id)
    contract = hand.use_case
    with Meter("decide", None, scope_of(hand.workspace)) as meter:
        frame, _, situation = situation_of(hand, part, "")
        said = read_part(hand.workspace, batch_id, "legacy", part)
        done, fault = actions_by_index(contract, said["action"]), said["fault"].to_pandas().to_numpy(dtype=object)
        chance = said["propensity"].to_pandas().to_numpy(dtype=np.float64)
        why = situation.fallback_reason if situation.fallback_reason is not None else np.full(len(frame), "")
        reason = np.asarray(why, dtype=object).copy()
        reason[reason == ""] = None
        choice = observed_choice(contract, (done, chance), situation.values, reason)
        table = choice_table(contract, choice).append_column("is_left_out", pa.array(fault != ""))
        kept = keep_part(hand.workspace, batch_id, "legacy_choice", part, table)
        told, meant = fault == "", done[fault == ""]
        rules = situation.rules_action[told]
        others = {name: one[told] for name, one in _others(hand, part, situation).items()}
        rows = frame.loc[told].reset_index(drop=True)
        found = LegacyPart(
            ActionProfile.of(contract, rows, meant),
            GroupTally.of(contract, rows, meant, rules),
            Agreement.of(contract.action_names, meant, {RULES_SIDE: rules, **others}),
            Counter(fault[~told].tolist()),
            int(np.isnan(chance[told]).sum()),
            meter.cost,
        )
        meter.add(len(frame), hand.workspace.snapshots.bytes_of(kept.digest))
    return replace(found, cost=meter.cost)


def log_legacy(hand: BatchInHand, beside: frozenset[str]) -> str:
    """Log what another system decided about a batch; returns a sentence. Nothing of it is sent.

    Whose action cannot be told is left out, and counted. Neither the kill switch nor a rollback keeps what others did
    from being known.
    """
    before = ledger_bytes(hand.ledger)
    parts = each_part(hand.workspace, read_legacy, hand.batch_id)
    whole = functools.reduce(lambda one, other: one + other, parts)
    # The rules' release stands for whoever decides where a monitor must name one: no model is watched here.
    decides = replace(hand.champion, kind=RULES, reference_scores="null")
    chosen = Chosen(whole.actions, whole.groups, decided_by=LEGACY)
    watch_actions(hand.workspace, hand.batch, decides, chosen)
    watch_groups(hand.workspace, hand.batch, decides, chosen)
    logged = _log_parts(hand, beside)
    decisions = sum(part.decisions for part in logged)
    detail: dict[str, Scalar] = {
        "decisions": decisions,
        "messages": 0,
        "decided_by": LEGACY,
        "rules_because": "",
        "actions": whole.actions.to_json(),
        "groups": whole.groups.to_json(),
        "agreement": whole.agreement.to_json(),
        "left_out": canonical_json(dict(whole.left_out)),
        "unknown_propensities": whole.unknown,
    }
    grown = StageCost("log", None, 0, 0.0, max(0, ledger_bytes(hand.ledger) - before))
    reached(hand, "decided", detail, [*(part.cost for part in parts), *(part.cost for part in logged), grown])
    left = whole.left_out.total()
    return f"{decisions} decisions of another system" + (f", {left} left out" if left else "")


def _log_parts(hand: BatchInHand, beside: frozenset[str]) -> list[LoggedPart]:
    scored_by = hand.champion.release_id
    signature = Signature(scored_by, hand.rules.release_id, utc_now(), "legacy_choice", beside)
    if len(hand.parts) > 1 and hand.ledger.is_sqlite:
        return log_in_ranges(hand, signature)
    return each_part(hand.workspace, log_decisions, hand.batch_id, signature)


def _others(hand: BatchInHand, part: int, situation: Situation) -> dict[str, np.ndarray]:
    """What every model would have done (n,), by its release; -1 where it said nothing."""
    use_case, n = hand.use_case, len(situation.rules_action)
    others = {}
    if situation.has_model:
        frame = read_part(hand.workspace, hand.batch_id, "features", part).to_pandas()
        reach = reach_of(use_case, frame, situation.rules_action, situation.supported)
        others[hand.champion.release_id] = preferred_action(use_case, frame, situation.values, reach)
    try:
        told = read_part(hand.workspace, hand.batch_id, "predictions", part).to_pandas()
    except IntegrityError:  # what challengers said is lost: what was done is known all the same
        return others
    if "release_id" not in told:
        return others
    for release_id, rows in told.groupby("release_id", observed=True):
        action = np.full(n, -1)
        action[rows["row"].to_numpy()] = actions_by_index(use_case, rows["action"])
        others[str(release_id)] = action
    return others
