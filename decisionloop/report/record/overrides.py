"""What the page says of decisions that ended otherwise than was chosen."""

from __future__ import annotations

from dataclasses import dataclass

Counts = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class OverrideLines:
    """Of so many ``decisions`` so many were ``overridden``: counted by reason ("": none was given), by chosen and
    executed action, by the release that had chosen, and by who did it ("": nobody knows); the most frequent first."""

    decisions: int
    overridden: int
    reasons: Counts
    actions: tuple[tuple[str, str, int], ...]
    releases: Counts
    people: Counts
