"""Sentences about decisions that ended otherwise than was chosen."""

from __future__ import annotations

from collections.abc import Iterator

from decisionloop.report.record.lines import WorkedDecision
from decisionloop.report.record.overrides import Counts, OverrideLines
from decisionloop.report.record.story import UseCaseLines
from decisionloop.report.words.figures import count, listed, percent

MOST_NAMED = 5
"""How many reasons, actions, releases and people are named; the rest is counted."""


def override_sentences(lines: OverrideLines, use_case: UseCaseLines) -> Iterator[str]:
    """How often, why, what instead, of whose choices, and by whom where these are few."""
    share = percent(lines.overridden / lines.decisions)
    yield f"Of {count(lines.decisions)} decisions {count(lines.overridden)} ({share}) ended otherwise than was chosen."
    yield f"The reasons that were given: {_named(lines.reasons, 'no reason was given')}."
    told = tuple(
        (f"“{use_case.wording(executed)}” in place of “{use_case.wording(chosen)}”", many)
        for chosen, executed, many in lines.actions
    )
    yield f"What was done: {_named(told)}."
    yield f"Who had chosen: {_named(lines.releases)}."
    if len(lines.people) <= MOST_NAMED and any(who for who, _ in lines.people):
        yield f"Who did otherwise: {_named(lines.people, 'nobody was named')}."
    yield (
        "The money of such a decision is that of what was done. What another policy would have earned is told as of "
        "recommendations to the same people."
    )


def executed_sentence(worked: WorkedDecision, use_case: UseCaseLines) -> str:
    """What was done of one decision; "" where nobody said."""
    executed = worked.executed
    if executed is None:
        return ""
    if executed.action == worked.action:
        return f"It was executed as chosen, as was said on {executed.on:%Y-%m-%d}."
    by = f" by {executed.by}" if executed.by else ""
    why = f": {executed.reason}" if executed.reason else ", without a reason"
    done = use_case.wording(executed.action)
    return f"What was done is “{done}”, as was said{by} on {executed.on:%Y-%m-%d}{why.rstrip('.')}."


def _named(counts: Counts, nameless: str = "") -> str:
    named = [f"{name or nameless} ({count(many)})" for name, many in counts[:MOST_NAMED]]
    rest = sum(many for _, many in counts[MOST_NAMED:])
    return listed([*named, *([f"others ({count(rest)})"] if rest else [])])
