"""A segment as text and back: every number reads back as the same float64, every table as the same table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.act.side_by_side import ReleaseRun
from decisionloop.contract import UseCase
from decisionloop.predict.arrow_values import values_of
from decisionloop.predict.few_rows import column_names, plain_numbers, plain_texts
from decisionloop.stream.canonical import canonical_frame
from decisionloop.stream.decide import Decided
from decisionloop.stream.deciders import Signed

_TEXTS = {
    "decision_id", "rules_action", "rules_reason_codes", "reason_codes", "release_id", "action", "role",
    "fallback_reason",
}  # fmt: skip
_FLAGS = ("is_", "supported:")


def record_text(decided: Decided) -> str:
    """All that was known, said and chosen, as JSON; its numbers may be NaN, which Python writes and reads."""
    told = {
        "features": {name: _values(decided.features, name) for name in column_names(decided.features)},
        "faults": decided.faults.tolist(),
        "scores": _columns(decided.scores),
        "predictions": _columns(decided.predictions),
        "choice": _columns(decided.choice),
        "champion": None if decided.champion is None else vars(decided.champion),
        "shadows": [vars(one) for one in decided.shadows],
        "age_days": None if decided.age_days is None else decided.age_days.tolist(),
    }
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def _columns(table: pa.Table) -> dict[str, list[Any]]:
    return {name: values_of(column) for name, column in zip(table.column_names, table.columns, strict=True)}


def _values(frame: pd.DataFrame, name: str) -> Sequence[object]:
    """The values (n,) of a column, what is missing as null: NaN of a number and of a text alike."""
    texts = plain_texts(frame, name)
    if texts is not None:
        return texts
    numbers = plain_numbers(frame, name)
    column = frame[name] if numbers is None else numbers
    return [None if one != one else one for one in column.tolist()]


def read_record(use_case: UseCase, as_of: datetime, deciders: str, record: str) -> Decided:
    """What was decided as of a moment, from what :func:`record_text` wrote under the same contract."""
    told = json.loads(record)
    return Decided(
        as_of=as_of,
        signed=Signed.from_json(deciders),
        features=canonical_frame(use_case, told["features"]),
        faults=np.array(told["faults"], dtype=object),
        scores=_table(told["scores"]),
        predictions=_table(told["predictions"]),
        choice=_table(told["choice"]),
        champion=None if told["champion"] is None else ReleaseRun(**told["champion"]),
        shadows=tuple(ReleaseRun(**one) for one in told["shadows"]),
        age_days=None if told.get("age_days") is None else np.array(told["age_days"], dtype=np.float32),
    )


def decisions_of_record(use_case: UseCase, as_of: datetime, record: str) -> pd.DataFrame:
    """The decisions of a record, as outcomes are matched with: decision_id, entity_id, as_of (its own), action."""
    told = json.loads(record)
    ids, entities = told["scores"]["decision_id"], told["features"][use_case.entity.key]
    return pd.DataFrame(
        {
            "decision_id": pd.Series(ids, dtype="str"),
            "entity_id": pd.Series(entities, dtype="str"),
            "as_of": pd.Series([pd.Timestamp(as_of)] * len(ids), dtype="datetime64[us, UTC]"),
            "action": pd.Series(told["choice"]["action"], dtype="str"),
        }
    )


def _table(columns: Mapping[str, list[Any]]) -> pa.Table:
    return pa.table({name: pa.array(values, _type_of(name)) for name, values in columns.items()})


def _type_of(name: str) -> pa.DataType:
    plain = name.removeprefix("canary:")
    if plain in _TEXTS:
        return pa.string()
    if plain.startswith(_FLAGS):
        return pa.bool_()
    return pa.int32() if plain == "row" else pa.float64()
