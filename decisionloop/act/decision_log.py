"""Lay out what was decided as the rows that the ledger keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from decisionloop.act.action_names import actions_by_index, actions_by_name
from decisionloop.act.policy import Choice
from decisionloop.contract import UseCase
from decisionloop.predict.json_columns import json_objects


@dataclass(frozen=True)
class BatchFacts:
    """What all decisions of a part of a batch have in common.

    ``release_seq``: the last event of the releases when the batch was scored; None where nobody wrote it down.
    """

    batch_id: str
    as_of: datetime
    snapshot_digest: str
    champion_id: str
    rules_id: str
    decided_at: datetime
    release_seq: int | None = None


def decision_rows(
    use_case: UseCase, batch: BatchFacts, scores: pa.Table, choice: Choice, entity_ids: np.ndarray | pa.Array
) -> pa.Table:
    """The ledger's decision rows (n) of a chosen part of a batch; text that repeats is dictionary-encoded.

    A decision of the rules (baseline, holdout) carries their release and their reasons; the score of the champion,
    where it has one, is kept beside it all the same. What the contract sends (``is_sent``) is thereby queued. Where the
    rules decide because the model had too little to go by, their reasons say so.
    """
    rows = len(entity_ids)
    role = pa.array(choice.role, pa.string()).dictionary_encode()
    is_rules = np.isin(choice.role, ("baseline", "holdout"))
    has_model = "score" in scores.column_names
    nothing = pa.nulls(rows, pa.float64())
    values = [_numbers(scores, f"value:{name}") for name in use_case.action_names] if has_model else None
    is_sent = np.array([action.is_sent for action in use_case.actions])
    return pa.table(
        {
            "decision_id": scores["decision_id"],
            "batch_id": _same(batch.batch_id, rows),
            "use_case": _same(use_case.name, rows),
            "entity_id": pa.array(entity_ids, pa.string()),
            "as_of": _same(batch.as_of, rows, _TIME),
            "snapshot_digest": _same(batch.snapshot_digest, rows),
            "snapshot_row": np.arange(rows, dtype=np.int64),
            "release_id": _either(is_rules, batch.rules_id, batch.champion_id),
            "role": role,
            "score": scores["score"] if has_model else nothing,
            "amount": scores["amount"] if has_model else nothing,
            "action_values": json_objects(
                use_case.action_names, np.full((rows, is_sent.size), np.nan) if values is None else np.stack(values, 1)
            ),
            "action": actions_by_name(use_case, choice.action),
            "rules_action": actions_by_name(use_case, actions_by_index(use_case, scores["rules_action"])),
            "is_sent": is_sent[choice.action],
            "propensity": choice.propensity,
            "reason_codes": _reasons(scores, is_rules, has_model, choice.is_outside),
            "fallback_reason": pa.array(choice.fallback_reason, pa.string(), from_pandas=True).dictionary_encode(),
            "policy_version": _same(f"{use_case.version}/{use_case.policy.salt}", rows),
            "contract_digest": _same(use_case.digest, rows),
            "latency_ms": scores["latency_ms"] if has_model else np.zeros(rows),
            "decided_at": _same(batch.decided_at, rows, _TIME),
            "release_seq": _same(batch.release_seq, rows, pa.int64()),
        }
    )


_TIME = pa.timestamp("us", "UTC")


OUTSIDE_SUPPORT = "outside support: too little is known of such cases for the model to depart from the rules"
"""Why the rules decide about a single row in a model's batch; it follows their own reason."""


def _reasons(scores: pa.Table, is_rules: np.ndarray, has_model: bool, is_outside: np.ndarray) -> pa.Array:
    """The rules' words where they decide, else the model's reasons."""
    words = scores["rules_reason_codes"].combine_chunks()
    if not has_model:
        return words
    told, words = scores["reason_codes"].combine_chunks(), words.cast(pa.string())
    if is_outside.any():
        more = pc.binary_join_element_wise(words, json.dumps([OUTSIDE_SUPPORT]), "")
        words = pc.if_else(pa.array(is_outside), pc.replace_substring(more, "][", ", "), words)
    return pc.if_else(pa.array(is_rules), words, told)


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return table[name].to_numpy()


def _either(is_first: np.ndarray, first: str, second: str) -> pa.DictionaryArray:
    names = [first, second] if first != second else [first]
    index = np.where(is_first | (len(names) == 1), 0, 1).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(index), pa.array(names, pa.string()))


def _same(value: object, rows: int, kind: pa.DataType | None = None) -> pa.DictionaryArray:
    zeros = pa.array(np.zeros(rows, dtype=np.int32))
    return pa.DictionaryArray.from_arrays(zeros, pa.array([value], kind or pa.string()))
