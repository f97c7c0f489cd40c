"""``decisionloop service``: what it takes; what it does is in `decisionloop.service`."""

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
