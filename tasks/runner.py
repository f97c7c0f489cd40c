"""Where the parts of a batch are computed: the task runner that the settings ask for."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from prefect import Task
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from decisionloop.errors import ConfigurationError
from decisionloop.settings import Settings, load_settings

if TYPE_CHECKING:
    from distributed import LocalCluster


class PartRunner(TaskRunner[PrefectFuture[Any]]):
    """The runner of this process's settings, started with the first part that is submitted to it.

    A flow that submits nothing, which is a batch of one part, starts no thread and no cluster.
    """

    def __init__(self) -> None:
        super().__init__()
        self._runner: TaskRunner[Any] | None = None

    def duplicate(self) -> PartRunner:
        """A runner of the same settings, not started."""
        return type(self)()

    def submit(
        self,
        task: Task[..., Any],
        parameters: dict[str, Any],
        wait_for: Iterable[PrefectFuture[Any]] | None = None,
        dependencies: Any = None,
    ) -> PrefectFuture[Any]:
        """Compute one part; raises ConfigurationError where the settings' runner cannot be had."""
        if self._runner is None:
            self._runner = _runner(load_settings())
            self._runner.__enter__()
        return self._runner.submit(task, parameters, wait_for, dependencies)

    def __exit__(self, *error: Any) -> None:
        """Stop what was started."""
        if self._runner is not None:
            self._runner.__exit__(*error)
            self._runner = None
        super().__exit__(*error)


def _runner(settings: Settings) -> TaskRunner[Any]:
    if settings.runner != "dask":
        return ThreadPoolTaskRunner(max_workers=settings.workers)
    try:
        from prefect_dask import DaskTaskRunner
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"DECISIONLOOP_RUNNER is dask, but {error.name} is not installed. Install decisionloop[dask], or set the "
            "runner to threads."
        ) from error
    address = settings.dask_address or str(local_cluster(settings.workers).scheduler_address)
    runner: TaskRunner[Any] = DaskTaskRunner(address=address)
    return runner


@functools.cache
def local_cluster(workers: int) -> LocalCluster:
    """A Dask cluster on this machine that lives as long as this process: starting one takes seconds."""
    from distributed import LocalCluster

    return LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
