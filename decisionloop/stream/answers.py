"""What a decision is answered with, in words that people read."""

from __future__ import annotations

import functools
import json
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from decisionloop.act.choice_table import choice_of_table
from decisionloop.act.decision_log import BatchFacts, by_whom_and_why, decision_rows
from decisionloop.act.policy import Choice
from decisionloop.contract import UseCase
from decisionloop.ledger.releases import RULES, release_id_of
from decisionloop.predict.arrow_values import values_of
from decisionloop.predict.few_rows import text_objects
from decisionloop.predict.reasons.codes import Reason, ReasonCatalogue
from decisionloop.predict.reasons.wording import ReasonSentences
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
    fallback_reason: str | None = Field(
        description="Why the rules decided in place of a model, or a limit cut the choice; null where neither."
    )
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


def answers_as_json(use_case: UseCase, decided: Decided) -> list[str]:
    """The answers (n), each the JSON text of an :class:`Answer`, in the order of the rows.

    All of it is ours: to make models of it, which have nothing to check, takes longer than to write it.
    """
    sentences, choice, actions = _sentences(use_case), _choice(use_case, decided), use_case.actions
    by_whom, why = by_whom_and_why(_facts(use_case, decided, "", ""), decided.scores, choice)
    decided_at, holds_until = _time(decided.as_of), _time(decided.as_of + holds_for(use_case))
    columns = (
        values_of(decided.scores["decision_id"]), _entities(use_case, decided).tolist(), choice.action.tolist(),
        choice.propensity.tolist(), choice.expected_value.tolist(), choice.role.tolist(), values_of(by_whom),
        values_of(why), choice.fallback_reason.tolist(),
    )  # fmt: skip
    return [
        _AS_JSON.encode(
            {
                "decision_id": decision_id,
                "entity": entity,
                "decided_at": decided_at,
                "holds_until": holds_until,
                "action": actions[action].name,
                "wording": actions[action].wording,
                "propensity": propensity,
                "expected_value": None if money != money else money,
                "role": role,
                "release": release,
                "reasons": sentences.of(reasons),
                "fallback_reason": fallback,
                "priced_by": decided.signed.priced_by or None,
            }
        )
        for decision_id, entity, action, propensity, money, role, release, reasons, fallback in zip(
            *columns, strict=True
        )
    ]


_AS_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _sentences(use_case: UseCase) -> ReasonSentences:
    features = use_case.model_inputs
    return _sentences_of(tuple([one.name for one in features]), tuple([one.wording for one in features]))


@functools.lru_cache(maxsize=16)
def _sentences_of(features: tuple[str, ...], wordings: tuple[str, ...]) -> ReasonSentences:
    """Kept: one group after another is told in the same words."""
    return ReasonSentences(ReasonCatalogue({one: Reason(told) for one, told in zip(features, wordings, strict=True)}))


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _choice(use_case: UseCase, decided: Decided) -> Choice:
    return choice_of_table(use_case, decided.choice) if decided.chosen is None else decided.chosen


def holds_for(use_case: UseCase) -> timedelta:
    """So long an answer may be acted on: what happens after the outcome's window counts as no outcome of it."""
    online = use_case.online
    if online is not None and online.holds_minutes is not None:
        return timedelta(minutes=online.holds_minutes)
    return timedelta(days=use_case.outcome.window_days)
