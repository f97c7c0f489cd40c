"""`decisionloop deploy-flows` says what it needs; what it does is tested on a real server, in tests/docker."""

from __future__ import annotations

import socket

import pytest

from decisionloop.cli.deploy_flows import deploy_flows
from decisionloop.errors import ConfigurationError
from tests.architecture.code import ROOT


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
