"""What a release that was shipped bad on purpose has cost, and what switching everybody at once would have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decisionloop.act.economics import action_values
from decisionloop.act.preference import preferred_action, reach_of
from decisionloop.contract import UseCase
from decisionloop.learn.inverted import INVERTED
from decisionloop.ledger.batches import Batch, batches
from decisionloop.ledger.releases import Release, ReleaseEvent, ReleaseStage, current_stages, find_stage, release_events
from decisionloop.predict.release_model import ReleaseModel, predict, supported_actions
from decisionloop.release_store import load_release
from decisionloop.report.read.decisions import as_object, decided_by_whom
from decisionloop.report.read.replay_truth import LOGGED_ACTION, frozen, recorded, true_money
from decisionloop.report.record.bad_release import BadRelease, Basis, WhatItCost
from decisionloop.report.words.naming import ReleaseNames
from decisionloop.sources.base import ReplaySource

if TYPE_CHECKING:
    from decisionloop.workspace import Workspace

ON_TRIAL = "canary"


@dataclass(frozen=True, eq=False)
class _Pair:
    """The bad model and the one beside it; the truth (entity_id, as_of, outcome_class, amount), None: not known."""

    bad: ReleaseModel
    beside: ReleaseModel
    truth: pd.DataFrame | None


def bad_release_of(workspace: Workspace, names: ReleaseNames) -> BadRelease | None:
    """What became of the release that was shipped bad on purpose; None where none was, or it has decided for nobody."""
    ledger, name = workspace.ledger, workspace.use_case.name
    found = next((one for one in current_stages(ledger, name) if one.release.kind == INVERTED), None)
    if found is None:
        return None
    events = release_events(ledger, found.release_id)
    shipped = next((one for one in events if one.stage == ON_TRIAL), None)
    beside = find_stage(ledger, str(as_object(found.release.card_json)["inverted_of"]))
    decided = [one for one in batches(ledger, name) if one.is_decided and shipped and one.as_of >= shipped.as_of]
    if shipped is None or beside is None or not decided:
        return None
    pair = _Pair(_model(workspace, found.release), _model(workspace, beside.release), _truth(workspace))
    return _told(workspace, names, (found, beside), (shipped, _stop(events)), pair, decided)


def _told(
    workspace: Workspace,
    names: ReleaseNames,
    releases: tuple[ReleaseStage, ReleaseStage],
    events: tuple[ReleaseEvent, ReleaseEvent | None],
    pair: _Pair,
    decided: Sequence[Batch],
) -> BadRelease:
    (bad, beside), (shipped, stop) = releases, events
    outcomes = shipped.as_of + timedelta(days=workspace.use_case.outcome.maturity_days)
    parts = [(one, _compared(workspace, one, pair)) for one in decided]
    its = [rows[rows["release_id"] == bad.release_id] for _, rows in parts]
    basis: Basis = "estimate" if pair.truth is None else "truth"
    return BadRelease(
        release=names[bad.release_id],
        beside=names[beside.release_id],
        shipped_on=shipped.as_of.date(),
        share=float(shipped.share or 0.0),
        rows=sum(len(rows) for _, rows in parts if (rows["release_id"] == bad.release_id).any()),
        stopped_on=stop.as_of.date() if stop else None,
        is_caught=stop is not None and stop.decider == "guard",
        because=names.in_words(stop.reason) if stop else "",
        basis=basis,
        cost=_cost(one[one["role"] == ON_TRIAL] for one in its),
        at_once=_cost(rows[rows["is_free"]] for one, rows in parts if one.as_of < outcomes),
        outcomes_on=outcomes.date(),
    )


def _stop(events: Sequence[ReleaseEvent]) -> ReleaseEvent | None:
    return next((one for one in events if one.stage_before == ON_TRIAL and one.stage != ON_TRIAL), None)


def _model(workspace: Workspace, release: Release) -> ReleaseModel:
    return load_release(workspace.snapshots, str(release.scorer_digest))


def _truth(workspace: Workspace) -> pd.DataFrame | None:
    """What would have become of everybody under any action, where a replay in full knows it."""
    source = workspace.source
    if not isinstance(source, ReplaySource) or workspace.use_case.is_action_modelled:
        return None
    truth = source.hidden_truth()
    return None if "action" in truth or LOGGED_ACTION in truth else truth


def _compared(workspace: Workspace, batch: Batch, pair: _Pair) -> pd.DataFrame:
    """One row a decision: release_id, role, is_free (not the holdout's, and without a fault), is_otherwise, and
    ``lost``: money by which what the bad model prefers brings less than what the one beside it does; NaN unrecorded."""
    use_case = workspace.under(batch.contract_digest).use_case
    decided = decided_by_whom(workspace.ledger, batch.batch_id)
    told = [
        _rows(use_case, of_part.reset_index(drop=True), frozen(workspace, str(digest), of_part), pair)
        for digest, of_part in decided.groupby("snapshot_digest", sort=False)
    ]
    return pd.concat(told, ignore_index=True)


def _rows(use_case: UseCase, decided: pd.DataFrame, frame: pd.DataFrame, pair: _Pair) -> pd.DataFrame:
    names = list(use_case.action_names)
    rules = decided["rules_action"].map(names.index).to_numpy(dtype=np.int64)
    bad, _ = _preferred(use_case, frame, rules, pair.bad)
    beside, values = _preferred(use_case, frame, rules, pair.beside)
    if pair.truth is None:
        each = np.arange(len(frame))
        lost = values[each, beside] - values[each, bad]
    else:
        by_name = np.array(names, dtype=object)
        chosen = decided.assign(action=by_name[bad], rules_action=by_name[beside])
        lost = _truly_lost(use_case, chosen, frame, pair.truth)
    is_free = (decided["role"] != "holdout") & decided["fallback_reason"].isna()
    return decided[["release_id", "role"]].assign(is_free=is_free, is_otherwise=bad != beside, lost=lost)


def _preferred(
    use_case: UseCase, frame: pd.DataFrame, rules: np.ndarray, model: ReleaseModel
) -> tuple[np.ndarray, np.ndarray]:
    """What a model prefers for n rows, within its support; and its values (n, A)."""
    values = action_values(use_case, frame, predict(use_case, model, frame))
    supported = supported_actions(use_case, model, frame, rules)
    return preferred_action(use_case, frame, values, reach_of(use_case, frame, rules, supported)), values


def _truly_lost(use_case: UseCase, chosen: pd.DataFrame, frame: pd.DataFrame, truth: pd.DataFrame) -> np.ndarray:
    """True money (n,) of ``rules_action`` less that of ``action``; NaN where the outcome is not recorded."""
    met = chosen.assign(row=np.arange(len(chosen))).merge(truth, how="left", on=["entity_id", "as_of"])
    known = recorded(use_case, met)
    lost = np.full(len(chosen), np.nan)
    if len(known):
        money = true_money(use_case, frame.iloc[known["row"]].reset_index(drop=True), known)
        lost[known["row"]] = money["rules"] - money["policy"]
    return lost


def _cost(parts: Iterable[pd.DataFrame]) -> WhatItCost:
    rows = pd.concat(list(parts), ignore_index=True)
    lost = rows["lost"]
    return WhatItCost(
        decisions=len(rows),
        otherwise=int(rows["is_otherwise"].sum()),
        lost=float(lost.sum()) if lost.notna().any() else None,
        unrecorded=int(lost.isna().sum()),
    )
