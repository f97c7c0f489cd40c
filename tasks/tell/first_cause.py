"""Which of several failures a run is told of: the first, for the later ones may follow from it."""

from __future__ import annotations

from typing import Any, TypeVar

from prefect.client.schemas.objects import State

R = TypeVar("R")


def result_unless_failed(first: State[R], *later: State[Any]) -> R:
    """What the first stage returned. Raises what the first failed stage, in their order, has raised."""
    failed = next((state for state in (first, *later) if not state.is_completed()), first)
    result: R = failed.result()
    return result
