"""Prefect, as the service sees it: a deployment is started once under one key. The service knows no more of it."""

from __future__ import annotations

from collections.abc import Mapping

from decisionloop.errors import ConfigurationError
from decisionloop.service.starting import CannotStart, NeverStarts
from decisionloop.telemetry import traces

REFUSED = {409, 422}
"""What Prefect answers where a deployment does not take the parameters."""


class PrefectDeployments:
    """The deployments of the Prefect server of this process's settings.

    Raises ConfigurationError where no server is configured: one that ends with this process would run nothing.
    """

    def __init__(self) -> None:
        # All of it now: a request would wait for what is loaded beside it.
        from prefect.client.orchestration import get_client
        from prefect.settings import PREFECT_API_URL

        self._client = get_client
        if not PREFECT_API_URL.value():
            raise ConfigurationError(
                "there are senders of webhooks and no Prefect server that could start what they ask for. Set "
                "PREFECT_API_URL; `decisionloop serve` starts a server and this service beside it."
            )

    def start(self, deployment: str, parameters: Mapping[str, object], key: str) -> str:
        """Start ``flow/deployment`` and return the id of its flow run; the same key again gives the same run.

        Raises CannotStart where Prefect is away or has no such deployment yet, NeverStarts where the deployment does
        not take the parameters.
        """
        import httpx
        from prefect.exceptions import ObjectNotFound

        try:
            with self._client(sync_client=True) as client:
                found = client.read_deployment_by_name(deployment)
                run = client.create_flow_run_from_deployment(
                    found.id,
                    parameters=dict(parameters),
                    idempotency_key=key,
                    tags=["webhook"],
                    labels={**traces.headers()} or None,
                )
        except ObjectNotFound:
            raise CannotStart(f"Prefect has no {deployment}: run `prefect --no-prompt deploy --all`") from None
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            if status in REFUSED:
                raise NeverStarts(f"{deployment} does not take the parameters (Prefect answers {status})") from None
            raise CannotStart(f"Prefect answers {status}") from None
        except (httpx.HTTPError, RuntimeError) as error:
            raise CannotStart(f"Prefect does not answer ({type(error).__name__})") from None
        return str(run.id)
