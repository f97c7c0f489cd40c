"""Harm that is seen in the actions of a release: outside of the guardrails, one for everybody, too many otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from decisionloop.contract import UseCase
from decisionloop.monitor.canary.looks import Look
from decisionloop.monitor.shadow.counts import BesideCounts

ONE_ACTION, TELLS_APART = 0.02, 0.05
"""A release gives one action to everybody where others get less than the first share while the champion gives others
to more than the second."""


def action_harm(use_case: UseCase, counts: BesideCounts, look: Look) -> Iterator[str]:
    """What is surely wrong with what it would do, in sentences.

    ``counts`` are of what each prefers. Under `policy.constraints` shares are the plan's and no release's.
    """
    if not use_case.policy.constraints:
        yield from _guardrails(use_case, counts, look)
        yield from _one_action(use_case, counts, look)
    most, share = use_case.shadow.maximum_disagreement, counts.otherwise / max(1, counts.rows)
    if look.surely_above(counts.otherwise, counts.rows) > most:
        yield f"It takes {share:.1%} of the decisions otherwise than the champion, and {most:.1%} are allowed."


def _guardrails(use_case: UseCase, counts: BesideCounts, look: Look) -> Iterator[str]:
    """Shares for which the guardrails would stop a batch, while the champion's are within them."""
    limits = use_case.guardrails.action_share
    for name, (low, high) in limits.items():
        at, questions = use_case.action_names.index(name), 2 * len(limits)
        ours, theirs = counts.actions[at], counts.champion_actions[at] / max(1, counts.rows)
        is_above = look.surely_above(ours, counts.rows, questions) > high
        is_below = look.surely_below(ours, counts.rows, questions) < low
        if (is_above or is_below) and low <= theirs <= high:
            told = f"It would give `{name}` to {ours / counts.rows:.1%}, the champion to {theirs:.1%}"
            yield f"{told}; the guardrail is {low:.0%} to {high:.0%}."


def _one_action(use_case: UseCase, counts: BesideCounts, look: Look) -> Iterator[str]:
    """The same for everybody, other than the default action: that is what people choose who stop deciding."""
    for at, name in enumerate(use_case.action_names):
        ours, theirs = (counts.rows - side[at] for side in (counts.actions, counts.champion_actions))
        is_one = at != use_case.default_action and look.surely_below(ours, counts.rows, 2) < ONE_ACTION
        if is_one and look.surely_above(theirs, counts.rows, 2) > TELLS_APART:
            told = f"It gives `{name}` to {1 - ours / counts.rows:.1%} of {counts.rows:,} rows, whoever they are"
            yield f"{told}; the champion gives it to {1 - theirs / counts.rows:.1%}."
