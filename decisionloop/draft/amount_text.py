"""What a drafted contract says of the outcome's amount: its column, and what is rare and large among them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

GUESS = "# GUESS:"
"""What stands before everything that a person should look at."""
_OUTWEIGHS = 0.05
"""A row with a larger share than this of all the money of a table outweighs many others."""


def amount_lines(name: str, numbers: pd.Series | None, are_parts: bool = False) -> Iterator[str]:
    """The lines of `outcome.amount`; ``numbers`` (n,): the amounts of the table.

    Where one of them outweighs many others it is the largest to be reckoned with: before it is seen, a replay of what
    is rare and large looks like one of nothing at all, and whoever does not act seems to be right. ``are_parts``: of
    one decision the table has several.
    """
    said, asked = f"column: {name}, unit: EUR", "its unit"
    if are_parts:
        said, asked = f"{said}, rows: sum", "its unit, and that rows of one decision are parts; say latest if totals"
    known = pd.Series(dtype="float64") if numbers is None else numbers.dropna()
    size = known.abs()
    if size.sum() > 0 and size.max() > _OUTWEIGHS * size.sum():
        largest = float(f"{known.to_numpy()[int(size.to_numpy().argmax())]:.2g}")
        share = f"{size.max() / size.sum():.0%}"
        yield f"  amount: {{{said}, largest: {largest:.0f}}}  {GUESS} {asked}"
        yield f"  # one row has {share} of all money: no gain is proven before it is sure beside such a one"
        return
    yield f"  amount: {{{said}}}  {GUESS} {asked}"
    yield "  # `largest: 50000` in it: an amount to be reckoned with, though nobody has seen one that large"
