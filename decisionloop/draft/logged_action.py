"""Which column says what was done, where another says with which chance: chances tell it better than names do.

Of every action a, the rows in which it was done stand for all n rows once each is weighted by one over its chance:
sum over i of 1{A_i = a} / p_i = n in expectation (Horvitz and Thompson 1952). A column that was not drawn with these
chances does not add up so.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from decisionloop.draft.profiles import Column
from decisionloop.errors import UsageError
from decisionloop.sources.cells import are_nearly_all

MOST_ACTIONS = 20
_TOLERANCE, _STANDARD_ERRORS = 0.02, 4.0
_NEARLY = 0.05
"""Share of the chances' variance that is left within the values of a column of which they are nearly a function."""


def is_chance(column: Column) -> bool:
    """Whether every cell is a number in (0, 1], or every one but few."""
    numbers = column.numbers
    if numbers is None:
        return False
    is_in = (numbers > 0) & (numbers <= 1)
    return bool(is_in.all()) or (are_nearly_all(is_in) and bool((numbers[~is_in].isna()).all()))


def could_be_action(column: Column) -> bool:
    """Whether it has few different values, of every row."""
    is_code = column.kind in {"category", "boolean", "integer"}
    return is_code and column.is_nearly_whole and 2 <= len(column.values) <= MOST_ACTIONS


def drawn_with(chance: Column, columns: Iterable[Column]) -> tuple[str, ...]:
    """The names of those ``columns`` whose values were done as often as ``chance`` says.

    Of several, those alone of whose value the chance is nearly a function, if there are any.
    """
    drawn = [one for one in columns if could_be_action(one) and _adds_up(chance, one)]
    told = [one for one in drawn if len(drawn) > 1 and _is_function(chance, one)]
    return tuple(one.name for one in told or drawn)


def require_action(chance: Column, columns: Iterable[Column]) -> None:
    """Raises UsageError, naming the ``columns`` that may say what was done with ``chance``."""
    few = [one for one in columns if could_be_action(one)]
    likely = drawn_with(chance, few) or tuple(one.name for one in few if _is_function(chance, one))
    named = f"likely {' or '.join(likely)}" if likely else f"one of {', '.join(one.name for one in few) or 'none here'}"
    raise UsageError(
        f"column {chance.name} says with which chance something was done, and no column what. Name that column by "
        f"--action COLUMN ({named}); or, where {chance.name} is no chance of an action, leave it out by "
        f"--ignore {chance.name}."
    )


def _adds_up(chance: Column, action: Column) -> bool:
    assert chance.numbers is not None
    p = chance.numbers.to_numpy(dtype=np.float64)
    n = len(p)
    for value in action.values:
        weight = np.where((action.text == value).to_numpy() & ~np.isnan(p), 1 / p, 0.0)
        error = float(weight.std() / np.sqrt(n))
        if abs(float(weight.mean()) - 1) > _TOLERANCE + _STANDARD_ERRORS * error:
            return False
    return True


def _is_function(chance: Column, action: Column) -> bool:
    """Whether the chance varies, and hardly within the rows of one value."""
    assert chance.numbers is not None
    p = chance.numbers.astype("float64")
    within = p - p.groupby(action.text).transform("mean")
    return float(p.var(ddof=0)) > 0 and float((within**2).mean()) <= _NEARLY * float(p.var(ddof=0))
