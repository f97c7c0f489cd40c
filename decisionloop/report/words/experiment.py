"""What a recorded experiment says of its actions, in a sentence. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.report.record.claims import Claimed, Said
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.experiment import Arm, Experiment
from decisionloop.report.words.figures import count_of, fine_money, in_words, listed

SHOWN = "That is by the whole record; the loop saw only the part of it in which it chose what had been done."

_NAMED = 4
"""So many actions are named in a sentence; the table has them all."""


def experiment_sentences(told: Experiment | None, currency: str) -> tuple[str, ...]:
    """Whether any action for everybody surely beats the rules, and that the loop did not know it; () without one."""
    if told is None:
        return ()
    return Said(_verdict(told, currency), _claims(told)), SHOWN


def _verdict(told: Experiment, currency: str) -> str:
    tried = [one for one in told.arms if not one.over_rules.is_nothing]
    if not tried:
        return "The rules give everybody the one action that there is."
    sure = sorted(told.surely_better, key=lambda one: -(one.over_rules.value or 0.0))
    if sure:
        first, *others = sure
        more = "".join(f"; with {_named(one)} {_beside(one.over_rules, currency)}" for one in others)
        rest = "" if len(sure) == len(tried) else " Of no other one is it sure that it would have earned more."
        return (
            f"If everybody had got {_named(first)}, a decision would have earned "
            f"{_beside(first.over_rules, currency, ' than by the rules')}{more}.{_which(told, sure)}{rest}"
        )
    if told.are_all_worse:
        return f"None of {_names(tried)} for everybody would have earned as much as the rules."
    nearest = max(tried, key=lambda one: one.over_rules.value or 0.0)
    return (
        f"Of none of {_names(tried)} is it sure that, given to everybody, it would have earned more than the rules. "
        f"The nearest is {_named(nearest)}: {_beside(nearest.over_rules, currency)} a decision, by "
        f"{count_of(told.decisions, 'decision')}."
    )


def _which(told: Experiment, sure: Sequence[Arm]) -> str:
    """That the best of several may not be the best of them."""
    if len(sure) < 2 or told.best_over_next is None or told.best_over_next.sign > 0:
        return ""
    return f" Which of the {in_words(len(sure))} is {'better' if len(sure) == 2 else 'best'} is not sure."


def _named(arm: Arm) -> str:
    return f"“{arm.wording}”"


def _names(arms: Sequence[Arm]) -> str:
    """All of them; of many, how many there are."""
    return listed([_named(one) for one in arms]) if len(arms) <= _NAMED else f"the {in_words(len(arms))} other actions"


def _beside(difference: Estimate, currency: str, than: str = "") -> str:
    """So much more or less than the rules, with what the data leaves open."""
    if difference.value is None or difference.low is None or difference.high is None:
        return "nobody can say how much"
    more = "more" if difference.value >= 0 else "less"
    low, high = (fine_money(one, currency) for one in (difference.low, difference.high))
    return f"{fine_money(abs(difference.value), currency)} {more}{than} (between {low} and {high})"


def _claims(told: Experiment) -> dict[str, Claimed]:
    return {f"experiment.over_rules[{one.wording}]": one.over_rules for one in told.arms}
