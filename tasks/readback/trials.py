"""A release on trial, read back from one batch: for whom it decided, and how long one decision takes beside the
champion's."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from decisionloop.act.choice_table import ON_TRIAL, flags_of
from decisionloop.act.time_limit import CHALLENGERS
from decisionloop.learn.serving import one_decision
from decisionloop.ledger.batch_parts import find_part
from decisionloop.ledger.batches import events
from decisionloop.ledger.flags import switch_of
from decisionloop.ledger.releases import RULES, Release
from decisionloop.monitor.canary.calls import Call, TimedCalls, time_by_turns
from decisionloop.monitor.canary.sample_ratio import Drawn, may_be_drawn
from decisionloop.predict.rules import apply_rules
from decisionloop.release_store import load_release
from tasks.readback.batch_in_hand import BatchInHand
from tasks.readback.releases import on_trial_of
from tasks.readback.tables import read_part

CALLED_ROWS = 8
"""Rows of a batch, evenly, that are asked one at a time: what takes long for some of them is found."""


def is_on_trial_in(hand: BatchInHand, release_id: str) -> bool:
    """Whether it was on trial when a batch was scored."""
    trial = on_trial_of(hand.details["scored"])
    return trial is not None and trial.release_id == release_id


def drawn_in(hand: BatchInHand, release_id: str) -> Drawn | None:
    """For how many of a batch it decided; None where it was not on trial, or had no say over the batch.

    It has none of the holdout, of rows that fall back to the rules, of rows that it cannot value, and while its kill
    switch is on: whichever these are does not hang on whom the hash draws.
    """
    trial = on_trial_of(hand.details["scored"])
    decided = hand.details.get("decided", {})
    if trial is None or trial.release_id != release_id or decided.get("rules_because") != "":
        return None
    if _was_flagged(hand, release_id):
        return None
    counted = Drawn(trial.share, 0, 0)
    for part in hand.parts:
        if find_part(hand.ledger, hand.batch_id, "choice", part) is None:
            return None  # the kill switch, or a rollback, overtook it
        is_eligible, is_taken = _of_part(hand, part)
        counted += Drawn(trial.share, int(is_eligible.sum()), int((is_eligible & is_taken).sum()))
    may_be_unkept = hand.champion.kind == RULES and bool(hand.use_case.policy.constraints)
    had_no_say = may_be_unkept and not counted.decided  # the constraints could not be kept
    return counted if counted.eligible and not had_no_say else None


def _was_flagged(hand: BatchInHand, release_id: str) -> bool:
    """Whether the kill switch of the release stopped it while the batch was decided: then it drew nobody."""
    told = [one.at for one in events(hand.ledger, hand.batch_id) if one.state in ("scored", "decided")]
    name = hand.use_case.name
    return any(release_id in switch_of(hand.ledger, name, at).stopped for at in told)


def _of_part(hand: BatchInHand, part: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n,) that it could have decided, and those that it did."""
    columns = ["role", "fallback_reason", ON_TRIAL]
    choice = read_part(hand.workspace, hand.batch_id, "choice", part, columns)
    values = [f"canary:value:{name}" for name in hand.use_case.action_names]
    said = read_part(hand.workspace, hand.batch_id, "scores", part, values)
    if set(values) - set(said.column_names):  # it failed, and decided nobody
        return np.zeros(len(choice), dtype=bool), np.zeros(len(choice), dtype=bool)
    told = choice.select(["role", "fallback_reason"]).to_pandas()
    role, reason = (told[name].to_numpy(dtype=object) for name in ("role", "fallback_reason"))
    worth = said.to_pandas()[values].to_numpy(dtype=np.float64)
    return may_be_drawn(role, reason, worth), flags_of(choice, ON_TRIAL)


def timed_calls(hand: BatchInHand, release: Release) -> TimedCalls | None:
    """How long one decision takes the release and the champion, by turns, on some rows of a batch; None where it
    cannot be asked: what fails or hangs is told of where it scores."""
    parts = [read_part(hand.workspace, hand.batch_id, "features", part).to_pandas() for part in hand.parts[:1]]
    if not parts or not len(parts[0]):
        return None
    rows = np.unique(np.linspace(0, len(parts[0]) - 1, CALLED_ROWS).astype(int))
    frames = [parts[0].iloc[[row]].reset_index(drop=True) for row in rows]
    budget = hand.use_case.latency.online_ms

    def timed() -> TimedCalls:
        return time_by_turns((_in_turn(hand, release, frames), _in_turn(hand, hand.champion, frames)), budget)

    try:
        return CHALLENGERS.run(release.release_id, timed, hand.use_case.shadow.maximum_seconds)
    except Exception:  # what a challenger does must stop nobody
        return None


def _in_turn(hand: BatchInHand, release: Release, frames: Sequence[pd.DataFrame]) -> Call:
    """Decide one of the rows, the next one at every call; rules as they are asked for a row."""
    if release.kind == RULES:
        calls: list[Call] = [functools.partial(_ruled, hand, frame) for frame in frames]
    else:
        settings, digest = hand.workspace.settings, str(release.scorer_digest)
        model = load_release(hand.workspace.snapshots, digest, settings.scorer_engine, settings.scorer_threads)
        calls = [one_decision(hand.use_case, model, frame) for frame in frames]
    turn = iter(range(10**9))
    return lambda: calls[next(turn) % len(calls)]()


def _ruled(hand: BatchInHand, frame: pd.DataFrame) -> object:
    return apply_rules(hand.use_case, hand.workspace.code, frame)
