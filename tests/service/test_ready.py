"""When a service says that it is ready, and what it has done by then."""

import threading
import time

from decisionloop.errors import ConfigurationError
from decisionloop.ledger.stream import unsealed_segments
from decisionloop.stream.decider import Decider


def _until(holds, seconds=30):
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_it_is_ready_once_a_decision_takes_no_loading_and_has_kept_nothing_by_then(online):
    _until(lambda: online.client.get("/ready").status_code == 200)
    assert unsealed_segments(online.ledger, "small") == ()


def test_while_it_loads_it_says_so(online):
    desk, may_load = online.service.online[0].decider.desk(), threading.Event()

    def opened():
        may_load.wait(30)
        return desk

    decider = Decider("small", opened)
    decider.begin()
    try:
        decider._desk = desk  # it is open, and what decides is not loaded
        assert "is being loaded" in decider.why_not_ready()
        may_load.set()
        _until(lambda: decider.why_not_ready() == "")
    finally:
        may_load.set()
        decider.end()


def test_where_it_could_not_load_it_tries_again_once_it_can(online):
    desk, is_away = online.service.online[0].decider.desk(), [True]

    def opened():
        if is_away[0]:
            raise ConfigurationError("the ledger is away")
        return desk

    decider = Decider("small", opened)
    decider.begin()
    try:
        assert "the ledger is away" in decider.why_not_ready()
        is_away[0] = False
        _until(lambda: decider.why_not_ready() == "")
    finally:
        decider.end()
