"""`decisionloop deploy-flows` says what it needs; what it does is tested on a real server, in tests/docker."""

from __future__ import annotations

import socket

import pytest

from decisionloop.cli.deploy_flows import deploy_flows, own_pools
from decisionloop.errors import ConfigurationError
from tests.architecture.code import ROOT
from tests.live_use_case import orders, write_live


def test_it_asks_for_prefect_yaml(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = cli("deploy-flows")
    assert told.exit_code == 4
    assert "no prefect.yaml" in told.err


def test_it_asks_for_a_server(cli, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    told = cli("deploy-flows")
    assert told.exit_code == 4
    assert "PREFECT_API_URL" in told.err


def test_a_server_that_is_not_there_is_named(monkeypatch):
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PREFECT_API_URL", api)
    with (
        temporary_settings({PREFECT_API_URL: api, PREFECT_CLIENT_MAX_RETRIES: 0}),
        pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}"),
    ):
        deploy_flows()


def test_a_contract_may_ask_for_a_pool_of_its_own(tmp_path, monkeypatch):
    write_live(tmp_path, orders(1), schedule={"concurrent_runs": 2})
    monkeypatch.setenv("DECISIONLOOP_USECASES_DIR", str(tmp_path))
    assert own_pools() == {"decisionloop-live": 2}
    write_live(tmp_path / "other", orders(1))
    monkeypatch.setenv("DECISIONLOOP_USECASES_DIR", str(tmp_path / "other"))
    assert own_pools() == {}
