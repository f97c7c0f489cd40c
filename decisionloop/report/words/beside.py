"""The one place that words what stands beside figures: caveats and known events."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.report.record.beside import Caveat, KnownEvent, Subject
from decisionloop.report.words.figures import listed
from decisionloop.report.words.spans import dateline


def caveats_about(caveats: Sequence[Caveat], subject: Subject) -> tuple[str, ...]:
    """The sentences that stand beside figures of one kind."""
    return tuple(one.words for one in caveats if subject in one.about)


def grave_caveats(caveats: Sequence[Caveat]) -> tuple[str, ...]:
    """Those that the headline says."""
    return tuple(one.words for one in caveats if one.is_grave)


def events_sentence(events: Sequence[KnownEvent]) -> str:
    """What the shaded stretches of the charts are; "" where there are none."""
    if not events:
        return ""
    return f"Shaded in the charts: {listed([_event_words(one) for one in events])}."


def _event_words(event: KnownEvent) -> str:
    told = f"{event.name} ({dateline(event.first, event.last)})"
    return f"{told}: {event.wording}" if event.wording else told
