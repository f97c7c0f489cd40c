"""Which of several failures a run is told of: the first, for the later ones may follow from it."""

from __future__ import annotations

from typing import Any, TypeVar

from prefect.client.schemas.objects import State

R = TypeVar("R")


def result_unless_failed(wanted: State[R], *stages: State[Any] | None) -> R:
    """What the run is to return. Raises what the first failed of its stages, in their order, has raised."""
    failed = next((state for state in stages if state is not None and not state.is_completed()), wanted)
    result: R = failed.result()
    return result
