"""From what was executed to the lines about overrides."""

from __future__ import annotations

from collections import Counter

from decisionloop.ledger.executions import count_carried_out, overrides
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.report.record.overrides import Counts, OverrideLines


def override_lines(ledger: Ledger, use_case: str) -> OverrideLines | None:
    """How often people did otherwise, in all batches of a use case; None where nobody did."""
    found = overrides(ledger, use_case)
    if not found:
        return None
    reasons, people, releases = Counter[str](), Counter[str](), Counter[str]()
    actions = Counter[tuple[str, str]]()
    for one in found:
        reasons[one.reason] += one.decisions
        people[one.by] += one.decisions
        releases[one.release_id] += one.decisions
        actions[one.chosen, one.executed] += one.decisions
    return OverrideLines(
        decisions=count_carried_out(ledger, use_case),
        overridden=reasons.total(),
        reasons=_ordered(reasons),
        actions=tuple((chosen, executed, many) for (chosen, executed), many in _ordered_pairs(actions)),
        releases=_ordered(releases),
        people=_ordered(people),
    )


def _ordered(counts: Counter[str]) -> Counts:
    return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _ordered_pairs(counts: Counter[tuple[str, str]]) -> list[tuple[tuple[str, str], int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))
