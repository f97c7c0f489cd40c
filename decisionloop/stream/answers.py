"""What a decision is answered with, in words that people read."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from decisionloop.act.choice_table import choice_of_table
from decisionloop.act.decision_log import BatchFacts, decision_rows, told_columns
from decisionloop.contract import UseCase
from decisionloop.ledger.releases import RULES, release_id_of
from decisionloop.predict.arrow_values import values_of
from decisionloop.predict.few_rows import text_objects
from decisionloop.predict.reasons.codes import reason_catalogue
from decisionloop.predict.reasons.wording import WordedReason, read_reasons
from decisionloop.release.stages import is_default_action
from decisionloop.stream.decide import Decided


class Answer(BaseModel):
    """One decision as it is answered; it is durable, and holds whatever happens afterwards."""

    model_config = ConfigDict(frozen=True)

    decision_id: str = Field(description="Its id; outcomes may name it.")
    entity: str = Field(description="Whom it is about, as it was asked.")
    decided_at: datetime = Field(description="As of when it was decided.")
    holds_until: datetime = Field(description="Act on it until then; afterwards ask again.")
    action: str = Field(description="What to do.")
    wording: str = Field(description="The same in words.")
    propensity: float = Field(description="How likely this action was, chance included.")
    expected_value: float | None = Field(description="Money expected of it; null where nobody can say.")
    role: str = Field(description="champion, canary, exploration, baseline or holdout.")
    release: str = Field(description="The release that decided.")
    reasons: list[str] = Field(description="Why, the weightiest first.")
    fallback_reason: str | None = Field(description="Why the rules decided in place of a model; null where none did.")
    priced_by: str | None = Field(description="The batch whose prices exploring used; null where none was needed.")


def logged_rows(use_case: UseCase, decided: Decided, batch_id: str, snapshot_digest: str) -> pa.Table:
    """The ledger's rows (n) of what was decided, as those of a part of a batch."""
    facts = _facts(use_case, decided, batch_id, snapshot_digest)
    choice = choice_of_table(use_case, decided.choice)
    return decision_rows(use_case, facts, decided.scores, choice, _entities(use_case, decided))


def _facts(use_case: UseCase, decided: Decided, batch_id: str, snapshot_digest: str) -> BatchFacts:
    signed = decided.signed
    on_rules = ""
    if is_default_action(signed.rules):
        on_rules = release_id_of(use_case.name, RULES, signed.contract_digest, signed.code_digest)
    return BatchFacts(
        batch_id, decided.as_of, snapshot_digest, signed.champion, signed.rules, decided.as_of, signed.on_trial,
        signed.release_seq, on_rules,
    )  # fmt: skip


def _entities(use_case: UseCase, decided: Decided) -> np.ndarray:
    return text_objects(decided.features, use_case.entity.key)


def answers_of(use_case: UseCase, decided: Decided) -> list[Answer]:
    """The answers (n), in the order of the rows."""
    catalogue, actions = reason_catalogue(use_case), {one.name: one.wording for one in use_case.actions}
    facts, choice = _facts(use_case, decided, "", ""), choice_of_table(use_case, decided.choice)
    columns = told_columns(use_case, facts, decided.scores, choice, _entities(use_case, decided))
    told = {name: values_of(column) for name, column in columns.items()}
    rows = [dict(zip(told, row, strict=True)) for row in zip(*told.values(), strict=True)]
    expected, until = decided.choice["expected_value"].to_pylist(), decided.as_of + holds_for(use_case)
    return [
        Answer.model_construct(  # all of it is ours: there is nothing to check
            decision_id=row["decision_id"],
            entity=row["entity_id"],
            decided_at=decided.as_of,
            holds_until=until,
            action=row["action"],
            wording=actions[row["action"]],
            propensity=row["propensity"],
            expected_value=None if money is None or money != money else money,
            role=row["role"],
            release=row["release_id"],
            reasons=[_in_words(one) for one in read_reasons(row["reason_codes"], catalogue)],
            fallback_reason=row["fallback_reason"],
            priced_by=decided.signed.priced_by or None,
        )
        for row, money in zip(rows, expected, strict=True)
    ]


def holds_for(use_case: UseCase) -> timedelta:
    """So long an answer may be acted on: what happens after the outcome's window counts as no outcome of it."""
    online = use_case.online
    if online is not None and online.holds_minutes is not None:
        return timedelta(minutes=online.holds_minutes)
    return timedelta(days=use_case.outcome.window_days)


def _in_words(reason: WordedReason) -> str:
    if reason.direction == "decides":
        return reason.wording
    about = "" if reason.is_exact else " (approximately)"
    return f"{reason.wording} {reason.direction} the score{about}"
