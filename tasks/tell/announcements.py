"""What the Prefect UI and its automations get to know: events and artifacts. Nothing depends on them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import emit_event

from decisionloop.masking import masked

_IS_SILENT: ContextVar[bool] = ContextVar("is_silent", default=False)


@contextmanager
def unannounced() -> Iterator[None]:
    """Emit nothing meanwhile: what happens to a made-up use case is no event that automations may answer."""
    token = _IS_SILENT.set(True)
    try:
        yield
    finally:
        _IS_SILENT.reset(token)


def announce(
    name: str, use_case: str, subject: str, payload: Mapping[str, object], event_id: UUID | None = None
) -> None:
    """Emit ``decisionloop.<name>`` about ``subject`` (the id of a batch, release or incident).

    An event of an id that the server has seen lately is dropped: a run that is repeated starts nothing twice.
    """
    if _IS_SILENT.get():
        return
    emit_event(
        event=f"decisionloop.{name}",
        resource={"prefect.resource.id": f"decisionloop.{use_case}.{subject}", "decisionloop.use_case": use_case},
        payload={name: masked(value) if isinstance(value, str) else value for name, value in payload.items()},
        id=event_id,
    )


def publish(key: str, markdown: str, description: str) -> None:
    """Show ``markdown`` as an artifact of the running task, with what it is; outside a run it is shown nowhere."""
    if TaskRunContext.get() is None and FlowRunContext.get() is None:
        return
    own = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
    create_markdown_artifact(markdown=masked(markdown), key=own, description=description)
