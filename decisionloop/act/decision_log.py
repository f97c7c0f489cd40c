"""Lay out what was decided as the rows that the ledger keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from decisionloop.act.action_names import actions_by_index, actions_by_name
from decisionloop.act.legacy import LEGACY
from decisionloop.act.policy import Choice
from decisionloop.act.situation import DEFAULT_FOR_ALL
from decisionloop.contract import UseCase
from decisionloop.predict.json_columns import json_objects
from decisionloop.release.stages import is_default_action


@dataclass(frozen=True)
class BatchFacts:
    """What all decisions of a part of a batch have in common.

    ``on_trial_id``: the release that decides some of them. ``release_seq``: the last event of the releases when the
    batch was scored; None where nobody wrote it down. ``holdout_by``: the rules that the holdout stays on, "": those
    that have their place.
    """

    batch_id: str
    as_of: datetime
    snapshot_digest: str
    champion_id: str
    rules_id: str
    decided_at: datetime
    on_trial_id: str | None = None
    release_seq: int | None = None
    holdout_by: str = ""

    @property
    def are_rules_stopped(self) -> bool:
        """Whether the default action has the rules' place."""
        return is_default_action(self.rules_id)


def decision_rows(
    use_case: UseCase, batch: BatchFacts, scores: pa.Table, choice: Choice, entity_ids: np.ndarray | pa.Array
) -> pa.Table:
    """The ledger's decision rows (n) of a chosen part of a batch; text that repeats is dictionary-encoded.

    A decision of the rules (baseline, holdout) carries their release and their reasons; the score of the champion,
    where it has one, is kept beside it all the same, and that of a release on trial where that was drawn. What the
    contract sends (``is_sent``) is thereby queued. Where the rules decide because the model had too little to go by,
    their reasons say so. What another system decided (role legacy) is never sent.
    """
    rows = len(entity_ids)
    told = _told_columns(use_case, batch, scores, choice, entity_ids)
    said = _Said(scores, choice.is_on_trial)
    names = [f"value:{name}" for name in use_case.action_names]
    values = np.stack([said.numbers(name).to_numpy(zero_copy_only=False) for name in names], axis=1)
    is_sent = np.array([action.is_sent for action in use_case.actions])
    return pa.table(
        {
            "decision_id": scores["decision_id"],
            "batch_id": _same(batch.batch_id, rows),
            "use_case": _same(use_case.name, rows),
            "entity_id": told["entity_id"],
            "as_of": _same(batch.as_of, rows, _TIME),
            "snapshot_digest": _same(batch.snapshot_digest, rows),
            "snapshot_row": np.arange(rows, dtype=np.int64),
            "release_id": told["release_id"],
            "role": told["role"],
            "score": said.numbers("score"),
            "amount": said.numbers("amount"),
            "action_values": json_objects(use_case.action_names, values),
            "action": told["action"],
            "rules_action": actions_by_name(use_case, actions_by_index(use_case, scores["rules_action"])),
            "is_sent": is_sent[choice.action] & (choice.role != LEGACY),
            "propensity": told["propensity"],
            "reason_codes": told["reason_codes"],
            "fallback_reason": told["fallback_reason"],
            "policy_version": _same(f"{use_case.version}/{use_case.policy.salt}", rows),
            "contract_digest": _same(use_case.digest, rows),
            "latency_ms": pc.fill_null(said.numbers("latency_ms"), 0.0),
            "decided_at": _same(batch.decided_at, rows, _TIME),
            "release_seq": _same(batch.release_seq, rows, pa.int64()),
        }
    )


def _told_columns(
    use_case: UseCase, batch: BatchFacts, scores: pa.Table, choice: Choice, entity_ids: np.ndarray | pa.Array
) -> dict[str, pa.Array | pa.ChunkedArray]:
    """The first of the ledger's rows (n): who, what, by whom, how likely and why; see `decision_rows`."""
    by_whom, why = by_whom_and_why(batch, scores, choice)
    return {
        "decision_id": scores["decision_id"],
        "entity_id": pa.array(entity_ids, pa.string()),
        "release_id": by_whom,
        "role": pa.array(choice.role, pa.string()).dictionary_encode(),
        "action": actions_by_name(use_case, choice.action),
        "propensity": pa.array(choice.propensity, from_pandas=True),
        "reason_codes": why,
        "fallback_reason": pa.array(choice.fallback_reason, pa.string(), from_pandas=True).dictionary_encode(),
    }


