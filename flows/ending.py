"""The state in which a run ends: its name says what happened, its message says it in a sentence.

Prefect colours a state by its type alone. Completed, and green, is what did what it was for; failed, and red, what
could not. A no to what was asked for is neither: it is of the type cancelled, which is grey and raises no alert. A turn
in which somebody was refused has done its work: it is completed, and its message says it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from prefect.context import FlowRunContext
from prefect.states import Cancelled, Completed, Failed

from decisionloop.endings import ending_of, ending_of_error
from decisionloop.errors import DecisionLoopError
from decisionloop.masking import without_secrets
from tasks.observed import standing_in_for

P = ParamSpec("P")
R = TypeVar("R")


def says(words: str = "{}", is_answer: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The body of a flow, whose run says at its end what came of it: ``words`` around what the body returns.

    ``is_answer``: the run answers what somebody asked for, so that a no ends it as refused. Whoever waits for such a
    run in Python must ask for its state, for Prefect raises CancelledRun instead of returning a result.

    Outside Prefect, and in the run of another flow, the body returns or raises as it is. What is no error of ours goes
    on to Prefect, with its traceback.
    """

    def decorate(body: Callable[P, R]) -> Callable[P, R]:
        call = _say_call  # by its closure: see standing_in_for

        def run(*arguments: P.args, **named: P.kwargs) -> R:
            return call(body, words, is_answer, *arguments, **named)

        return standing_in_for(body, run)

    return decorate


def _say_call(body: Callable[P, R], words: str, is_answer: bool, *arguments: P.args, **named: P.kwargs) -> R:
    context = FlowRunContext.get()
    if context is None or context.flow is None or context.flow.fn.__name__ != body.__name__:
        return body(*arguments, **named)
    try:
        done = body(*arguments, **named)
    except DecisionLoopError as error:
        return cast(R, Failed(name=ending_of_error(error), message=str(error), data=error))
    except Exception as error:
        harmless = without_secrets(error)
        if harmless is error:
            raise
        raise harmless from harmless.__cause__
    ending, told = ending_of(done), words.format(done)
    if ending != "Refused":
        return cast(R, Completed(name=ending, message=told, data=done))
    return cast(R, Cancelled(name=ending, message=told) if is_answer else Completed(message=told, data=done))
