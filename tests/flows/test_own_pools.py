"""Deployments of a use case go to the pool that its contract asks for, and those of all stay where they are."""

from __future__ import annotations

import pytest

from decisionloop.cli.deploy_flows import make_pool, offer_use_cases, pool_of, send_to_own_pools
from tests.flows.conftest import IN_TESTS, OFFERED

pytestmark = pytest.mark.xdist_group("flows")


def test_a_deployment_of_a_use_case_goes_to_its_pool(prefect):
    from prefect import flow
    from prefect.client.orchestration import get_client

    @flow
    def own(use_case: str) -> str:
        return use_case

    for name, limit in (("decisionloop", None), (pool_of("live"), 2)):
        make_pool(name, limit)
        make_pool(name, 9)  # one that is there stays as it is
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(own)
        for name, parameters in (("live", {"use_case": "live"}), ("other", {"use_case": "other"}), ("every", {})):
            client.create_deployment(flow_id, name, work_pool_name="decisionloop", parameters=parameters)
        send_to_own_pools({pool_of("live")})
        pools = {one.name: one.work_pool_name for one in client.read_deployments()}
        assert client.read_work_pool(pool_of("live")).concurrency_limit == 2
    assert (pools["live"], pools["other"], pools["every"]) == ("decisionloop-live", "decisionloop", "decisionloop")


def test_a_form_offers_the_use_cases_and_the_server_takes_no_other(prefect):
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.utilities.callables import parameter_schema

    @flow
    def offered(use_case: str) -> str:
        return use_case

    schema = parameter_schema(offered).model_dump_for_openapi()
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(offered)
        own = {"entrypoint": "flows/own.py:offered", "parameter_openapi_schema": schema}
        deployment = client.create_deployment(flow_id, "offered", enforce_parameter_schema=True, **own)
        offer_use_cases([*OFFERED, *IN_TESTS])
        asked = client.read_deployment(deployment).parameter_openapi_schema["properties"]["use_case"]
        assert asked["enum"] == [*OFFERED, *IN_TESTS]
        assert client.create_flow_run_from_deployment(deployment, parameters={"use_case": "live"}).id
        with pytest.raises(PrefectHTTPStatusError, match="409"):
            client.create_flow_run_from_deployment(deployment, parameters={"use_case": "another"})
