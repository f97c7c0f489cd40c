"""What a challenger and the champion said of a batch, read back from the parts that scoring left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.act.action_names import actions_by_index
from decisionloop.act.preference import preferred_action, reach_of
from decisionloop.act.time_limit import CHALLENGERS
from decisionloop.contract import UseCase
from decisionloop.ledger.batch_parts import PartKind, find_part
from decisionloop.ledger.releases import Release
from decisionloop.monitor.shadow.answers import Answers, PartBeside
from decisionloop.monitor.shadow.record import ReasonStability
from decisionloop.predict.logged_scores import reason_codes
from decisionloop.release_store import load_release
from tasks.readback.batch_in_hand import BatchInHand
from tasks.readback.tables import read_part

EXPLAINED = 400
"""Decisions of a batch whose reasons are compared: a share of them is known to 5 percentage points."""


def parts_beside(hand: BatchInHand, release_id: str) -> Iterator[tuple[int, PartBeside]]:
    """Each part of a scored batch that a challenger did not fail on, with its number.

    Where another system decides, what that did stands in the champion's place; a challenger that is the rules says what
    they would do. Raises IntegrityError where a part is not what was recorded.
    """
    use_case = hand.use_case
    values, bounds = ([f"{kind}:{name}" for name in use_case.action_names] for kind in ("value", "supported"))
    said = ["score", "amount", *values]
    for part in hand.parts:
        scores = read_part(hand.workspace, hand.batch_id, "scores", part, ["rules_action", *said, *bounds]).to_pandas()
        frame = read_part(hand.workspace, hand.batch_id, "features", part).to_pandas()
        rules = actions_by_index(use_case, scores["rules_action"])
        if use_case.is_observing:
            yield part, _beside_legacy(hand, release_id, part, frame, rules)
            continue
        place = np.full_like(rules, use_case.default_action) if hand.rules.is_default_action else rules
        champion = Answers({}, None, place)
        if "score" in scores:
            worth = scores[values].to_numpy(dtype=np.float64)
            supported = scores[bounds].to_numpy(dtype=bool) if bounds[0] in scores else None
            action = preferred_action(use_case, frame, worth, reach_of(use_case, frame, place, supported))
            champion = Answers(_outputs(scores, said), worth, action)
        told = _of_challenger(hand, release_id, part, said)
        yield part, PartBeside(frame, rules, champion, _answers(use_case, told, said, values, len(frame)))


def _beside_legacy(hand: BatchInHand, release_id: str, part: int, frame: pd.DataFrame, rules: np.ndarray) -> PartBeside:
    """A part beside what another system did, without the rows of which that cannot be told."""
    use_case = hand.use_case
    said = read_part(hand.workspace, hand.batch_id, "legacy", part)
    told = (said["fault"].to_pandas() == "").to_numpy()
    done = actions_by_index(use_case, said["action"])[told]
    ours = Answers({}, None, rules[told])
    if release_id != hand.rules.release_id:
        columns = _of_challenger(hand, release_id, part, []).set_index("row").reindex(range(len(frame)))
        ours = Answers({}, None, actions_by_index(use_case, columns["action"])[told])
    return PartBeside(frame.loc[told].reset_index(drop=True), rules[told], Answers({}, None, done), ours)


@dataclass(frozen=True, eq=False)
class Agreed:
    """Some decisions on which both agree: features (m rows), the action (m,), the champion's first reason of each."""

    frame: pd.DataFrame
    action: np.ndarray
    reasons: Sequence[str]


def agreed_in(hand: BatchInHand, part: int, beside: PartBeside) -> Agreed | None:
    """Decisions of a part on which both agree, evenly; None where the champion explains nothing, or they never do."""
    if beside.champion.values is None or not hand.use_case.model.reasons:
        return None
    agreed = np.flatnonzero(beside.champion.action == beside.shadow.action)
    if not len(agreed):
        return None
    size = -(-EXPLAINED // len(hand.parts))
    rows = agreed[np.unique(np.linspace(0, len(agreed) - 1, size).astype(int))]
    codes = read_part(hand.workspace, hand.batch_id, "scores", part, ["reason_codes"])["reason_codes"]
    first = [_first(text) for text in codes.take(rows).to_pylist()]
    return Agreed(beside.frame.iloc[rows].reset_index(drop=True), beside.champion.action[rows], first)


def reasons_beside(hand: BatchInHand, release: Release, agreed: Sequence[Agreed]) -> ReasonStability | None:
    """Do both explain alike what they agree on? None where there is nothing to ask.

    A challenger that cannot be asked, or does not answer in its time, is said to; nothing else follows.
    """
    if not agreed:
        return None
    frame = pd.concat([one.frame for one in agreed], ignore_index=True)
    action = np.concatenate([one.action for one in agreed])
    theirs = [name for one in agreed for name in one.reasons]
    try:
        seconds = hand.use_case.shadow.maximum_seconds
        ours = CHALLENGERS.run(release.release_id, lambda: _first_reasons(hand, release, frame, action), seconds)
    except Exception as failure:  # what a challenger does must stop nobody; the audit says what it was
        return ReasonStability(len(theirs), 0, f"{type(failure).__name__}: {failure}")
    return ReasonStability(len(theirs), sum(one == other for one, other in zip(ours, theirs, strict=True)))


def _of_challenger(hand: BatchInHand, release_id: str, part: int, said: list[str]) -> pd.DataFrame:
    """What it said when the batch was scored, or as a newcomer to shadow afterwards."""
    columns = ["row", "release_id", "action", *said]
    kinds: tuple[PartKind, ...] = ("predictions", "newcomers")
    kept = [kind for kind in kinds if find_part(hand.ledger, hand.batch_id, kind, part) is not None]
    told = [read_part(hand.workspace, hand.batch_id, kind, part, columns).to_pandas() for kind in kept]
    mine = [one[one["release_id"] == release_id] for one in told if "release_id" in one]  # nobody: no such column
    return pd.concat(mine).reindex(columns=columns) if mine else pd.DataFrame(columns=columns)


def _answers(use_case: UseCase, told: pd.DataFrame, said: list[str], values: list[str], n: int) -> Answers:
    """In the order of the part's rows."""
    whole = told.set_index("row").reindex(range(n))
    return Answers(
        _outputs(whole, said),
        whole[values].to_numpy(dtype=np.float64),
        actions_by_index(use_case, whole["action"]),
    )


def _outputs(table: pd.DataFrame, said: list[str]) -> dict[str, np.ndarray]:
    return {name: table[name].to_numpy(dtype=np.float64) for name in said}


def _first_reasons(hand: BatchInHand, release: Release, frame: pd.DataFrame, action: np.ndarray) -> list[str]:
    settings, digest = hand.workspace.settings, str(release.scorer_digest)
    model = load_release(hand.workspace.snapshots, digest, settings.scorer_engine, settings.scorer_threads)
    return [_first(text) for text in reason_codes(hand.use_case, model, frame, action).to_pylist()]


def _first(codes: str) -> str:
    """The feature that moved a score most; "" where none did."""
    told = json.loads(codes)
    return str(told[0][0]) if told else ""
