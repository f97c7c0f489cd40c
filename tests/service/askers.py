"""People who ask a service about ``small`` without pause, and remember what they were told."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.service.conftest import SHOP


@dataclass(frozen=True)
class Told:
    """When a request was ``asked`` and ``answered`` (monotonic seconds), and how; ``answer`` None: not decided."""

    asked: float
    answered: float
    status: int
    answer: dict[str, Any] | None
    headers: Mapping[str, str]


@dataclass
class Askers:
    """Threads that ask one after another, each on connections of its own, until they are stopped."""

    url: str
    threads: int = 4
    told: list[Told] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Askers:
        self._running = [threading.Thread(target=self._ask, args=(place,)) for place in range(self.threads)]
        for one in self._running:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for one in self._running:
            one.join()

    def _ask(self, place: int) -> None:
        number = 0
        while not self._is_over.is_set():
            with httpx.Client(timeout=60) as client:  # a new connection now and then, so that every worker is asked
                for _ in range(20):
                    number += 1
                    asked = time.monotonic()
                    try:
                        body = {"entity": f"shop-{place}-{number}", "features": SHOP, "protected": {}}
                        answer = client.post(f"{self.url}/v1/small/decisions", json=body)
                    except httpx.TransportError:  # the worker of this connection was killed
                        break
                    told = answer.json() if answer.status_code == 200 else None
                    self.told.append(Told(asked, time.monotonic(), answer.status_code, told, dict(answer.headers)))
                    if self._is_over.is_set():
                        return

    def await_answers(self, more: int, seconds: float = 90.0) -> None:
        """Wait until so many more were answered with a decision."""
        wanted, deadline = self.decided + more, time.monotonic() + seconds
        while self.decided < wanted:
            assert time.monotonic() < deadline, self.told[-5:]
            time.sleep(0.02)

    @property
    def decided(self) -> int:
        """How many were decided."""
        return sum(one.answer is not None for one in self.told)
