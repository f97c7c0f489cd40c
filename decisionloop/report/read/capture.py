"""What a replay in full knows of every decision, and how much of what free information was worth the loop has captured.

Nothing but the page's section "What the replay knew", and the benchmark, may read this: see `replay_truth`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decisionloop.act.preference import preferred_action
from decisionloop.contract import UseCase
from decisionloop.learn.capture import Captured, KnownPeriod, captured
from decisionloop.learn.capture_reference import reference_actions
from decisionloop.ledger.batches import batches
from decisionloop.report.read.decisions import decided_in_full
from decisionloop.report.read.replay_truth import LOGGED_ACTION, frozen, recorded
from decisionloop.sources.base import ReplaySource, SimulatedSource

if TYPE_CHECKING:
    from decisionloop.workspace import Workspace

PARTS = ("outcome_class", "amount")


def capture_of_replay(workspace: Workspace) -> Mapping[str, Captured] | None:
    """The capture of each month of a replay ("2005-06"), oldest first.

    None where it cannot be told: a live source, a recorded experiment, recorded history whose outcome depends on the
    action.
    """
    known = known_periods(workspace)
    if known is None:
        return None
    reference = reference_actions(workspace.use_case, known)
    return {one.period: captured(workspace.use_case, one, chosen) for one, chosen in zip(known, reference, strict=True)}


def known_periods(workspace: Workspace) -> tuple[KnownPeriod, ...] | None:
    """Everybody decided of whom the replay knows what each action leads to; None where `capture_of_replay` is."""
    knows = _knows(workspace)
    if knows is None:
        return None
    decided = [
        batch for batch in batches(workspace.ledger, workspace.use_case.name) if batch.state in {"decided", "complete"}
    ]
    met = knows([decided_in_full(workspace.ledger, batch.batch_id) for batch in decided])
    months = groupby(zip(decided, met, strict=True), lambda pair: f"{pair[0].as_of:%Y-%m}")
    return tuple(_period(workspace, month, [one for _, one in of_month]) for month, of_month in months)


_Knows = Callable[[list[pd.DataFrame]], list[pd.DataFrame]]
"""Adds to the decisions of each batch what each action leads to, columns by `_column`, and drops those nobody knows."""


def _knows(workspace: Workspace) -> _Knows | None:
    source, use_case = workspace.source, workspace.use_case
    if isinstance(source, SimulatedSource):
        return lambda decided: _simulated(source, use_case, decided)
    if not isinstance(source, ReplaySource) or use_case.is_action_modelled:
        return None
    truth = source.hidden_truth()
    if "action" in truth or LOGGED_ACTION in truth:
        return None
    return lambda decided: [_recorded(use_case, one, truth) for one in decided]


def _recorded(use_case: UseCase, decided: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """The outcome is recorded once, and is the same under every action."""
    met = recorded(use_case, decided.merge(truth, how="left", on=["entity_id", "as_of"]))
    same = {_column(part, action): met[part] for part in PARTS for action in use_case.action_names}
    return met.drop(columns=list(PARTS)).assign(**same)


def _simulated(source: SimulatedSource, use_case: UseCase, decided: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Each action has an outcome of its own, which the world tells of the whole history at once."""
    whole = pd.concat(decided, ignore_index=True)
    for action in use_case.action_names:
        told = source.potential_outcomes(whole[["entity_id", "as_of", "action"]], action)
        whole = whole.assign(**{_column(part, action): told[part].to_numpy() for part in PARTS})
    ends = np.cumsum([len(one) for one in decided])
    return [whole.iloc[end - len(one) : end] for end, one in zip(ends, decided, strict=True)]


def _column(part: str, action: str) -> str:
    """The column of a part of the outcome under an action; no column of a decision bears such a name."""
    return f"{part} by {action}"


def _period(workspace: Workspace, period: str, met: list[pd.DataFrame]) -> KnownPeriod:
    use_case = workspace.use_case
    numbered = [one.assign(batch=number) for number, one in enumerate(met)]
    parts = [part for one in numbered for _, part in one.groupby("snapshot_digest", sort=False)]
    frames = [frozen(workspace, str(part["snapshot_digest"].iloc[0]), part) for part in parts]
    known, frame = pd.concat(parts, ignore_index=True), pd.concat(frames, ignore_index=True)
    taken, rules = (known[name].map(use_case.action_names.index).to_numpy() for name in ("action", "rules_action"))
    has = {"outcome_class": use_case.outcome.class_ is not None, "amount": use_case.outcome.amount is not None}
    brought = {
        part: known[[_column(part, name) for name in use_case.action_names]].to_numpy(dtype=np.float64)
        for part in PARTS
        if has[part]
    }
    return KnownPeriod(
        period=period,
        frame=frame,
        batch=known["batch"].to_numpy(),
        outcome_class=brought.get("outcome_class"),
        amount=brought.get("amount"),
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
