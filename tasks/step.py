"""The one way in which this house declares a Prefect task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from decisionloop.errors import ConfigurationError, DecisionLoopError, DeliveryError, LedgerOutOfReach
from tasks.observed import observed
from tasks.tell.run_log import told_in_log

P = ParamSpec("P")
R = TypeVar("R")

RETRIES = 2
TIMEOUT_SECONDS = 1800


def step(function: Callable[P, R]) -> Task[P, R]:
    """Declare ``function`` as a task: retried on trouble from outside, never on a verdict of our own.

    Nothing is cached: whether a step was done already is the ledger's business, because a Prefect cache or
    transaction repeats its effect after kill -9.
    """
    declare = task(
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=RETRIES,
        retry_delay_seconds=[1.0, 5.0],
        timeout_seconds=TIMEOUT_SECONDS,
        retry_condition_fn=_is_worth_retrying,
    )
    return declare(told_in_log(observed(function)))


def _is_worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """A halted batch or a faulty contract stays so; a database or receiver may come back, one waited for has not."""
    try:
        state.result()
    except LedgerOutOfReach:
        return False
    except (ConfigurationError, DeliveryError):
        return True
    except DecisionLoopError:
        return False
    except Exception:
        return True
    return False
