"""Flows and steps tell machines that they run: a span and a log record each, where a setting asks for them."""

from __future__ import annotations

import functools
import inspect
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import FunctionType
from typing import ParamSpec, TypeVar, cast

from prefect.context import FlowRunContext

from decisionloop.settings import load_settings
from decisionloop.telemetry import logs, traces

P = ParamSpec("P")
R = TypeVar("R")


def observed(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, told of while it runs. With neither logs nor traces on it is called, and that is all."""
    call = _observed_call

    def run(*arguments: P.args, **named: P.kwargs) -> R:
        return call(function, *arguments, **named)

    return standing_in_for(function, run)


def standing_in_for(function: Callable[P, R], run: Callable[P, R]) -> Callable[P, R]:
    """``run``, which knows what it calls by its closure alone, in the place of ``function``.

    Prefect names a flow's file and version by its code, and reads its annotations in its module: those stay.
    """
    own, other = cast(FunctionType, function), cast(FunctionType, run)
    code = other.__code__.replace(co_filename=own.__code__.co_filename)
    told = FunctionType(code, own.__globals__, own.__name__, closure=other.__closure__)
    return cast(Callable[P, R], functools.update_wrapper(told, own))


def _observed_call(function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    is_logged = _is_json(os.environ.get("DECISIONLOOP_LOG_FORMAT"), os.getcwd())
    if not is_logged and not traces.is_on():
        return function(*arguments, **named)
    if is_logged:
        logs.log_as_json()
    name = cast(FunctionType, function).__name__
    with ExitStack() as stack:
        about = _about(function, *arguments, **named)
        stack.enter_context(logs.bound(**about, step=name))
        stack.enter_context(traces.span(name, _trace_of_run(), **about))
        return _told(function, *arguments, **named)


@functools.lru_cache(maxsize=8)
def _is_json(_environment: str | None, _folder: str) -> bool:
    """Whether the setting asks for JSON; asked once, for to read every setting takes longer than many a step."""
    return load_settings().log_format == "json"


def _told(function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    begun = time.perf_counter()
    try:
        done = function(*arguments, **named)
    except BaseException as error:
        logs.say("failed", seconds=_since(begun), error=type(error).__name__)
        raise
    logs.say("done", seconds=_since(begun))
    return done


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 3)


def _about(function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> dict[str, str]:
    """Run, use case and batch of a call, as far as they are known; nothing else of its arguments."""
    given = inspect.signature(function).bind_partial(*arguments, **named).arguments
    found = {"use_case": given.get("use_case"), "batch": given.get("batch_id")}
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    return {"run": str(run.id) if run is not None else ""} | {
        key: value for key, value in found.items() if isinstance(value, str)
    }


def _trace_of_run() -> str:
    """The trace in which the present run was asked for; "" where nobody has named one."""
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    return str(run.labels.get(traces.HEADER, "")) if run is not None else ""
