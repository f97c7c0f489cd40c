"""The state in which a run ends: its name says what happened, its message says it in a sentence.

Prefect colours a state by its type, which stays what it was: completed where the work was done, also where the answer
is no; failed where it was not. So automations, retries and exit codes see what they saw.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from prefect.context import FlowRunContext
from prefect.states import Completed, Failed

from decisionloop.endings import ending_of, ending_of_error
from decisionloop.errors import DecisionLoopError
from decisionloop.masking import without_secrets
from tasks.observed import standing_in_for

P = ParamSpec("P")
R = TypeVar("R")


def says(words: str = "{}") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The body of a flow, whose run says at its end what came of it: ``words`` around what the body returns.

    Outside Prefect, and in the run of another flow, the body returns or raises as it is. What is no error of ours goes
    on to Prefect, with its traceback.
    """

    def decorate(body: Callable[P, R]) -> Callable[P, R]:
        call = _say_call  # by its closure: see standing_in_for

        def run(*arguments: P.args, **named: P.kwargs) -> R:
            return call(body, words, *arguments, **named)

        return standing_in_for(body, run)

    return decorate


def _say_call(body: Callable[P, R], words: str, *arguments: P.args, **named: P.kwargs) -> R:
    context = FlowRunContext.get()
    if context is None or context.flow is None or context.flow.fn.__name__ != body.__name__:
        return body(*arguments, **named)
    try:
        done = body(*arguments, **named)
    except DecisionLoopError as error:
        return cast(R, Failed(name=ending_of_error(error), message=str(error), data=error))
    except Exception as error:
        told = without_secrets(error)
        if told is error:
            raise
        raise told from told.__cause__
    return cast(R, Completed(name=ending_of(done), message=words.format(done), data=done))
