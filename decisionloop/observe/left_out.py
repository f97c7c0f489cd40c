"""Whose money is told of neither side, and why: the record from which status and story say so."""

from __future__ import annotations

from collections.abc import Iterator

from decisionloop.act.situation import BY_PEOPLE, is_limited
from decisionloop.observe.cohort import Figure, counts_in_money
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.logged_decisions import LoggedDecisions

LEFT_OUT = "left_out_of_money"
"""How many decisions of a cohort are left out; the slice says why."""
BY_SWITCH, BY_FAULT, BY_LIMIT, BY_CONTRACT = "switch", "fault", "limit", "not allowed"
"""Why somebody got for certain something else than the rules do; the last: what the rules chose was not allowed."""


def left_out_figures(cohort: DecidedCohort, logged: LoggedDecisions) -> Iterator[Figure]:
    """How many decisions of ``cohort``, ``logged`` as arrays, no money counts, by why; nothing where all count."""
    counted = counts_in_money(cohort.log, logged.propensity, logged.action == cohort.rules)
    why = cohort.log["fallback_reason"][~counted].map(_why, na_action=None)
    for kind, many in sorted(why.value_counts().items()):
        exact = Estimate(float(many), float(many), float(many), len(cohort.log), 0.0, 0.95)
        yield Figure(LEFT_OUT, exact, slice=f"by={kind}")


def _why(reason: object) -> str:
    """The kind of a logged reason of falling back; none is of who is held out."""
    if not isinstance(reason, str):
        return BY_CONTRACT
    if reason.partition("; ")[0] in BY_PEOPLE:
        return BY_SWITCH
    return BY_LIMIT if is_limited(reason) else BY_FAULT
