"""From stored scores to what the policy and the guardrails must know."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
import pyarrow as pa

from decisionloop.act.scored_rows import situation_of_scores
from decisionloop.act.situation import Situation
from decisionloop.contract import UseCase
from decisionloop.contract.expressions import Expression
from decisionloop.ledger.releases import Release
from decisionloop.monitor.compare.score_shift import ScoreProfile, ScoreReference, score_shift
from tasks.readback.batch_in_hand import BatchInHand
from tasks.readback.tables import read_part


def situation_of(hand: BatchInHand, part: int, rules_because: str) -> tuple[pd.DataFrame, pa.Table, Situation]:
    """What is known of a part's rows when their actions are chosen: the columns that matter of features and scores,
    and the situation."""
    workspace, batch_id, use_case = hand.workspace, hand.batch_id, hand.use_case
    frame = features_of_policy(hand, part)
    scores = read_part(workspace, batch_id, "scores", part, _said_to_policy(use_case))
    faults = read_part(workspace, batch_id, "faults", part)["reason"].to_pandas().to_numpy(dtype=object)
    situation = situation_of_scores(use_case, frame, scores, faults, rules_because, hand.on_trial)
    return frame, scores, replace(situation, are_rules_stopped=hand.rules.is_default_action)


def features_of_policy(hand: BatchInHand, part: int) -> pd.DataFrame:
    """The columns of a part's features that matter when actions are chosen."""
    columns = _read_by_policy(hand.use_case)
    frame: pd.DataFrame = read_part(hand.workspace, hand.batch_id, "features", part, columns).to_pandas()
    return frame


def _said_to_policy(use_case: UseCase) -> list[str]:
    """What of the scores is asked when actions are chosen: not the reasons, which are most of them."""
    each = [f"{what}:{name}" for what in ("value", "supported") for name in use_case.action_names]
    return ["rules_action", "rules_reason_codes", "score", "amount", *each, *(f"canary:{one}" for one in each)]


def _read_by_policy(use_case: UseCase) -> list[str]:
    """The entity, what the expressions of who may get what, at which cost and for which money read, and what monitors
    look at."""
    texts: Iterable[str] = [
        *use_case.economics.value.values(),
        *(action.allowed_if for action in use_case.actions if action.allowed_if),
        *(text for one in use_case.policy.constraints for text in getattr(one, "cost", {}).values()),
    ]
    named = {name for text in texts for name in Expression(text).names}
    named |= set(use_case.monitors.slices)
    protected = [one.name for one in use_case.protected if one.name not in use_case.feature_names]
    named |= {one.name for one in use_case.protected}
    return [use_case.entity.key, *(name for name in use_case.feature_names if name in named), *protected]


def score_reference(release: Release) -> ScoreReference | None:
    """The distribution of a release's scores that later ones are compared with; None where it has no scores."""
    stored = json.loads(release.reference_scores)
    if stored is None:
        return None
    return ScoreReference(tuple(stored["bin_edges"]), tuple(stored["shares"]), float(stored["mean"]), int(stored["n"]))


def score_profile(stored: str) -> ScoreProfile | None:
    """The counted scores of a batch from their JSON; None where the release has no scores."""
    counted = json.loads(stored)
    if counted is None:
        return None
    return ScoreProfile(tuple(counted["counts"]), float(counted["total"]), int(counted["missing"]))


def score_shift_of(use_case: UseCase, champion: Release, profile: str) -> float | None:
    """How far a batch's scores have surely moved from the release's reference; None where it has no scores.

    ``profile`` is JSON of the batch's `ScoreProfile`. The lower bound of the distance, so that a small batch does not
    halt by chance; NaN where there is no score to judge.
    """
    reference, scores = score_reference(champion), score_profile(profile)
    if reference is None or scores is None:
        return None
    shift = score_shift(scores, reference, use_case.guardrails.maximum_score_shift)
    return float("nan") if shift.low is None else shift.low
