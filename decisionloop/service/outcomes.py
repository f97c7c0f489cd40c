"""A request that tells outcomes, from its bytes to what becomes of each row."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from decisionloop.ledger.posted_outcomes import PostedOutcome
from decisionloop.ledger.schema import utc_now
from decisionloop.service.bodies import BadBody, read_object
from decisionloop.service.deciding import OnlineUseCase, faults_of
from decisionloop.service.decision_bodies import Entity, Moment, Text
from decisionloop.service.request_body import json_body
from decisionloop.stream.outcomes import Became, post_outcomes

MOST_OUTCOMES = 10_000
_STRICT = ConfigDict(
    extra="forbid", strict=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True, populate_by_name=True
)
DecisionId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class OutcomeRow(BaseModel):
    """What became of one decision."""

    model_config = _STRICT

    decision_id: DecisionId | None = Field(None, description="The decision, as its answer named it.")
    entity: Entity | None = Field(None, description="Or whom it was about, together with decided_at.")
    decided_at: Moment | None = Field(None, description="As of when it was decided.")
    class_: float | None = Field(None, alias="class", description="1 is yes, 0 is no, where the outcome has a class.")
    amount: float | None = Field(None, description="How much, where the outcome has an amount.")
    observed_at: Moment | None = Field(None, description="When it was seen; null: now.")
    happened_at: Moment | None = Field(None, description="When it happened; null: when it was seen.")

    executed_action: Text | None = Field(None, description="What was really done, by its name; null: nothing is said.")
    overridden_by: Text | None = Field(None, description="Who did otherwise than was chosen.")
    override_reason: Text | None = Field(None, description="Why; overrides are counted by it.")

    @model_validator(mode="after")
    def _names_a_decision(self) -> Self:
        if self.decision_id is None and (self.entity is None or self.decided_at is None):
            raise ValueError("name decision_id, or entity and decided_at")
        if self.executed_action is None and (self.overridden_by or self.override_reason):
            raise ValueError("say executed_action as well")
        return self

    def posted(self, use_case: str, now: datetime) -> PostedOutcome:
        """The fact to keep."""
        seen = self.observed_at or now
        return PostedOutcome(
            use_case, self.decision_id, self.entity, self.decided_at, self.class_, self.amount, min(seen, now),
            self.happened_at, now, executed_action=self.executed_action, overridden_by=self.overridden_by,
            override_reason=self.override_reason,
        )  # fmt: skip


class OutcomeRows(BaseModel):
    """Outcomes, up to 10,000."""

    model_config = _STRICT

    outcomes: Annotated[list[OutcomeRow], Field(min_length=1, max_length=MOST_OUTCOMES)]


class RowAnswer(BaseModel):
    """What becomes of a row at the next reading of outcomes."""

    became: Became
    why: str


class OutcomesAnswer(BaseModel):
    """How many rows become what, and each row in the order in which it was sent; what the contract has is kept."""

    counts: dict[str, int]
    rows: list[RowAnswer]


async def take_outcomes(one: OnlineUseCase, request: Request) -> Response:
    """Keep outcomes and tell of each row what becomes of it. Answers 400, 413, 415 and 422 as for decisions."""
    body = await json_body(request)
    try:
        read_object(body)
        told = OutcomeRows.model_validate_json(body)
    except BadBody as why:
        raise HTTPException(400, f"the body {why}") from None
    except ValidationError as error:
        raise HTTPException(422, faults_of(error)) from None
    answer = await run_in_threadpool(_taken, one, told)
    return Response(answer.model_dump_json(), media_type="application/json")


def _taken(one: OnlineUseCase, told: OutcomeRows) -> OutcomesAnswer:
    now, workspace = utc_now(), one.decider.desk().workspace
    posted = post_outcomes(workspace, [row.posted(one.use_case.name, now) for row in told.outcomes], now)
    counts: dict[str, Any] = dict(Counter(row.became for row in posted))
    return OutcomesAnswer(counts=counts, rows=[RowAnswer(became=row.became, why=row.why) for row in posted])
