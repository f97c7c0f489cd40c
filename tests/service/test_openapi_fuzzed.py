"""Whatever the OpenAPI page lets one send is answered as the page says, and never by a defect."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from prefect.settings import PREFECT_API_URL, temporary_settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.conftest import FILE, one
from tests.service.processes import NOBODY

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ONE, WEBHOOK = "GET /v1/{use_case}/decisions/{decision_id}", "POST /v1/webhooks/{sender}"
FEW, MANY = 5, 500
"""Examples an operation and a mode; the latter with make torture."""


@pytest.fixture
def ledger(sqlite_ledger):
    """One engine is enough: what is refused reaches neither."""
    return sqlite_ledger


@pytest.fixture
def told(decide_online):
    """A service in which something was decided, with a key and a sender, and the operations that its page tells."""
    with temporary_settings({PREFECT_API_URL: NOBODY}):
        online = decide_online(service_file=FILE)
    decision = online.decide(one()).json()
    online.seal()
    page = schemathesis.openapi.from_dict(online.client.get("/openapi.json").json())
    return online, decision, {one.ok().label: one.ok() for one in page.get_all_operations()}


def answer_to(online, case):
    """What the running service answers to a case."""
    sent = case.as_transport_kwargs(base_url="http://localhost")
    headers = {name: value for name, value in sent["headers"].items() if value is not None}
    sent = {name: value for name, value in sent.items() if name in {"method", "url", "params", "json"}}
    return online.client.request(**sent, headers=headers)


def ask(online, operation, examples, **path):
    """Send what fits the page and, where a body can break it, what does not; hold every answer against the page.

    ``path``: what stands in the address, where it is not whatever comes.
    """
    known = {"path_parameters": path} if path else {}
    alike = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.generate]}
    few = settings(max_examples=examples, **alike)
    for mode in GenerationMode if len(operation.body) else [GenerationMode.POSITIVE]:

        @few
        @given(case=operation.as_strategy(generation_mode=mode, **known))
        def holds(case):
            case.validate_response(answer_to(online, case), checks=CHECKS)

        holds()


def test_every_answer_is_one_that_the_page_tells(told):
    online, decision, operations = told
    assert {"POST /v1/small/decisions", "POST /v1/small/outcomes", "GET /metrics", "GET /ready"} < set(operations)
    ask_all(online, decision, operations, FEW)
    found = operations[ONE].Case(path_parameters={"use_case": "small", "decision_id": decision["decision_id"]})
    answer = answer_to(online, found)
    assert answer.status_code == 200
    found.validate_response(answer, checks=CHECKS)


def ask_all(online, decision, operations, examples):
    """Ask every operation; those that name something in their address about what there is, too."""
    for operation in operations.values():
        ask(online, operation, examples)
    ask(online, operations[WEBHOOK], examples, sender="ours")
    ask(online, operations[WEBHOOK], examples, sender="github")
    for use_case in ("small", "another"):
        ask(online, operations[ONE], 1, use_case=use_case, decision_id=decision["decision_id"])


@pytest.mark.exhaustive
def test_five_hundred_answers_of_each_operation_are_those_that_the_page_tells(told):
    ask_all(*told, MANY)
