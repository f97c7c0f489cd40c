"""What a replay in full knows of every decision, and how much of what free information was worth the loop has captured.

Nothing but the page's section "What the replay knew", and the benchmark, may read this: see `replay_truth`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decisionloop.act.preference import preferred_action
from decisionloop.contract import UseCase
from decisionloop.learn.capture import Captured, KnownPeriod, captured, reference_actions
from decisionloop.ledger.batches import batches
from decisionloop.report.read.decisions import decided_in_full
from decisionloop.report.read.replay_truth import LOGGED_ACTION, frozen, recorded
from decisionloop.sources.base import ReplaySource

if TYPE_CHECKING:
    from decisionloop.workspace import Workspace


def capture_of_replay(workspace: Workspace) -> Mapping[str, Captured] | None:
    """The capture of each month of a replay ("2005-06"), oldest first.

    None where it cannot be told: a live source, a recorded experiment, an action that the outcome depends on.
    """
    known = known_periods(workspace)
    if known is None:
        return None
    reference = reference_actions(workspace.use_case, known)
    return {one.period: captured(workspace.use_case, one, chosen) for one, chosen in zip(known, reference, strict=True)}


def known_periods(workspace: Workspace) -> tuple[KnownPeriod, ...] | None:
    """Everybody decided whose outcome the replay recorded, month by month; None where `capture_of_replay` is."""
    source = workspace.source
    if not isinstance(source, ReplaySource) or workspace.use_case.is_action_modelled:
        return None
    truth = source.hidden_truth()
    if "action" in truth or LOGGED_ACTION in truth:
        return None
    decided = [
        batch for batch in batches(workspace.ledger, workspace.use_case.name) if batch.state in {"decided", "complete"}
    ]
    return tuple(
        _period(workspace.use_case, period, list(_parts(workspace, truth, [batch.batch_id for batch in of_period])))
        for period, of_period in groupby(decided, lambda batch: f"{batch.as_of:%Y-%m}")
    )


def _parts(
    workspace: Workspace, truth: pd.DataFrame, batch_ids: list[str]
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The decisions whose outcome is recorded beside their frozen features, snapshot by snapshot."""
    for batch_id in batch_ids:
        met = decided_in_full(workspace.ledger, batch_id).merge(truth, how="left", on=["entity_id", "as_of"])
        for digest, of_part in recorded(workspace.use_case, met).groupby("snapshot_digest", sort=False):
            yield of_part.reset_index(drop=True), frozen(workspace, str(digest), of_part)


def _period(use_case: UseCase, period: str, parts: list[tuple[pd.DataFrame, pd.DataFrame]]) -> KnownPeriod:
    known, frame = (pd.concat(one, ignore_index=True) for one in zip(*parts, strict=True))
    taken, rules = (known[name].map(use_case.action_names.index).to_numpy() for name in ("action", "rules_action"))
    has_class, has_amount = use_case.outcome.class_ is not None, use_case.outcome.amount is not None
    return KnownPeriod(
        period=period,
        frame=frame,
        outcome_class=known["outcome_class"].to_numpy(dtype=np.float64) if has_class else None,
        amount=known["amount"].to_numpy(dtype=np.float64) if has_amount else None,
        rules=rules,
        preferred=_preferred(use_case, known, frame, taken, rules),
        taken=taken,
        is_model=(known["is_model"].to_numpy(dtype=bool) & known["fallback_reason"].isna().to_numpy()),
        is_held_out=(known["role"] == "holdout").to_numpy(),
    )


def _preferred(
    use_case: UseCase, known: pd.DataFrame, frame: pd.DataFrame, taken: np.ndarray, rules: np.ndarray
) -> np.ndarray:
    """What was preferred (n,) before exploring drew: what was done, and of an explored row what it was valued highest.

    The rules' action where rules decided, and where the release copied them although it valued another higher.
    """
    explored = np.flatnonzero(known["role"] == "exploration")
    preferred = taken.copy()
    if not len(explored):
        return preferred
    names = use_case.action_names
    told = [json.loads(text) if text else {} for text in known["action_values"].iloc[explored]]
    values = np.array([[one.get(name) for name in names] for one in told], dtype=np.float64)
    highest = preferred_action(use_case, frame.iloc[explored].reset_index(drop=True), values)
    is_ruled = np.isnan(values).all(axis=1) | (highest == taken[explored])
    preferred[explored] = np.where(is_ruled, rules[explored], highest)
    return preferred
