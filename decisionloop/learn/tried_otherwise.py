"""Is enough tried to tell anything? Outcomes of what the rules would not have done, beside how many are needed.

One record for both who ask: `usecase check` beforehand, and the story afterwards. Both measure as the gate does: an
outcome that was seldom drawn stands for many, so that many of unlike chances tell as much as few of equal ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.contract.exploration import MOST_BUDGET_SHARE, MOST_SHARE, Exploration

YEAR_WEEKS = 365.25 / 7
DEPARTS = 0.5
"""The part of the decisions for which a candidate is reckoned to depart from the rules: of the others no outcome counts
for the gate, so that before there is a candidate twice as much is aimed at."""


@dataclass(frozen=True)
class TriedOtherwise:
    """Decisions that did something else than the rules would have, and whose outcome is seen.

    ``seen``: what those of one action are worth so far, as Kish's number of equally likely ones (:func:`worth`); of
    several actions that of which is told best. ``needed``: how many the gate needs at the least before it says anything
    of them (``gate.minimum_effective_n``). ``a_week``: how much comes a week. ``setting``: the setting of the contract
    that they follow from, with its value; "" where the contract tries nothing. ``outcomes``: how many were seen, of
    all actions, and ``cut``: how many of them where a limit cut what the rules would have done. ``room``: how many
    times as large the setting may become; 1 where it is at its largest.
    """

    seen: float
    needed: float
    a_week: float
    setting: str
    outcomes: int = 0
    room: float = math.inf
    cut: int = 0

    @property
    def is_at_most(self) -> bool:
        """Whether the setting allows no larger value, so that nobody need be told to raise it."""
        return self.room <= 1

    @property
    def is_enough(self) -> bool:
        """Whether so many have been seen that something can be told."""
        return self.seen >= self.needed

    @property
    def aimed_at(self) -> float:
        """What is worth aiming at, so that the gate can answer of a candidate that departs for a `DEPARTS` part."""
        return self.needed / DEPARTS

    @property
    def weeks_left(self) -> float:
        """Weeks until enough have been seen, if they go on coming as they do; infinite where none come."""
        left = max(0.0, self.needed - self.seen)
        return left / self.a_week if self.a_week > 0 else math.inf if left else 0.0


def worth(weights: float, squares: float) -> float:
    """Kish's effective number of outcomes, from the sum of their weights (one over propensity) and of the squares.

    The weights of one entity count as one. It is what `observe.overlap` asks of a log.
    """
    return weights**2 / squares if squares > 0 else 0.0


def room_of(exploration: Exploration, is_budget_left: bool = False) -> float:
    """How many times as large what :func:`setting_of` names may become; infinite for money, and where it is nothing."""
    if exploration.kind == "uniform":
        now, most = exploration.share, MOST_SHARE
    elif exploration.largest_share == 0 or is_budget_left:
        now, most = exploration.largest_share, MOST_SHARE
    else:
        now, most = exploration.budget_share or 0.0, MOST_BUDGET_SHARE
    return most / now if now > 0 else math.inf


def setting_of(exploration: Exploration, is_budget_left: bool = False) -> str:
    """The setting that says how much is tried, and its value: "policy.exploration.budget_share (now 0.01)".

    ``is_budget_left``: the budget would pay for more than the largest share of an action that may be tried.
    """
    if exploration.kind == "uniform":
        return f"policy.exploration.share (now {exploration.share:g})"
    if exploration.largest_share == 0 or is_budget_left:
        return f"policy.exploration.largest_share (now {exploration.largest_share:g})"
    if exploration.budget_share is None:
        money = exploration.budget_money
        return f"policy.exploration.budget_money (now {'none' if money is None else f'{money:g}'})"
    both = "" if exploration.budget_money is None else f" and budget_money (now {exploration.budget_money:g})"
    return f"policy.exploration.budget_share (now {exploration.budget_share:g}){both}"


def must_be_tried(use_case: UseCase, rules_action: np.ndarray) -> np.ndarray:
    """True (n, A) for each action of a row that has to be tried before anybody knows what it brings.

    Not what the rules do anyway, not what is known without an outcome, and not what never shows one.
    """
    return np.array(tryable(use_case)) & (np.asarray(rules_action)[:, None] != np.arange(len(use_case.actions)))


def tryable(use_case: UseCase) -> tuple[bool, ...]:
    """For each action, whether only its own outcome tells what it brings, and shows it."""
    if not use_case.outcome.depends_on_action or use_case.is_observing:
        return tuple(False for _ in use_case.actions)
    told = zip(use_case.revealing, use_case.is_value_known, strict=True)
    return tuple(reveals and not is_known for reveals, is_known in told)
