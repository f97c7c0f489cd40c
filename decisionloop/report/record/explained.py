"""The whole story of one decision: what the story tells of one, and what hangs off it, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from decisionloop.report.record.lines import WorkedDecision


@dataclass(frozen=True)
class Standing:
    """Why the release that decided was live: the event by which it stood where it did. ``evidence`` is JSON text."""

    stage: str
    since: datetime
    by: str
    reason: str
    seq: int
    share: float | None
    evidence: str


@dataclass(frozen=True)
class OutcomeRevision:
    """What was reported of the outcome, first or later."""

    revision: int
    outcome_class: int | None
    amount: float | None
    kind: str
    observed_at: datetime
    recorded_at: datetime


@dataclass(frozen=True)
class ExecutionRevision:
    """What was said to have been done, by whom and why."""

    action: str
    by: str
    reason: str
    observed_at: datetime


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver the action."""

    attempt: int
    status: str
    detail: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ExplainedDecision(WorkedDecision):
    """One decision with who was to decide and why, and with everything that was said of it since.

    ``moment``: as of when it was decided. ``batch_id`` None: it is in no batch yet. ``standing`` None: the ledger knows
    of no event. ``rules_reasons``: what the rules said, whoever decided. ``waited_ms``: how long whoever asked waited,
    None: nobody did, or nobody knows. ``is_sent``: it goes to the actuator; otherwise it left with its answer, or
    does nothing. ``read_until``: up to when outcomes were read last, None: never.
    """

    use_case: str
    moment: datetime
    decided_at: datetime
    batch_id: str | None
    release_id: str
    contract_digest: str
    policy_version: str
    rules_reasons: tuple[str, ...]
    standing: Standing | None
    outcomes: tuple[OutcomeRevision, ...]
    executions: tuple[ExecutionRevision, ...]
    is_sent: bool
    is_online: bool
    deliveries: tuple[Delivery, ...]
    waited_ms: float | None
    read_until: datetime | None
