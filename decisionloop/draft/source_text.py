"""What a drafted contract says of its source: a replay of the table, or live tables that go on growing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from decisionloop.draft.amount_text import GUESS

if TYPE_CHECKING:
    from decisionloop.draft.contract_text import Drafted


def source_lines(drafted: Drafted) -> Iterator[str]:
    """The section `source`: a replay of the table, or live tables."""
    roles = drafted.roles
    if roles.is_live:
        yield from _live_source(drafted)
        return
    yield "# A replay of the table. For live data draft it with --live (docs/contract.md#tablessource)."
    yield "source:"
    if roles.is_observed:
        yield "  kind: legacy_log_replay  # what the other system did is what was done"
        yield f"  log: {{path: data/decisions.csv, time: {drafted.time}}}"
        yield f"  action: {roles.action}"
        if roles.propensity:
            yield f"  propensity: {roles.propensity}"
        else:
            yield "  # Nobody knows with which chance it draws: what other actions would have brought is not claimed."
        yield f"  outcome_time: {drafted.outcome_time}"
    elif roles.is_logged:
        yield "  kind: randomised_log_replay  # an outcome is shown only where the loop chooses what was done"
        yield f"  log: {{path: data/decisions.csv, time: {drafted.time}}}"
        yield f"  action: {roles.action}"
        yield f"  propensity: {roles.propensity}"
        yield f"  outcome_time: {drafted.outcome_time}"
    else:
        yield f"  kind: full_information_replay  # {drafted.actions[1][0]} shows the table's outcome; the default none"
        yield f"  history: {{path: data/decisions.csv, time: {drafted.time}}}"
        yield f"  outcomes: {{path: data/decisions.csv, time: {drafted.outcome_time}}}"
        yield f"  decision_time: {drafted.time}"


def _live_source(drafted: Drafted) -> Iterator[str]:
    """Each row is due at its time; an outcome belongs to the decision of its row, which its time tells."""
    yield f"# Live tables: put new rows into both files, or name a database ({GUESS} url: and table: instead of path:)."
    yield "source:\n  kind: tables"
    yield f"  history: {{path: data/decisions.csv, time: {drafted.time}}}"
    needed = f"# each needs its row's {drafted.time}, as decisions.csv has it: it says which decision is meant"
    yield f"  outcomes: {{path: data/outcomes.csv, time: {drafted.outcome_time}}}  {needed}"
    yield f"  outcome_columns: {{decision_time: {drafted.time}, outcome_time: {drafted.outcome_time}}}"
