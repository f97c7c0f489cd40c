"""Work that may not take longer than so many seconds: whoever asked goes on without it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import NoReturn, TypeVar

R = TypeVar("R")


class TimeIsUp(Exception):
    """Work did not end in its time. It is for whoever asked to say what follows."""


class _Job:
    """A piece of work, what it returned or raised, and that it is over."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work, self._over = work, threading.Lock()
        self._over.acquire()
        self.told: object = None
        self.failed: BaseException | None = None

    def do(self) -> None:
        try:
            self.told = self._work()
        except BaseException as failure:  # raised again where it was asked for
            self.failed = failure
        finally:
            self._over.release()

    def is_over_within(self, seconds: float) -> bool:
        return self._over.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))

    @property
    def is_over(self) -> bool:
        return not self._over.locked()


class _Worker:
    """A thread that does one job after another."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()

    def give(self, name: str, job: _Job) -> None:
        self._thread.name = f"limited {name}"
        self._jobs.put(job)

    def end(self) -> None:
        """Once it has done what it was given, if ever."""
        self._jobs.put(None)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()  # it is not in a process that was forked from its own

    def _go_on(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.do()
            del job  # it holds what it worked on


class TimeLimited:
    """Work under a name, each time in a thread beside, that is waited for no longer than ``seconds``.

    A thread that ended its work in time is kept for the next: to start one takes as long as scoring a row. What hangs
    cannot be ended from outside: it is left behind, and dies with the process. As long as ``most_left`` of a name are
    there nothing else of it is begun, so that what hangs does not pile up, nor cost its time again.
    """

    def __init__(self, most_left: int = 1) -> None:
        self._most_left = most_left
        self._left: dict[str, list[_Job]] = {}
        self._free: list[_Worker] = []

    def run(self, name: str, work: Callable[[], R], seconds: float) -> R:
        """What ``work`` returns or raises. Raises TimeIsUp where it does not end in ``seconds``, or ``most_left``
        earlier ones of this name still have not."""
        return self.begin(name, work)(seconds)

    def begin(self, name: str, work: Callable[[], R]) -> Callable[[float], R]:
        """Let ``work`` begin; what is returned waits for it for so many seconds, and is to be called once.

        It returns and raises what :meth:`run` does.
        """
        self._left[name] = [one for one in self._left.get(name, ()) if not one.is_over]
        if len(self._left[name]) >= self._most_left:
            return _refuse
        job, worker = _Job(work), self._worker()
        worker.give(name, job)

        def awaited(seconds: float) -> R:
            if not job.is_over_within(seconds):
                worker.end()
                self._left[name].append(job)
                raise TimeIsUp(f"it did not end within {seconds:g} s")
            self._free.append(worker)
            if job.failed is not None:
                raise job.failed
            told: R = job.told  # type: ignore[assignment]
            return told

        return awaited

    def later(self, name: str, work: Callable[[], R]) -> Callable[[float], R]:
        """The same of work that begins only when it is waited for."""
        return functools.partial(self.run, name, work)

    def _worker(self) -> _Worker:
        """A free thread, or a new one; nobody else takes it."""
        while self._free:
            try:
                worker = self._free.pop()
            except IndexError:  # somebody else was sooner
                break
            if worker.is_alive:
                return worker
        return _Worker()


def _refuse(_: float) -> NoReturn:
    raise TimeIsUp("it still has not ended what it was asked before")


CHALLENGERS = TimeLimited()
"""Releases that are asked beside the champion: which of them hangs in this process is known to all that ask."""
