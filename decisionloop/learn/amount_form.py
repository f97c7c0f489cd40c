"""In which form an amount is learnt: by one regression or, where most amounts are zero, in two parts.

One regression of an amount that is mostly zero spends what it has on telling zeros from the rest, and its few large
amounts lie among zeros in every bin and leaf. Two parts (`predict.two_part`) learn who has one from everybody, and how
large it is from those who have. Whether there are two parts to learn follows from the counts of the training set, so
that it can be said in a sentence; whether they are any worse is measured (`candidates.best_form`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.learn.training_inputs import why_left_out
from decisionloop.learn.training_set import TrainingSet

MOSTLY_ZERO = 0.5
"""Share of zeros from which on an amount is learnt in two parts."""
LEAST = 10
"""Amounts that are zero, and that are not, below which nothing is learnt of who has one or of how large it is."""


@dataclass(frozen=True)
class AmountForm:
    """How the amounts of ``rows`` decisions are learnt, of which ``zeros`` are zero.

    ``zero_class``: the class of the outcome in which every amount is zero, None where there is none.
    ``has_occurrence``: whether a model says who has an amount. Neither: one regression. ``hindrance``: what speaks
    against two parts although most are zero, "" where nothing does. ``errors``: root mean square error out of fold in
    two parts and by one regression, where both were tried.
    """

    rows: int
    zeros: int
    zero_class: Literal[0, 1] | None = None
    has_occurrence: bool = False
    hindrance: str = ""
    errors: tuple[float, float] | None = None

    @property
    def is_two_part(self) -> bool:
        """Whether the amount is learnt in two parts."""
        return self.has_occurrence or self.zero_class is not None

    @property
    def words(self) -> str:
        """The form and why it is that, in words; "" where no amount is zero."""
        if not self.zeros:
            return ""
        counted = f"{self.zeros:,} of {self.rows:,} amounts are zero"
        if not self.is_two_part:
            return f"amounts by one regression ({counted}{self.hindrance and f'; {self.hindrance}'})"
        told = f"amounts in two parts ({counted}), a pipeline for each that has to be learnt: "
        if self.zero_class is not None:
            told += f"zero where the outcome is {self.zero_class}, elsewhere "
        told += "the chance that it is not zero, times what it is then" if self.has_occurrence else "what it is there"
        return told + (f"; {self._compared}" if self.errors else "")

    @property
    def _compared(self) -> str:
        two_parts, one_regression = self.errors or (np.nan, np.nan)
        return f"error out of fold {two_parts:,.4g} in two parts, {one_regression:,.4g} by one regression"

    @property
    def as_one(self) -> AmountForm:
        """One regression of the same amounts."""
        return AmountForm(self.rows, self.zeros)

    def judged(self, errors: tuple[float, float], is_surely_worse: bool) -> AmountForm:
        """The form that is left once both were tried, with their ``errors``: one regression where two are worse."""
        measured = replace(self, errors=errors)
        if not is_surely_worse:
            return measured
        return replace(self.as_one, hindrance=f"two parts are surely worse: {measured._compared}")

    def in_question(self, rows: TrainingSet) -> np.ndarray:
        """Which rows (n,) the class does not say to be zero."""
        if self.zero_class is None or rows.outcome_class is None:
            return np.ones(len(rows), dtype=bool)
        return np.asarray(rows.outcome_class != self.zero_class)

    def of_size(self, rows: TrainingSet) -> np.ndarray:
        """Which rows (n,) teach how large an amount is; where too few others are zero to be told, those too."""
        assert rows.amount is not None  # there is no form without amounts
        is_open = self.in_question(rows)
        return is_open & (rows.amount != 0) if self.has_occurrence else is_open


def amount_form(use_case: UseCase, rows: TrainingSet) -> AmountForm:
    """The form that a training set with amounts allows.

    Two parts where at least MOSTLY_ZERO of the amounts are zero, LEAST are not, and some feature varies among the
    latter. Weights play no part: it is counts that teach.
    """
    assert rows.amount is not None
    zeros = int((rows.amount == 0).sum())
    one = AmountForm(len(rows), zeros)
    others = len(rows) - zeros
    if zeros < MOSTLY_ZERO * len(rows) or zeros < LEAST:
        return one
    if others == 0:
        return replace(one, hindrance="so every amount is expected to be")
    if others < LEAST:
        return replace(one, hindrance=f"the other {others} are fewer than the {LEAST} that a model of their size needs")
    zero_class = _zero_class(rows)
    is_open = replace(one, zero_class=zero_class).in_question(rows)
    has_occurrence = int((rows.amount[is_open] == 0).sum()) >= LEAST
    two = replace(one, zero_class=zero_class, has_occurrence=has_occurrence)
    if two.is_two_part and not _varies(use_case, rows.frame[two.of_size(rows)]):
        return replace(one, hindrance="no feature varies among those that are not")
    return two


def _zero_class(rows: TrainingSet) -> Literal[0, 1] | None:
    """The class of the outcome in which at least LEAST amounts were seen, and every one was zero."""
    if rows.outcome_class is None or rows.amount is None:
        return None
    classes: tuple[Literal[0, 1], ...] = (0, 1)
    for class_ in classes:
        amounts = rows.amount[rows.outcome_class == class_]
        if len(amounts) >= LEAST and not amounts.any():
            return class_
    return None


def _varies(use_case: UseCase, frame: pd.DataFrame) -> bool:
    return any(why_left_out(frame[feature.name]) is None for feature in use_case.model_inputs)