def by_whom_and_why(batch: BatchFacts, scores: pa.Table, choice: Choice) -> tuple[pa.DictionaryArray, pa.Array]:
    """The release (n,) that decided each row, and its reasons (n,) as stored reason codes."""
    is_rules = (choice.role == "baseline") | (choice.role == "holdout")
    return _by_whom(batch, is_rules, choice), _reasons(batch, _Said(scores, choice.is_on_trial), choice, is_rules)


_TIME = pa.timestamp("us", "UTC")


OUTSIDE_SUPPORT = "outside support: too little is known of such cases for the model to depart from the rules"
"""Why the rules decide about a single row in a model's batch; it follows their own reason."""


@dataclass(frozen=True)
class _Said:
    """What was said of n rows by the model that decides them: the release on trial, or the champion (if a model)."""

    scores: pa.Table
    is_on_trial: np.ndarray

    def numbers(self, name: str) -> pa.Array:
        """A column of numbers (n,), null where nobody said it."""
        ours = self._column(name)
        theirs = self._column(f"canary:{name}") if self.is_on_trial.any() else None
        nothing = pa.nulls(len(self.scores), pa.float64())
        if theirs is None:
            return nothing if ours is None else ours
        return pc.if_else(pa.array(self.is_on_trial), theirs, nothing if ours is None else ours)

    def reasons(self, words: pa.Array) -> pa.Array:
        """Why (n,): the model's reasons, and ``words``, the rules' own, where no model decides."""
        ours = self._column("reason_codes")
        told = words if ours is None else ours
        if not self.is_on_trial.any():
            return told
        theirs = self.scores["canary:reason_codes"].combine_chunks()
        return pc.if_else(pa.array(self.is_on_trial), theirs.cast(pa.string()), told.cast(pa.string()))

    def _column(self, name: str) -> pa.Array | None:
        return self.scores[name].combine_chunks() if name in self.scores.column_names else None


EVERYBODY = "whoever it is gets this action: people have stopped deciding"
"""Why a decision is what it is where the kill switch gives everybody the default action."""


RULES_STOPPED = "whoever it is gets this action: the rules have surely earned less than it would for everybody"
"""Why a decision is what it is where the default action has the rules' place."""


def _reasons(batch: BatchFacts, said: _Said, choice: Choice, is_rules: np.ndarray) -> pa.Array:
    """The rules' words where they decide, else the model's reasons; where neither does, that nobody does."""
    if (choice.fallback_reason == DEFAULT_FOR_ALL).all():
        return _same(json.dumps([EVERYBODY]), len(choice.action))
    words = said.scores["rules_reason_codes"].combine_chunks()
    told = said.reasons(words)
    if told is words and not batch.are_rules_stopped:
        return words
    told = told.cast(pa.string())
    if not is_rules.any():
        return told
    words = words.cast(pa.string())
    if batch.are_rules_stopped:
        has_place = ~np.isin(choice.role, ("holdout", "exploration"))  # what is explored is what the rules would do
        words = pc.if_else(pa.array(has_place), pa.scalar(json.dumps([RULES_STOPPED])), words)
    if choice.is_outside.any():
        more = pc.binary_join_element_wise(words, json.dumps([OUTSIDE_SUPPORT]), "")
        words = pc.if_else(pa.array(choice.is_outside), pc.replace_substring(more, "][", ", "), words)
    return pc.if_else(pa.array(is_rules), words, told)


def _by_whom(batch: BatchFacts, is_rules: np.ndarray, choice: Choice) -> pa.DictionaryArray:
    """The release (n,) that decided: the rules or what has their place, the one on trial, or the champion."""
    trial_id, holdout_id = batch.on_trial_id or batch.champion_id, batch.holdout_by or batch.rules_id
    names = list(dict.fromkeys([batch.rules_id, batch.champion_id, trial_id, holdout_id]))
    rules, champion, trial, held = map(names.index, (batch.rules_id, batch.champion_id, trial_id, holdout_id))
    index = np.where(is_rules, rules, np.where(choice.is_on_trial, trial, champion))
    index = np.where(choice.role == "holdout", held, index).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(index), pa.array(names, pa.string()))


def _same(value: object, rows: int, kind: pa.DataType | None = None) -> pa.DictionaryArray:
    zeros = pa.array(np.zeros(rows, dtype=np.int32))
    return pa.DictionaryArray.from_arrays(zeros, pa.array([value], kind or pa.string()))
