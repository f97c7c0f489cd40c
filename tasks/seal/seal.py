"""The step that seals a stream: its segments become batches that every later step treats like any other."""

from __future__ import annotations

import functools
import operator
from dataclasses import replace
from datetime import timedelta

from decisionloop.errors import DecisionLoopError
from decisionloop.ledger.batch_parts import append_part, parts_of
from decisionloop.ledger.batches import Scalar
from decisionloop.ledger.decisions import append_decisions, count_decisions
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.watching_periods import (
    first_segment,
    last_moment_of,
    parts_sealed,
    segments_of_part,
    unfinished_of_stream,
)
from decisionloop.observe.maturity import due_days
from decisionloop.stream.decide import CHAMPION_FAILED, Decided
from decisionloop.stream.deciders import Signed
from decisionloop.stream.record import read_record
from decisionloop.workspace import open_workspace
from tasks.keep import reached
from tasks.predict.score import Worth, champion_failure, profile_of, record_run, total_runs, worth_of
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.readback.maturity import DUE_DAYS, SPAN_DAYS
from tasks.readback.releases import release_of
from tasks.seal.answered_before import tell_of_older_ledger
from tasks.seal.claim import claim_segments
from tasks.seal.guard import hold_guardrails
from tasks.seal.lay_out import decision_rows_of, is_laid_out, laid_out_parts, lay_out
from tasks.seal.look import decided, validated
from tasks.seal.reasons import tell_of_missing_reasons
from tasks.step import step


@step
def seal_stream(use_case: str, is_all: bool = True, is_over: bool = False) -> int:
    """Seal what was decided one at a time, each as a part of the batch of its watching period.

    Returns how many batches have grown or were finished. A batch whose period is over is counted, watched and complete;
    with ``is_over`` every period is. Killed anywhere, it goes on where it was: a segment is in one batch for good.
    ``is_all`` False: only what is not waiting for more decisions of the same minutes. Nothing that was answered is
    changed by what is found here. Raises the first of what kept a batch from being sealed, once the others are.
    """
    workspace = open_workspace(use_case)
    tell_of_older_ledger(workspace)
    claim_segments(workspace, is_all, is_over)
    failures: list[DecisionLoopError] = []
    went_on = 0
    for batch_id in unfinished_of_stream(workspace.ledger, use_case):
        try:
            went_on += _seal(use_case, batch_id)
        except DecisionLoopError as failure:  # one batch that cannot be sealed must not keep the others waiting
            failures.append(failure)
    if failures:
        raise failures[0]
    return went_on


def _seal(use_case: str, batch_id: str) -> bool:
    """Go on with a batch from what its segments say; returns whether there was anything to do.

    Others may seal it at the same time: each part and each state is said once, by whoever comes first.
    """
    hand = open_batch_in_hand(use_case, batch_id)
    new = [part for part in parts_sealed(hand.ledger, batch_id) if not is_laid_out(hand, part)]
    for part in new:
        segments = _segments(hand, part)
        tell_of_missing_reasons(hand, segments)  # before: once it is laid out nobody looks at it again
        lay_out(hand, part, segments)
    signed = Signed.from_json(first_segment(hand.ledger, batch_id).deciders)
    hand = _by_its_deciders(open_batch_in_hand(use_case, batch_id), signed)
    hold_guardrails(hand, signed, new)
    if set(hand.details) == {"opened"}:  # its period is not over
        return bool(new)
    _finish(hand, signed)
    return True


def _segments(hand: BatchInHand, part: int) -> list[Decided]:
    """What was decided in one part of a batch."""
    found = segments_of_part(hand.ledger, hand.batch_id, part)
    return [read_record(hand.use_case, one.as_of, one.deciders, one.record) for one in found]


def _by_its_deciders(hand: BatchInHand, signed: Signed) -> BatchInHand:
    """The batch in the hands of those who decided it, whoever decides now."""
    champion, rules = (release_of(hand.workspace, one) for one in (signed.champion, signed.rules))
    return replace(hand, champion=champion, rules=rules)


def _finish(hand: BatchInHand, signed: Signed) -> None:
    """Take a batch to which nothing is added any more through the states of any other; what it has said stands."""
    _keep_seen(hand, signed)
    if "frozen" not in hand.details:
        reached(hand, "frozen", _frozen(hand, signed), [], is_once=True)
    if "validated" not in hand.details:
        reached(hand, "validated", validated(hand, signed), [], is_once=True)
    if "scored" not in hand.details:
        reached(hand, "scored", _scored(hand, signed), [], is_once=True)
    hand = open_batch_in_hand(hand.use_case.name, hand.batch_id)
    _log_what_is_missing(hand)
    if "decided" not in hand.details:
        reached(hand, "decided", decided(hand, signed), [], is_once=True)
    reached(hand, "complete", {"sent": 0, "held": 0}, [], is_once=True)


def _log_what_is_missing(hand: BatchInHand) -> None:
    """A batch that an earlier version began has kept its parts before its decisions."""
    rows = int(str(hand.details["frozen"]["rows"]))
    if count_decisions(hand.ledger, hand.batch_id)[0] >= rows:
        return
    for one in parts_of(hand.ledger, hand.batch_id, "features"):
        told = decision_rows_of(hand.use_case, hand.batch_id, hand.as_of, _segments(hand, one.part), one.digest)
        with hand.ledger.begin() as connection:
            append_decisions(connection, told)


def _keep_seen(hand: BatchInHand, signed: Signed) -> None:
    """What had been seen when exploring was priced, as a batch keeps it."""
    if signed.seen is not None:
        rows = len(hand.workspace.snapshots.get_table(signed.seen))
        append_part(hand.ledger, hand.batch_id, "seen_money", 0, signed.seen, rows)


def _frozen(hand: BatchInHand, signed: Signed) -> dict[str, Scalar]:
    rows, last_due, segments = 0, 0.0, 0
    for part in laid_out_parts(hand, signed.rules_because):
        rows += part.rows
        last_due = max(last_due, float(due_days(hand.use_case, part.features).max()))
        segments += len(segments_of_part(hand.ledger, hand.batch_id, part.part))
    last = max(last_moment_of(hand.ledger, hand.batch_id) or hand.as_of, hand.as_of)
    told: dict[str, Scalar] = {
        "due": rows,
        "decided_before": 0,
        "decided_in": "{}",
        "late": 0,
        "covers_from": (hand.as_of - timedelta(days=hand.use_case.schedule.covers_days)).isoformat(),
        "covers_until": last.isoformat(),
        "segments": segments,
        "parts": len(hand.parts),
        "rows": rows,
        "newest": None,
        SPAN_DAYS: (last - hand.as_of) / timedelta(days=1),
    }
    if hand.use_case.outcome.due:
        told[DUE_DAYS] = last_due
    return told


def _scored(hand: BatchInHand, signed: Signed) -> dict[str, Scalar]:
    runs = [(one.champion, one.shadows) for part in hand.parts for one in _segments(hand, part)]
    for run in total_runs([shadows for _, shadows in runs]):
        record_run(hand, run)
    has_failed = signed.rules_because == CHAMPION_FAILED
    if has_failed:
        champion_failure(hand, [champion for champion, _ in runs if champion is not None])
    profiles, worth = [], Worth(0, 0.0)
    for part in laid_out_parts(hand, signed.rules_because):
        profiles.append(profile_of(hand, hand.champion, part.scores))
        worth += worth_of(hand, part.scores)
    found = [one for one in profiles if one is not None]
    profile = functools.reduce(operator.add, found) if found and not has_failed else None
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
