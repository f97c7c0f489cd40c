"""The commands `serve`, `service` and `deploy-flows`; what they do is in `decisionloop.service` and beside this."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decisionloop.cli.arguments import UseCaseName


def service(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")] = 4280,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Others than this machine's own need an API key.")
    ] = "127.0.0.1",
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Processes that answer; default: DECISIONLOOP_SERVICE_WORKERS, which is 1."),
    ] = None,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="Answer anybody on this machine where every API key was revoked.")
    ] = False,
) -> None:
    """Decide one at a time, take outcomes and webhooks, tell decisions and metrics over HTTP; Ctrl-C stops it."""
    from decisionloop.service.running import run_service
    from decisionloop.settings import load_settings
    from tasks.predict.register_rules import prepare_to_decide

    settings = load_settings()
    if workers is not None:
        settings = settings.model_copy(update={"service_workers": workers})
    run_service(settings, host, port, prepare_to_decide, without_keys)


def seal(
    use_case: UseCaseName,
    ended: Annotated[
        bool, typer.Option("--ended", help="Only what is not waiting for more decisions of the same minutes.")
    ] = False,
    over: Annotated[
        bool, typer.Option("--over", help="End the watching period now; what is decided later in it is another batch.")
    ] = False,
) -> None:
    """Seal what was decided one at a time into the batches of its watching periods; every later step treats those
    like any other.
    """
    from decisionloop.cli.environment import use_configured_prefect

    use_configured_prefect()
    from tasks.seal.seal import seal_stream

    sealed = seal_stream.fn(use_case, is_all=not ended or over, is_over=over)
    typer.echo(f"{use_case}: {sealed} batches sealed.")


def deploy_flows(
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Only write every deployment into a file; apply nothing.")
    ] = None,
) -> None:
    """Make the work pools, every deployment and every automation on the server of PREFECT_API_URL.

    The deployments are those of prefect.yaml, and those that the contracts of your own use cases add.
    """
    from decisionloop.cli.deploy_flows import deploy_flows as deploy_all
    from decisionloop.cli.deploy_flows import write_flows

    if write is None:
        deploy_all()
    else:
        write_flows(write)


def serve(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where Prefect's interface is.")] = 4200,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds that Prefect's server may take to start; slow machines take minutes.")
    ] = 300,
) -> None:
    """Start a local Prefect server, a worker, every deployment and automation and, with senders, the service."""
    from decisionloop.cli.serve import serve_locally

    serve_locally(port=port, start_seconds=timeout)
