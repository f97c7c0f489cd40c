"""The log of a run: a sentence when a step begins, and what it found where it says that in words or as a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prefect.context import TaskRunContext

from decisionloop.masking import without_secrets
from tasks.observed import standing_in_for

P = ParamSpec("P")
R = TypeVar("R")


def told_in_log(function: Callable[P, R]) -> Callable[P, R]:
    """The same step, told of in the log of its run; called as a plain function it says nothing.

    Prefect logs and keeps whatever a step raises, with all that it came of: none of it holds a secret.
    """
    call, does = _logged_call, first_sentence(function.__doc__ or function.__name__)

    def run(*arguments: P.args, **named: P.kwargs) -> R:
        return call(function, does, *arguments, **named)

    return standing_in_for(function, run)


def first_sentence(docstring: str) -> str:
    """What a docstring says first, as one sentence, without marks of code."""
    paragraph = " ".join(docstring.strip().partition("\n\n")[0].split()).replace("`", "")
    sentence = paragraph.partition(". ")[0].partition("; returns")[0].rstrip(".;")
    return f"{sentence}."


def _logged_call(function: Callable[P, R], does: str, *arguments: P.args, **named: P.kwargs) -> R:
    context = TaskRunContext.get()
    if context is None or context.task.fn.__name__ != function.__name__:
        return function(*arguments, **named)
    from prefect.logging import get_run_logger

    log = get_run_logger()
    log.info(does)
    try:
        done = function(*arguments, **named)
    except Exception as error:
        told = without_secrets(error)
        if told is error:
            raise
        raise told from told.__cause__
    if isinstance(done, str | int) and done not in ("", None):
        log.info("Found: %s", done)
    return done
