"""The segments of one part of a sealed batch laid out as the tables that the steps of a batch leave behind."""

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
from decisionloop.ledger.batch_parts import PartKind, append_part, parts_of
from decisionloop.ledger.decisions import append_decisions
from decisionloop.stream.answers import logged_rows
from decisionloop.stream.decide import Decided
from tasks.keep import keep_part, keep_table
from tasks.readback.batch_in_hand import BatchInHand
from tasks.readback.tables import read_part


@dataclass(frozen=True, eq=False)
class LaidOut:
    """One part of a sealed batch: n rows, as they lie in the snapshot store."""

    part: int
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


def choice_kind(rules_because: str) -> PartKind:
    """Under which name a batch keeps what was chosen."""
    if rules_because == DEFAULT_FOR_ALL:
        return "default_choice"
    if rules_because in BY_PEOPLE:
        return "rules_choice"
    return "stand_in_choice" if rules_because else "choice"


def laid_out_parts(hand: BatchInHand, rules_because: str, parts: Sequence[int] | None = None) -> Iterator[LaidOut]:
    """The parts of a sealed batch (default: all), one at a time as they were kept."""
    for part in hand.parts if parts is None else parts:
        yield LaidOut(
            part,
            read_part(hand.workspace, hand.batch_id, "features", part).to_pandas(),
            read_part(hand.workspace, hand.batch_id, "faults", part)["reason"].to_pandas().to_numpy(dtype=object),
            read_part(hand.workspace, hand.batch_id, "scores", part),
            read_part(hand.workspace, hand.batch_id, choice_kind(rules_because), part),
        )


def is_laid_out(hand: BatchInHand, part: int) -> bool:
    """Whether a part is kept and its decisions are in the ledger."""
    return any(one.part == part for one in parts_of(hand.ledger, hand.batch_id, "features"))


def lay_out(hand: BatchInHand, part: int, segments: Sequence[Decided]) -> None:
    """Leave behind what the steps of a batch do, and log the decisions; the frozen features say that it is done."""
    workspace, batch_id, key = hand.workspace, hand.batch_id, hand.use_case.entity.key
    features = pd.concat([one.features for one in segments], ignore_index=True)
    faults = np.concatenate([one.faults for one in segments])
    tables: dict[PartKind, pa.Table] = {
        "due": pa.table({key: pa.array(features[key], pa.string())}),
        "ages": pa.table({"age_days": _ages(segments)}),
        "faults": pa.table({"reason": pa.array(faults, pa.string())}),
        "scores": pa.concat_tables([one.scores for one in segments]),
        "predictions": _predictions(segments),
        choice_kind(segments[0].signed.rules_because): pa.concat_tables([one.choice for one in segments]),
    }
    for kind, table in tables.items():
        keep_part(workspace, batch_id, kind, part, table)
    frozen = pa.Table.from_pandas(features, preserve_index=False)
    digest = keep_table(workspace, frozen, "features")
    rows = decision_rows_of(hand.use_case, batch_id, hand.as_of, segments, digest)
    with hand.ledger.begin() as connection:
        append_decisions(connection, rows)
        append_part(connection, batch_id, "features", part, digest, len(frozen))


def decision_rows_of(
    use_case: UseCase, batch_id: str, as_of: datetime, segments: Sequence[Decided], digest: str
) -> pa.Table:
    """The ledger's rows of a part. Its actions have left with their answers: nothing is queued to be sent."""
    tables = [logged_rows(use_case, one, batch_id, digest) for one in segments]
    rows = pa.concat_tables([one.unify_dictionaries() for one in tables]).unify_dictionaries()
    own = {
        "as_of": pa.array([as_of] * len(rows), pa.timestamp("us", "UTC")),
        "snapshot_row": pa.array(np.arange(len(rows), dtype=np.int64)),
        "is_sent": pa.array(np.zeros(len(rows), dtype=bool)),
    }
    for name, column in own.items():
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


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
