"""Actions that the receiver does not take stay in the outbox, and running the batch again delivers them once."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from decisionloop.dispatch.receiver import Receiver, carried_out, open_server
from decisionloop.errors import DeliveryError
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.outbox import attempts_of_batch, count_pending, messages_of_batch
from decisionloop.ledger.present_alerts import present_alerts

pytestmark = pytest.mark.xdist_group("loop")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def receiver(tmp_path):
    """A receiver that is down; called, it comes up."""
    port, servers = _free_port(), []

    def start():
        servers.append(open_server(Receiver(tmp_path / "actions.jsonl"), port))
        threading.Thread(target=servers[0].serve_forever, args=(0.02,), daemon=True).start()

    start.url = f"http://127.0.0.1:{port}/actions"
    start.file = tmp_path / "actions.jsonl"
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_receiver_that_is_down_loses_and_doubles_nothing(small, receiver):
    small.contract(actuator={"kind": "http", "url": receiver.url, "chunk_rows": 100})
    small.predict(0)
    with pytest.raises(DeliveryError, match="outbox"):
        small.act(0)
    messages = messages_of_batch(small.ledger, small.batch(0))["decision_id"].tolist()
    assert len(messages) > 200
    assert small.state(0) == "decided"
    assert count_pending(small.ledger, "small", small.batch(0)) == len(messages)
    assert set(attempts_of_batch(small.ledger, small.batch(0))["status"]) == {"failed"}
    (alert,) = alerts(small.ledger, "small", small.batch(0))
    assert (alert.severity, alert.kind) == ("critical", "delivery")
    assert "run the batch again" in alert.remedy
    assert len(small.announced("delivery.failed")) == 1
    assert present_alerts(small.ledger, "small") == (alert,)
    before = small.decisions(0)
    receiver()
    assert small.act(0) == len(messages)
    assert small.state(0) == "complete"
    assert present_alerts(small.ledger, "small") == ()
    assert sorted(carried_out(receiver.file)) == sorted(messages)
    assert count_pending(small.ledger, "small", small.batch(0)) == 0
    assert small.act(0) == 0
    assert len(carried_out(receiver.file)) == len(messages)
    assert small.decisions(0).equals(before)


class _Picky(BaseHTTPRequestHandler):
    """While picky it refuses all of the first chunk, and one action of the second."""

    def do_POST(self):
        actions = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = self.server.asked
        asked.append((self.headers["Idempotency-Key"], [one["decision_id"] for one in actions]))
        content = {}
        if self.server.is_picky and len(asked) <= 2:
            content = {"error": "poison"} if len(asked) == 1 else {"refused": [actions[0]["decision_id"]]}
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_what_is_refused_holds_up_nothing_else_and_goes_again_in_the_same_chunk(small):
    with ThreadingHTTPServer(("127.0.0.1", 0), _Picky) as server:
        server.asked, server.is_picky = [], True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        small.contract(actuator={"kind": "http", "url": url, "chunk_rows": 100})
        small.predict(0)
        with pytest.raises(DeliveryError, match="HTTP 200 with an error: poison"):
            small.act(0)
        left = count_pending(small.ledger, "small", small.batch(0))
        assert left == 101
        assert len(alerts(small.ledger, "small", small.batch(0))) == 2
        assert len(present_alerts(small.ledger, "small")) == 2
        small.contract(actuator={"chunk_rows": 7})  # what is cut already stays so
        server.is_picky = False
        assert small.act(0) == left
        first = dict(server.asked[:2])
        assert dict(server.asked[-2:]) == first
        server.shutdown()
    assert small.state(0) == "complete"
    assert present_alerts(small.ledger, "small") == ()
