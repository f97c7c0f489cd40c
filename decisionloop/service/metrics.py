"""What Prometheus reads: whether the ledger can be used, deliveries by sender and state, and the loops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from decisionloop.ledger.webhooks import DeliveryCount, DeliveryState, delivery_counts
from decisionloop.service.ledger_access import LedgerAccess
from decisionloop.service.loop_metrics import LoopMetrics, collected

if TYPE_CHECKING:
    from prometheus_client import Metric

    from decisionloop.ledger.loop_figures import LoopFigures


def metrics_text(access: LedgerAccess, senders: Iterable[str], loops: LoopMetrics) -> bytes:
    """Every metric in Prometheus' text format, read from the ledger."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    is_ready = not access.why_not_ready()
    counts = delivery_counts(access.opened()) if is_ready else None
    registry.register(_Collected(tuple(senders), counts, loops.figures() if is_ready else {}))
    return generate_latest(registry)


@dataclass(frozen=True, eq=False)
class _Collected:
    """``counts`` is None where the ledger cannot be read: then nothing is said of deliveries, rather than 0."""

    senders: tuple[str, ...]
    counts: tuple[DeliveryCount, ...] | None
    loops: Mapping[str, LoopFigures | None]

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        ready = GaugeMetricFamily("decisionloop_service_ready", "1 where the ledger can be used, else 0.")
        ready.add_metric([], float(self.counts is not None))
        yield ready
        if self.counts is None:
            return
        states: tuple[DeliveryState, ...] = get_args(DeliveryState)
        known = {(sender, state): 0 for sender in self.senders for state in states}
        known |= {(one.sender, one.state): one.deliveries for one in self.counts}
        told = "Webhook deliveries in the ledger by the state that they are in."
        family = GaugeMetricFamily("decisionloop_webhook_deliveries", told, labels=["sender", "state"])
        for (sender, state), deliveries in sorted(known.items()):
            family.add_metric([sender, state], float(deliveries))
        yield family
        yield from collected(self.loops)
