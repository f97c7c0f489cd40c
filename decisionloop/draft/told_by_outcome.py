"""Columns that came of the outcome: they say something of the rows that said yes and nothing of any that said no."""

from __future__ import annotations

from collections.abc import Mapping

from decisionloop.draft.profiles import YES, Column

_EACH = 10
"""So few rows of a yes, or of a no, may be alike by chance."""
_MOST = 0.9
"""The share of the rows with a yes of which such a column knows something."""
_KINDS = 3
"""A quantity has more different values than this; fewer are a flag."""


def told_by(outcome: str, columns: Mapping[str, Column]) -> tuple[str, ...]:
    """Those of ``columns`` that are empty, or 0, wherever ``outcome`` says no, and are not where it says yes.

    Nobody knows them before the decision: what was spent, how, and why is told once somebody has bought.
    """
    if outcome not in columns:
        return ()
    said = columns[outcome].text
    is_yes = (said.str.lower().isin(YES) & said.notna()).to_numpy()
    is_no = said.notna().to_numpy() & ~is_yes
    if is_yes.sum() < _EACH or is_no.sum() < _EACH:
        return ()
    told = {name: one.says for name, one in columns.items() if name != outcome and not one.says_in_each_row}
    return tuple(name for name, says in told.items() if says[is_yes].mean() >= _MOST and not says[is_no].any())


def is_quantity(column: Column) -> bool:
    """Whether it is a number that differs, as an amount does."""
    return column.numbers is not None and column.kind in {"integer", "number"} and len(column.values) > _KINDS
