"""One trace goes from the webhook through Prefect's server to the delivered action, as a collector is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from decisionloop.telemetry import traces
from tests.flows.conftest import Life, Server
from tests.small_use_case import as_of, settings_of, write_small
from tests.telemetry.collector import collecting

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.exhaustive]

TRACE, DEPLOYMENT = "ab" * 16, "by a trace"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What a collector is told by this process."""
    with collecting(monkeypatch) as told:
        yield told


def test_from_the_webhook_to_the_delivered_action(prefect: Server, spans: list[Any], tmp_path: Path) -> None:
    from prefect.flow_engine import run_flow

    from decisionloop.service.prefect_deployments import PrefectDeployments
    from flows.loop import loop

    life = Life(tmp_path / "life")
    write_small(life.folder / "usecases")
    schema = loop.parameters.model_dump_for_openapi()
    flow_id = prefect.client.create_flow_from_name("loop")
    prefect.client.create_deployment(
        flow_id, DEPLOYMENT, entrypoint="flows/loop.py:loop", parameter_openapi_schema=schema
    )
    with traces.span("webhook", f"00-{TRACE}-{'cd' * 8}-01"):
        asked = {"use_case": "small", "as_of": as_of(0).isoformat()}
        run_id = PrefectDeployments().start(f"loop/{DEPLOYMENT}", asked, "a webhook")
    with settings_of(life.folder):
        run = prefect.client.read_flow_run(run_id)
        run_flow(loop, flow_run=run, parameters=loop.validate_parameters(run.parameters))  # as a worker's process does
    traces.flush()
    assert {one.trace_id.hex() for one in spans} == {TRACE}
    by_id = {one.span_id: one for one in spans}
    named = {one.name.removeprefix("decisionloop "): one for one in spans}
    assert {"webhook", "loop", "decide_batch", "dispatch_batch", "ledger write"} <= set(named)

    def way(one: Any) -> list[str]:
        above = by_id.get(one.parent_span_id)
        return [one.name.removeprefix("decisionloop "), *(way(above) if above is not None else [])]

    delivered = way(named["deliver"])
    assert (delivered[1], delivered[-2:]) == ("dispatch_batch", ["loop", "webhook"])
    writes = [way(one) for one in spans if one.name == "decisionloop ledger write"]
    assert any(write[1] == "dispatch_batch" for write in writes)
