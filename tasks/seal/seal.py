"""The step that seals a stream: its segments become batches that every later step treats like any other."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from datetime import timedelta

from decisionloop.errors import DecisionLoopError
from decisionloop.ledger.batch_parts import append_part
from decisionloop.ledger.batches import Scalar
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.releases import Release
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.stream import half_sealed, segments_of
from decisionloop.observe.maturity import due_days
from decisionloop.stream.decide import CHAMPION_FAILED, Decided
from decisionloop.stream.record import read_record
from decisionloop.workspace import open_workspace
from tasks.keep import reached
from tasks.predict.score import Worth, champion_failure, profile_of, record_run, total_runs, worth_of
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.readback.maturity import DUE_DAYS
from tasks.readback.releases import release_of
from tasks.seal.claim import claim_segments
from tasks.seal.lay_out import LaidOut, decision_rows_of, keep, laid_out
from tasks.seal.look import decided, validated
from tasks.step import step


@step
def seal_stream(use_case: str, is_all: bool = True) -> int:
    """Seal what was decided one at a time; returns how many batches are new or were finished.

    Killed anywhere, it goes on where it was: a segment is in one batch for good. ``is_all`` False: only what is not
    waiting for more decisions of the same minutes. Nothing that was answered is changed by what is found here. Raises
    the first of what kept a batch from being sealed, once the others are.
    """
    workspace = open_workspace(use_case)
    claim_segments(workspace, is_all)
    waiting = half_sealed(workspace.ledger, use_case)
    failures: list[DecisionLoopError] = []
    for batch_id in waiting:
        try:
            _seal(use_case, batch_id)
        except DecisionLoopError as failure:  # one batch that cannot be sealed must not keep the others waiting
            failures.append(failure)
    if failures:
        raise failures[0]
    return len(waiting)


def _seal(use_case: str, batch_id: str) -> None:
    """Take one batch through the states of any other, from what its segments say; what it has said stands.

    Others may seal it at the same time: each state is said once, by whoever comes first.
    """
    hand = open_batch_in_hand(use_case, batch_id)
    segments = [
        read_record(hand.use_case, one.as_of, one.deciders, one.record) for one in segments_of(hand.ledger, batch_id)
    ]
    champion = release_of(hand.workspace, segments[0].signed.champion)
    parts = list(laid_out(segments, hand.workspace.settings.partition_rows))
    digests = [keep(hand.workspace, batch_id, part) for part in parts]
    _keep_seen(hand, segments[0])
    if "frozen" not in hand.details:
        reached(hand, "frozen", _frozen(hand, segments, parts), [], is_once=True)
    if "validated" not in hand.details:
        reached(hand, "validated", validated(hand, champion, parts), [], is_once=True)
    if "scored" not in hand.details:
        reached(hand, "scored", _scored(hand, champion, segments, parts), [], is_once=True)
    hand = open_batch_in_hand(use_case, batch_id)
    with hand.ledger.begin() as connection:
        for part, digest in zip(parts, digests, strict=True):
            append_decisions(connection, decision_rows_of(hand.use_case, batch_id, hand.as_of, part, digest))
    if "decided" not in hand.details:
        reached(hand, "decided", decided(hand, segments[0].signed, parts), [], is_once=True)
    reached(hand, "complete", {"sent": 0, "held": 0}, [], is_once=True)


def _keep_seen(hand: BatchInHand, first: Decided) -> None:
    """What had been seen when exploring was priced, as a batch keeps it."""
    if first.signed.seen is not None:
        rows = len(hand.workspace.snapshots.get_table(first.signed.seen))
        append_part(hand.ledger, hand.batch_id, "seen_money", 0, first.signed.seen, rows)


def _frozen(hand: BatchInHand, segments: Sequence[Decided], parts: Sequence[LaidOut]) -> dict[str, Scalar]:
    rows = sum(part.rows for part in parts)
    told: dict[str, Scalar] = {
        "due": rows,
        "decided_before": 0,
        "decided_in": "{}",
        "late": 0,
        "covers_from": (hand.as_of - timedelta(days=hand.use_case.schedule.covers_days)).isoformat(),
        "covers_until": max(segments[-1].as_of, hand.as_of).isoformat(),
        "segments": len(segments),
        "parts": len(parts),
        "rows": rows,
        "newest": None,
    }
    if hand.use_case.outcome.due:
        told[DUE_DAYS] = max(float(due_days(hand.use_case, part.features).max()) for part in parts)
    return told


def _scored(
    hand: BatchInHand, champion: Release, segments: Sequence[Decided], parts: Sequence[LaidOut]
) -> dict[str, Scalar]:
    signed = segments[0].signed
    for run in total_runs([one.shadows for one in segments]):
        record_run(hand, run)
    has_failed = signed.rules_because == CHAMPION_FAILED
    if has_failed:
        champion_failure(hand, [one.champion for one in segments if one.champion is not None])
    found = [profile_of(hand, champion, part.scores) for part in parts]
    profiles = [one for one in found if one is not None]
    profile = functools.reduce(operator.add, profiles) if profiles and not has_failed else None
    worth = functools.reduce(operator.add, (worth_of(hand, part.scores) for part in parts), Worth(0, 0.0))
    return {
        "champion": signed.champion,
        "rules": signed.rules,
        "release_seq": signed.release_seq,
        "score_profile": canonical_json(profile),
        "worth": worth.per_decision,
        "handed_over": CHAMPION_FAILED if has_failed else "",
        "on_trial": signed.on_trial,
        "trial_share": signed.trial_share,
    }
