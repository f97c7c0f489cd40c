"""What stands beside the figures: caveats that ledger and contract give cause for, and the contract's known events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from decisionloop.contract import UseCase
from decisionloop.ledger.incidents import open_incidents
from decisionloop.report.record.beside import Caveat, KnownEvent
from decisionloop.report.words.figures import period_label

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger


def caveats_of(ledger: Ledger, use_case: UseCase) -> tuple[Caveat, ...]:
    """Every caveat of a use case's figures: the one place that decides what must be said beside them."""
    return (*_of_outcomes(use_case), *_of_labels(ledger, use_case))


def _of_outcomes(use_case: UseCase) -> Iterator[Caveat]:
    if getattr(use_case.outcome, "happened_at", "") is None:
        yield Caveat(
            ("money", "rates"),
            "The source does not say when an outcome happened, so the time it was seen stands in: one that was seen "
            "after the window cannot be told from one that happened after it.",
        )


def _of_labels(ledger: Ledger, use_case: UseCase) -> Iterator[Caveat]:
    for one in open_incidents(ledger, use_case.name):
        if one.family == "labels":
            yield Caveat(
                ("money", "rates", "actions", "promises"),
                f"The outcomes themselves are in question since the cohort of {period_label(one.first_cohort)} "
                f"(incident {one.incident_id}): figures of it and of later ones rest on them.",
                is_grave=True,
            )


def known_events(use_case: UseCase) -> tuple[KnownEvent, ...]:
    """The contract's calendar, by the day on which each event began."""
    told = [_event(one) for one in getattr(use_case.monitors, "known_events", ())]
    return tuple(sorted(told, key=lambda one: (one.first, one.name)))


def _event(one: Any) -> KnownEvent:
    return KnownEvent(one.name, one.from_, one.until, one.wording)
