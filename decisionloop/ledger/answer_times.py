"""How long whoever asked waited for an answer, and what became of the decisions that were timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, and_, select

from decisionloop.ledger.decisions import LEARNING_COLUMNS, latest_revision
from decisionloop.ledger.executions import are_any_executed, executed_action
from decisionloop.ledger.held_actions import is_carried_out
from decisionloop.ledger.schema import answer_time, decision, outcome
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame


@dataclass(frozen=True)
class AnswerTime:
    """How long whoever asked waited for the answer of one decision."""

    decision_id: str
    waited_ms: float
    answered_at: datetime


def append_answer_times(ledger: Ledger, times: Sequence[AnswerTime]) -> int:
    """Keep how long answers took; of one that was given again the first counts. Returns how many were new."""
    with ledger.begin() as connection:
        return facts.add(connection, answer_time, times)


def waited_for(source: Ledger | Connection, decision_id: str) -> float | None:
    """How many milliseconds the answer took; None where nobody knows."""
    found = facts.one(source, AnswerTime, answer_time, answer_time.c.decision_id == decision_id)
    return None if found is None else found.waited_ms


def timed_decisions(ledger: Ledger, use_case: str, contract_digest: str, until: datetime, most: int) -> pd.DataFrame:
    """The last ``most`` sealed decisions whose answer was timed, up to ``until``, each with its latest outcome.

    Of one contract: another one may name other actions. Columns ``waited_ms``, those of `LEARNING_COLUMNS`,
    ``outcome_class``, ``outcome_amount``, ``outcome_revision`` and ``outcome_kind``, missing where none is known, and
    ``executed_action`` where anybody told of any.
    """
    latest = outcome.alias("latest")
    is_outcome = and_(latest.c.decision_id == decision.c.decision_id, *latest_revision(latest, None))
    done = [executed_action(ledger, None).label("executed_action")] if are_any_executed(ledger) else []
    told = (
        latest.c.outcome_class,
        latest.c.amount.label("outcome_amount"),
        latest.c.revision.label("outcome_revision"),
        latest.c.kind.label("outcome_kind"),
    )
    statement = (
        select(answer_time.c.waited_ms, *(decision.c[name] for name in LEARNING_COLUMNS), *done, *told)
        .join_from(decision, answer_time, answer_time.c.decision_id == decision.c.decision_id)
        .join(latest, is_outcome, isouter=True)
        .where(decision.c.use_case == use_case, decision.c.contract_digest == contract_digest)
        .where(decision.c.as_of <= until, is_carried_out(decision.c.decision_id))
        .order_by(decision.c.as_of.desc(), decision.c.decision_id)
        .limit(most)
    )
    return read_frame(ledger, statement)
