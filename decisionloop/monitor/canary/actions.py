"""Harm that is seen in the actions of a release: outside of the guardrails, or one for everybody."""

from __future__ import annotations

from collections.abc import Iterator

from decisionloop.contract import UseCase
from decisionloop.monitor.canary.looks import Look
from decisionloop.monitor.shadow.counts import BesideCounts

ONE_ACTION, TELLS_APART = 0.02, 0.05
"""A release gives one action to everybody where others get less than the first share. It is harm where the champion,
whatever it does most, does something else to more than the second: rules that do nothing tell nobody apart either."""


def action_harm(use_case: UseCase, counts: BesideCounts, look: Look) -> Iterator[str]:
    """What is surely wrong with what it would do, in sentences.

    ``counts`` are of what each prefers. Under `policy.constraints` shares are the plan's and no release's.
    """
    if not use_case.policy.constraints:
        yield from _guardrails(use_case, counts, look)
        yield from _one_action(use_case, counts, look)


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
    if look.surely_above(counts.rows - max(counts.champion_actions), counts.rows, 2) <= TELLS_APART:
        return
    for at, name in enumerate(use_case.action_names):
        others = counts.rows - counts.actions[at]
        if at != use_case.default_action and look.surely_below(others, counts.rows, 2) < ONE_ACTION:
            told = f"It gives `{name}` to {1 - others / counts.rows:.1%} of {counts.rows:,} rows, whoever they are"
            yield f"{told}; the champion gives it to {counts.champion_actions[at] / counts.rows:.1%}."
