"""The segments of a sealed batch laid out as the parts that the steps of a batch leave behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.act.action_names import actions_by_index
from decisionloop.act.situation import BY_PEOPLE, DEFAULT_FOR_ALL
from decisionloop.contract import UseCase
from decisionloop.ledger.batch_parts import PartKind
from decisionloop.stream.answers import logged_rows
from decisionloop.stream.decide import Decided
from decisionloop.workspace import Workspace
from tasks.keep import keep_part


@dataclass(frozen=True, eq=False)
class LaidOut:
    """One part of a sealed batch: its segments one after another, in their order."""

    part: int
    segments: tuple[Decided, ...]
    features: pd.DataFrame
    faults: np.ndarray
    scores: pa.Table
    choice: pa.Table

    @property
    def rows(self) -> int:
        """Decisions."""
        return len(self.features)

    def action(self, use_case: UseCase) -> np.ndarray:
        """What was chosen (n,), index in contract order."""
        return actions_by_index(use_case, self.choice["action"])

    def rules_action(self, use_case: UseCase) -> np.ndarray:
        """What the rules would do (n,), index in contract order."""
        return actions_by_index(use_case, self.scores["rules_action"])


def laid_out(segments: Sequence[Decided], partition_rows: int) -> Iterator[LaidOut]:
    """Cut the segments of a batch into parts of about ``partition_rows``; a segment stays in one part."""
    waiting: list[Decided] = []
    part = 0
    for one in segments:
        waiting.append(one)
        if sum(len(other.features) for other in waiting) >= partition_rows:
            yield _together(part, waiting)
            waiting, part = [], part + 1
    if waiting:
        yield _together(part, waiting)


def choice_kind(rules_because: str) -> PartKind:
    """Under which name a batch keeps what was chosen."""
    if rules_because == DEFAULT_FOR_ALL:
        return "default_choice"
    if rules_because in BY_PEOPLE:
        return "rules_choice"
    return "stand_in_choice" if rules_because else "choice"


def keep(workspace: Workspace, batch_id: str, laid: LaidOut) -> str:
    """Leave behind what the steps of a batch do; returns the digest of the frozen features."""
    key = workspace.use_case.entity.key
    entities = pa.table({key: pa.array(laid.features[key], pa.string())})
    keep_part(workspace, batch_id, "due", laid.part, entities)
    keep_part(workspace, batch_id, "ages", laid.part, pa.table({"age_days": _ages(laid.segments)}))
    keep_part(workspace, batch_id, "faults", laid.part, pa.table({"reason": pa.array(laid.faults, pa.string())}))
    keep_part(workspace, batch_id, "scores", laid.part, laid.scores)
    keep_part(workspace, batch_id, "predictions", laid.part, _predictions(laid.segments))
    keep_part(workspace, batch_id, choice_kind(laid.segments[0].signed.rules_because), laid.part, laid.choice)
    features = pa.Table.from_pandas(laid.features, preserve_index=False)
    return keep_part(workspace, batch_id, "features", laid.part, features).digest


def decision_rows_of(use_case: UseCase, batch_id: str, as_of: datetime, laid: LaidOut, digest: str) -> pa.Table:
    """The ledger's rows of a part. Its actions have left with their answers: nothing is queued to be sent."""
    tables = [logged_rows(use_case, one, batch_id, digest) for one in laid.segments]
    rows = pa.concat_tables([one.unify_dictionaries() for one in tables]).unify_dictionaries()
    own = {
        "as_of": pa.array([as_of] * laid.rows, pa.timestamp("us", "UTC")),
        "snapshot_row": pa.array(np.arange(laid.rows, dtype=np.int64)),
        "is_sent": pa.array(np.zeros(laid.rows, dtype=bool)),
    }
    for name, column in own.items():
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _together(part: int, segments: Sequence[Decided]) -> LaidOut:
    return LaidOut(
        part=part,
        segments=tuple(segments),
        features=pd.concat([one.features for one in segments], ignore_index=True),
        faults=np.concatenate([one.faults for one in segments]),
        scores=pa.concat_tables([one.scores for one in segments]),
        choice=pa.concat_tables([one.choice for one in segments]),
    )


def _ages(segments: Sequence[Decided]) -> np.ndarray:
    """The age of what was looked up, float32 (n,); NaN where callers sent the features."""
    unknown = [np.full(len(one.features), np.nan, dtype=np.float32) for one in segments]
    return np.concatenate(
        [nothing if one.age_days is None else one.age_days for one, nothing in zip(segments, unknown, strict=True)]
    )


def _predictions(segments: Sequence[Decided]) -> pa.Table:
    """What the releases in shadow said, each row by its place in the part."""
    tables, start = [], 0
    for one in segments:
        place = one.predictions.column_names.index("row")
        rows = pa.array(one.predictions["row"].to_numpy().astype(np.int32) + np.int32(start))
        tables.append(one.predictions.set_column(place, "row", rows))
        start += len(one.features)
    return pa.concat_tables(tables, promote_options="default")
