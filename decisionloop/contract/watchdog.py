"""When the loop itself is in trouble, and who is told where nobody answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from decisionloop.contract.section import MOST, Section, field

Channel = Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]


class Watchdog(Section):
    """How long each part of the loop may be late before people are told, and whom a silence wakes."""

    batch_late_hours: float = field(
        "Hours after a due time within which its batch is to be decided.", 4, default=2.0, gt=0, le=MOST
    )
    outbox_minutes: float = field(
        "Minutes within which an action that nobody holds is to have left.", 30, default=60.0, gt=0, le=MOST
    )
    worker_silent_minutes: float = field(
        "Minutes without a scheduled run of the deployment `watchdog` after which the worker is taken to be gone. "
        "Before its first one nobody waits for it.",
        30,
        default=60.0,
        gt=0,
        le=MOST,
    )
    acknowledge_minutes: float = field(
        "Minutes in which somebody acknowledges a critical alert or incident; then the next of `escalate_to` is told, "
        "and so on.",
        15,
        default=30.0,
        gt=0,
        le=MOST,
    )
    escalate_to: tuple[Channel, ...] = field(
        "Prefect notification blocks, as type/name, that are told one after the other; none: nobody further is.",
        ["pagerduty-webhook/head-of-credit"],
        default=(),
    )
