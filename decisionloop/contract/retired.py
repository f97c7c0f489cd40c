"""Keys that contracts had once: what to write instead. A contract that was recorded with one is still read."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

RETIRED: dict[tuple[str, str], str] = {
    ("gate", "confidence"): (
        "Remove it. `yearly_error` says how likely a worse release may be promoted in a year (default 0.05), over all "
        "challengers together."
    ),
    ("gate", "shadow_batches"): (
        "Remove it. A challenger is looked at after every mature cohort, and `longest_comparison` says after how many "
        "it is refused (default 26)."
    ),
}
"""By section and key."""


def without_retired(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a contract without keys that were right when it was recorded."""
    content = deepcopy(content)
    for section, key in RETIRED:
        if isinstance(content.get(section), dict):
            content[section].pop(key, None)
    return content
