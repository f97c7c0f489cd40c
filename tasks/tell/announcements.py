"""What the Prefect UI and its automations get to know: events and artifacts. Nothing depends on them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import emit_event


def announce(
    name: str, use_case: str, subject: str, payload: Mapping[str, object], event_id: UUID | None = None
) -> None:
    """Emit ``decisionloop.<name>`` about ``subject`` (the id of a batch, release or incident).

    An event of an id that the server has seen lately is dropped: a run that is repeated starts nothing twice.
    """
    emit_event(
        event=f"decisionloop.{name}",
        resource={"prefect.resource.id": f"decisionloop.{use_case}.{subject}", "decisionloop.use_case": use_case},
        payload=dict(payload),
        id=event_id,
    )


def publish(key: str, markdown: str) -> None:
    """Show ``markdown`` as an artifact of the running task; outside a run there is nowhere to show it."""
    if TaskRunContext.get() is None and FlowRunContext.get() is None:
        return
    create_markdown_artifact(markdown=markdown, key=re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-"))
