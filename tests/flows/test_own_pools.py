"""Deployments of a use case go to the pool that its contract asks for, and those of all stay where they are."""

from __future__ import annotations

import pytest

from decisionloop.cli.deploy_flows import make_pool, pool_of, send_to_own_pools

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
