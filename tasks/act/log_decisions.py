"""Logging what was chosen: each part's decisions into the ledger, which also queues what is to be sent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from decisionloop.act.decision_log import BatchFacts, decision_rows
from decisionloop.act.policy import Choice
from decisionloop.ledger.batch_parts import find_part
from decisionloop.ledger.decisions import append_decisions
from decisionloop.metering import Meter, StageCost
from decisionloop.release.stages import is_default_action
from tasks.act.choose import stored_choice
from tasks.act.log_unless_overtaken import append_unless_overtaken
from tasks.act.signature import Signature
from tasks.keep import scope_of
from tasks.predict.register_rules import rules_id
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.readback.tables import read_part
from tasks.step import step


@dataclass(frozen=True)
class LoggedPart:
    """How many decisions of a part are in the ledger, how many of them are to be sent, what logging took.

    ``is_overtaken``: the kill switch went on, or the model was rolled back, before they were logged, so that the rules'
    choice must be logged instead.
    """

    decisions: int
    messages: int
    cost: StageCost
    is_overtaken: bool = False


@step
def log_decisions(use_case: str, batch_id: str, part: int, signature: Signature) -> LoggedPart:
    """Append one part's decisions to the ledger, which also queues what is to be sent, in one transaction."""
    hand = open_batch_in_hand(use_case, batch_id)
    with Meter("log", None, scope_of(hand.workspace)) as meter:
        rows = rows_of_part(hand, part, signature)
        is_logged = append_unless_overtaken(hand, signature, lambda connection: append_decisions(connection, rows))
        meter.add(len(rows))
    return counted(rows, meter.cost) if is_logged else LoggedPart(0, 0, meter.cost, is_overtaken=True)


def rows_of_part(hand: BatchInHand, part: int, signature: Signature) -> pa.Table:
    """The ledger's rows of one part, from what scoring and choosing left behind; rows that are there already stand."""
    workspace, batch_id = hand.workspace, hand.batch_id
    scores = read_part(workspace, batch_id, "scores", part)
    rows = rows_of_choice(hand, part, signature, scores, stored_choice(hand, part, signature.choice))
    if not signature.is_of_others:
        return rows
    left_out = read_part(workspace, batch_id, signature.choice, part, ["is_left_out"])["is_left_out"]
    return rows.filter(pc.invert(left_out))


def rows_of_choice(hand: BatchInHand, part: int, signature: Signature, scores: pa.Table, choice: Choice) -> pa.Table:
    """The ledger's rows of one part of which ``choice`` was made from ``scores``."""
    workspace, batch_id = hand.workspace, hand.batch_id
    features = find_part(hand.ledger, batch_id, "features", part)
    assert features is not None  # predict left it
    ids = read_part(workspace, batch_id, "features", part, [hand.use_case.entity.key]).column(0)
    by_whom = (signature.champion, signature.rules, signature.decided_at)
    on_rules = rules_id(workspace) if is_default_action(signature.rules) else ""
    facts = BatchFacts(batch_id, hand.as_of, features.digest, *by_whom, signature.trial, hand.release_seq, on_rules)
    return decision_rows(hand.use_case, facts, scores, choice, ids.combine_chunks())


def counted(rows: pa.Table, cost: StageCost) -> LoggedPart:
    """Rows counted whether or not they are new: a run that was killed in between says the same when it runs again."""
    return LoggedPart(len(rows), int(np.count_nonzero(rows["is_sent"].to_numpy())), cost)
