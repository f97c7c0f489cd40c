"""How a worker wakes whoever starts what it stored: at every ring, and without ever waiting for anybody."""

from __future__ import annotations

import threading

from decisionloop.service.workers import Bell


class Woken:
    """Stands where the starter does."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def wake(self) -> None:
        self.event.set()


def test_a_ring_wakes_and_the_next_one_wakes_again():
    bell, woken = Bell(), Woken()
    bell.wake()  # before anybody listens: it is heard all the same
    bell.lead_to(woken)
    for _ in range(3):
        assert woken.event.wait(10)
        woken.event.clear()
        bell.wake()


def test_who_rings_never_waits_for_a_deaf_one():
    bell = Bell()
    for _ in range(10_000):
        bell.wake()
