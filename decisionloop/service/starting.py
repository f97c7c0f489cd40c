"""What was stored is started: at once, and again and again until it is, also after a restart."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from decisionloop.errors import ConfigurationError
from decisionloop.ledger.trace_contexts import of_webhook, trace_of
from decisionloop.ledger.webhooks import DeliveryState, WebhookDelivery, add_step, newer_delivery, waiting_deliveries
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.telemetry import traces

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger

LOG = logging.getLogger("decisionloop.service")
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
IDLE_SECONDS = 30.0
"""How often the store is looked at where nothing was heard: another process may have stored something, and died."""


class CannotStart(Exception):
    """It did not start and may later. The text says why and names no value of a delivery."""


class NeverStarts(Exception):
    """It will not start, however often it is tried. The text says why and names no value of a delivery."""


class Deployments(Protocol):
    """Where deployments are started."""

    def start(self, deployment: str, parameters: Mapping[str, object], key: str) -> str:
        """Start a deployment once under ``key``; returns the run's id. Raises CannotStart or NeverStarts."""
        ...


class Wakes(Protocol):
    """Whoever starts what waits, or leads to them."""

    def wake(self) -> None:
        """Something was stored."""
        ...


def start_waiting(ledger: Ledger, deployments: Deployments) -> int:
    """Start everything that waits, in the order of its events; returns how many must be tried again.

    A process that is killed between the start and this note of it starts the same again under the same key, which
    gives the same run.
    """
    again = 0
    for delivery in waiting_deliveries(ledger):
        state, detail = _started(ledger, deployments, delivery)
        add_step(ledger, delivery, state, detail)
        told = {"sender": delivery.sender, "delivery": delivery.delivery_id, "state": state, "detail": detail}
        LOG.log(logging.WARNING if state in {"failed", "refused"} else logging.INFO, "delivery", extra=told)
        again += state == "failed"
    return again


def _started(ledger: Ledger, deployments: Deployments, delivery: WebhookDelivery) -> tuple[DeliveryState, str]:
    newer = newer_delivery(ledger, delivery)
    if newer is not None:
        return "superseded", f"{newer.delivery_id} is newer"
    key = f"webhook/{delivery.sender}/{delivery.delivery_id}"
    before = trace_of(ledger, of_webhook(delivery.sender, delivery.delivery_id))
    try:
        with traces.span("start deployment", before, sender=delivery.sender, deployment=delivery.deployment):
            return "started", deployments.start(delivery.deployment, json.loads(delivery.parameters), key)
    except CannotStart as why:
        return "failed", str(why)
    except NeverStarts as why:
        return "refused", str(why)


class Starter:
    """A thread that starts what waits: when the process starts, when it is woken, and again after a failure."""

    def __init__(self, access: LedgerAccess, deployments: Deployments) -> None:
        self._access, self._deployments = access, deployments
        self._woken, self._is_over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="starter", daemon=True)

    def begin(self) -> None:
        """Start what waits from earlier, and go on."""
        self._thread.start()

    def wake(self) -> None:
        """Something was stored."""
        self._woken.set()

    def end(self) -> None:
        """Stop after the delivery in hand; what was not started stays in the store."""
        self._is_over.set()
        self._woken.set()
        self._thread.join(timeout=10)

    def _go_on(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._is_over.is_set():
            self._woken.clear()
            if self._has_failed():
                self._is_over.wait(pause)  # being woken is no reason to ask sooner who has just not answered
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                pause = FIRST_PAUSE_SECONDS
                self._woken.wait(IDLE_SECONDS)

    def _has_failed(self) -> bool:
        """Whether something must be tried again soon."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return start_waiting(self._access.opened(), self._deployments) > 0
        except (ConfigurationError, SQLAlchemyError) as error:
            LOG.warning("the ledger cannot be used", extra={"error": type(error).__name__})
        except Exception:  # this thread must outlive whatever it meets, or nothing would start any more
            LOG.exception("starting what waits has failed")
        return True
