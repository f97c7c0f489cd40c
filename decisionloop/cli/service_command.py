"""The commands `service` and `deploy-flows`; what they do is in `decisionloop.service` and `cli.deploy_flows`."""

from __future__ import annotations

from typing import Annotated

import typer


def service(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")] = 4280,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Others than this machine's own need an API key.")
    ] = "127.0.0.1",
) -> None:
    """Take webhooks that start deployments, and tell decisions, readiness and metrics over HTTP; Ctrl-C stops it."""
    from decisionloop.service.running import run_service
    from decisionloop.settings import load_settings

    run_service(load_settings(), host, port)


def deploy_flows() -> None:
    """Make the work pool and apply every deployment of prefect.yaml, on the Prefect server of PREFECT_API_URL."""
    from decisionloop.cli.deploy_flows import deploy_flows as deploy_all

    deploy_all()
