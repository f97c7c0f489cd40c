"""A webhook starts a deployment on a real Prefect server: once, however often it is sent and whoever is killed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.service.conftest import FILE, SECRETS, ours
from tests.service.processes import ServiceProcess

pytestmark = pytest.mark.xdist_group("flows")

ARRIVES_SECONDS = 60
DEPLOYMENT = "by webhook"


@pytest.fixture
def deployed(prefect):
    """The retraining, deployed under a name of this test's own."""
    from flows.retrain import retrain

    client = prefect.client
    flow_id = client.create_flow_from_name("retrain")
    schema = retrain.parameters.model_dump_for_openapi()
    return client.create_deployment(
        flow_id, DEPLOYMENT, entrypoint="flows/retrain.py:retrain", parameter_openapi_schema=schema
    )


def runs_of(client, deployment_id):
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    return client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])))


def awaited(client, deployment_id):
    deadline = time.monotonic() + ARRIVES_SECONDS
    while not (found := runs_of(client, deployment_id)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


@pytest.mark.parametrize("replays", [100, pytest.param(1_000, marks=pytest.mark.exhaustive)])
@pytest.mark.exhaustive
def test_replays_and_a_kill_before_the_start_make_one_run(prefect, deployed, tmp_path, replays):
    """A thousand of them at once are sent in tests/service/test_starting_deployments.py as well."""
    from prefect.settings import PREFECT_API_URL

    from decisionloop.service.prefect_deployments import PrefectDeployments
    from decisionloop.service.starting import CannotStart, NeverStarts

    file = tmp_path / "service.toml"
    file.write_text(FILE.replace("retrain/retrain", f"retrain/{DEPLOYMENT}"))
    environment = {"DECISIONLOOP_HOME": str(tmp_path), "DECISIONLOOP_SERVICE_FILE": str(file), **SECRETS}
    signed = ours("msg_1", why="the bank's rates moved")

    client = httpx.Client(timeout=60)  # one for all: making one takes longer than being answered

    def send(service):
        return client.post(service.url + signed.path, content=signed.body, headers=signed.headers)

    first = ServiceProcess(tmp_path / "first.log", environment)  # no Prefect is there: what is stored cannot be started
    assert send(first).status_code == 202
    first.kill()
    assert runs_of(prefect.client, deployed) == []

    second = ServiceProcess(tmp_path / "second.log", environment, PREFECT_API_URL.value())
    (run,) = awaited(prefect.client, deployed)  # by itself
    assert run.parameters == {"use_case": "credit_line", "reason": "the bank's rates moved"}
    assert run.idempotency_key == "webhook/ours/msg_1"
    with ThreadPoolExecutor(8) as pool:
        assert {answer.status_code for answer in pool.map(lambda _: send(second), range(replays))} == {202}
    second.stop()
    assert len(runs_of(prefect.client, deployed)) == 1

    deployments = PrefectDeployments()
    again = deployments.start(f"retrain/{DEPLOYMENT}", run.parameters, "webhook/ours/msg_1")
    assert again == str(run.id)  # killed after the start and before its note: the same run
    with pytest.raises(NeverStarts, match="does not take the parameters"):
        deployments.start(f"retrain/{DEPLOYMENT}", {"use_case": "credit_line", "is_forced": "perhaps"}, "another")
    with pytest.raises(CannotStart, match="Prefect has no retrain/of nobody"):
        deployments.start("retrain/of nobody", {}, "another")
    assert len(runs_of(prefect.client, deployed)) == 1
