"""Steps of predict for one part of a batch: freeze it, validate it, score it. Each runs wherever the settings say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.ledger.batches import Batch
from decisionloop.ledger.releases import Release
from decisionloop.metering import Meter, StageCost
from decisionloop.monitor.compare.profile import FrameProfile
from decisionloop.monitor.compare.score_shift import ScoreProfile
from decisionloop.predict.features import build_frame, source_ages
from decisionloop.workspace import Workspace, open_workspace
from tasks.predict.due import with_expected_rows
from tasks.predict.side_by_side import ShadowPart, score_side_by_side
from tasks.readback.parts import keep_part, read_part
from tasks.readback.situation import score_reference
from tasks.readback.stages import release_of, scope_of
from tasks.readback.tables import batch_of, reference_before
from tasks.step import step
from tasks.watch.inputs import reference_for

if TYPE_CHECKING:
    from expectations.observation import Observation
    from expectations.reference import BatchReference


@dataclass(frozen=True)
class FrozenPart:
    """A frozen part: its rows, the time of its newest source row, what it took."""

    rows: int
    newest: pd.Timestamp | None
    cost: StageCost


@dataclass(frozen=True)
class CheckedPart:
    """What validation saw of a part, how many of its rows have faults, what it looked like, what it took."""

    observations: tuple[Observation, ...]
    fault_rows: int
    reference: BatchReference | None
    profile: FrameProfile | None
    cost: StageCost


@dataclass(frozen=True)
class Worth:
    """What choosing is worth over ``rows`` that a model has valued: sum of best less worst action, in currency."""

    rows: int
    money: float

    def __add__(self, other: Worth) -> Worth:
        """Two parts together."""
        return Worth(self.rows + other.rows, self.money + other.money)

    @property
    def per_decision(self) -> float | None:
        """The mean, None where no model has valued anybody."""
        return self.money / self.rows if self.rows else None


@dataclass(frozen=True)
class ScoredPart:
    """How a part was scored: the champion's scores counted, how each shadow fared, what it all took."""

    profile: ScoreProfile | None
    worth: Worth
    shadows: tuple[ShadowPart, ...]
    costs: tuple[StageCost, ...]


@step
def freeze_part(use_case: str, batch_id: str, part: int) -> FrozenPart:
    """Freeze what is known of one part of everyone who is due."""
    workspace = open_workspace(use_case)
    contract = workspace.use_case
    moment = pd.Timestamp(batch_of(workspace, batch_id).as_of)
    with Meter("freeze", None, scope_of(workspace)) as meter:
        entities = read_part(workspace, batch_id, "due", part).to_pandas()
        known = workspace.source.known(entities, moment)
        time_column = workspace.source.time_column
        frame = build_frame(contract, workspace.code.features, known, entities, moment, time_column)
        newest = known[time_column].max()
        table = pa.Table.from_pandas(frame, preserve_index=False)
        ages = pa.table({"age_days": source_ages(known, frame[contract.entity.key], time_column, moment)})
        kept = [
            keep_part(workspace, batch_id, "ages", part, ages),
            keep_part(workspace, batch_id, "features", part, table),
        ]
        meter.add(len(frame), sum(workspace.snapshots.bytes_of(one.digest) for one in kept))
    return FrozenPart(len(frame), None if pd.isna(newest) else newest, meter.cost)


@step
def validate_part(
    use_case: str, batch_id: str, part: int, rows: int, newest: datetime | None, champion: str
) -> CheckedPart:
    """Check one part of a batch of ``rows`` rows and leave behind why each of its rows is faulty, if it is.

    Its features are counted in the bins of the reference of the release ``champion``, where there is one.
    """
    from expectations.reference import reference_of
    from expectations.run import check_part

    workspace = open_workspace(use_case)
    batch = batch_of(workspace, batch_id)
    with Meter("validate", None, scope_of(workspace)) as meter:
        frame = read_part(workspace, batch_id, "features", part).to_pandas()
        reference = reference_before(workspace, batch.as_of)
        latest = None if newest is None else pd.Timestamp(newest)
        docs = _docs_folder(workspace, batch_id, part)
        contract = with_expected_rows(workspace, batch_id)
        found = check_part(frame, contract, reference, latest, pd.Timestamp(batch.as_of), rows, docs)
        reasons = pa.table({"reason": pa.array(found.row_reasons, pa.string())})
        kept = keep_part(workspace, batch_id, "faults", part, reasons)
        looks = reference_of(frame, workspace.use_case) if len(frame) else None
        profile = _feature_profile(workspace, batch, frame, champion)
        meter.add(len(frame), workspace.snapshots.bytes_of(kept.digest))
    return CheckedPart(found.observations, found.fault_rows, looks, profile, meter.cost)


@step
def score_part(
    use_case: str, batch_id: str, part: int, champion: str, rules: str, shadows: Sequence[str]
) -> ScoredPart:
    """Score one part with the champion, every challenger in shadow and the rules, which are named by release."""
    workspace = open_workspace(use_case)
    scope = scope_of(workspace)
    with Meter("score", None, scope) as reading:
        frame = read_part(workspace, batch_id, "features", part).to_pandas()
        decides, ruling = release_of(workspace, champion), release_of(workspace, rules)
        beside = [release_of(workspace, release_id) for release_id in shadows]
    as_of = batch_of(workspace, batch_id).as_of
    told = score_side_by_side(workspace, frame, as_of, decides, ruling, beside, scope)
    with reading:
        kept = [
            keep_part(workspace, batch_id, "scores", part, told.scores),
            keep_part(workspace, batch_id, "predictions", part, told.predictions),
        ]
        profile = _profile(workspace, decides, told.scores)
        reading.add(len(frame), sum(workspace.snapshots.bytes_of(one.digest) for one in kept))
        worth = _worth(workspace, told.scores)
    return ScoredPart(profile, worth, told.shadows, (reading.cost, *told.costs))


def _profile(workspace: Workspace, decides: Release, scores: pa.Table) -> ScoreProfile | None:
    reference = score_reference(decides)
    if reference is None:
        return None
    name = "score" if workspace.use_case.outcome.class_ else "amount"
    return ScoreProfile.of(scores[name].to_numpy(), reference)


def _feature_profile(workspace: Workspace, batch: Batch, frame: pd.DataFrame, champion: str) -> FrameProfile | None:
    """The part's features counted; None where there is nothing to compare with, or a column is not there."""
    compared = reference_for(workspace, batch, champion)
    if compared is None or not set(compared.bins.by_name) <= set(frame.columns):
        return None
    return FrameProfile.of(frame, compared.bins)


def _worth(workspace: Workspace, scores: pa.Table) -> Worth:
    names = [f"value:{name}" for name in workspace.use_case.action_names]
    if names[0] not in scores.column_names:
        return Worth(0, 0.0)
    values = np.column_stack([scores[name].to_numpy() for name in names])
    apart = values.max(axis=1) - values.min(axis=1)  # NaN where the model could not value a row
    return Worth(int(np.isfinite(apart).sum()), float(np.nansum(apart)))


def _docs_folder(workspace: Workspace, batch_id: str, part: int) -> Path | None:
    if not workspace.settings.is_data_docs_built:
        return None
    folder = workspace.settings.home / "data_docs" / batch_id
    return folder / f"part-{part}" if part else folder
