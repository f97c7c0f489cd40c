"""Which of several failures a run is told of: the first, for the later ones may follow from it."""

from __future__ import annotations

from typing import Any, TypeVar

from prefect.client.schemas.objects import State

from decisionloop.errors import LedgerOutOfReach

R = TypeVar("R")


def with_ledger(state: State[R]) -> State[R]:
    """The state in which a stage has ended, failed or not. Raises LedgerOutOfReach where it could not reach the ledger.

    Without one no later stage can do anything, and each would wait for it anew.
    """
    cause = None if state.is_completed() else state.result(raise_on_failure=False)
    if isinstance(cause, LedgerOutOfReach):
        raise cause
    return state


def result_unless_failed(wanted: State[R], *stages: State[Any] | None) -> R:
    """What the run is to return. Raises what the first failed of its stages, in their order, has raised."""
    failed = next((state for state in stages if state is not None and not state.is_completed()), wanted)
    result: R = failed.result()
    return result
