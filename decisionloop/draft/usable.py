"""Which columns a model can use, and why the others are none: empty, constant, times, free text, numbers of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.draft.profiles import Column

_UNIQUE = 0.99
"""From this share of different values on, a column says which row it is, and not what it is like."""
_ENOUGH = 20
"""Fewer different values than this are unique, or rise, by chance."""
_RISING = 0.99


PERSONS = frozenset(
    (
        *("id", "person", "customer", "client", "user", "account", "member", "patient", "machine", "kunde", "kunden"),
        *("subscriber", "guest", "visitor", "passenger", "student", "employee", "borrower", "driver", "player"),
        *("gast", "abonnent", "mitglied", "mandant", "usuario", "cliente", "utilisateur"),
    )
)
"""Words in the name of a column that say whom a row is about."""
_MANY = 0.02
"""A share of the rows: a column named after persons that has more different values tells them apart."""


def features_of(
    columns: list[Column], times: pd.Series, said: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those that a model can use, and why the others are left out; ``times`` (n,): when each row was decided.

    ``said``: columns that a person calls features, whatever their names sound like.
    """
    why = {one.name: reason for one in columns if (reason := _unusable(one, times, one.name in said))}
    return tuple(one.name for one in columns if one.name not in why), tuple(f"{name}: {why[name]}" for name in why)


def is_numbering(column: Column) -> bool:
    """Whether it tells rows apart: text or whole numbers, of which (nearly) no two are alike."""
    if column.kind not in {"integer", "text"} or len(column.values) < _ENOUGH:
        return False
    return len(column.values) >= _UNIQUE * (len(column.text) - column.missing)


def rises_with(column: Column, times: pd.Series) -> bool:
    """Whether codes or whole numbers rise with time (Spearman's rank correlation), as running numbers do."""
    if column.kind not in {"integer", "category"} or len(column.values) < _ENOUGH:
        return False
    value = column.numbers if column.numbers is not None else column.text
    is_known = times.notna().to_numpy() & value.notna().to_numpy()
    time, rank = (_ranks(one.to_numpy()[is_known]) for one in (times, value))
    if not len(time) or np.ptp(time) == 0 or np.ptp(rank) == 0:
        return False
    return bool(np.corrcoef(time, rank)[0, 1] >= _RISING)


def _ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value (n,); of equal ones their mean, which may be between two."""
    code, kinds = pd.factorize(values, sort=True)
    counts = np.bincount(code, minlength=len(kinds))
    ranks: np.ndarray = (np.cumsum(counts) - (counts - 1) / 2)[code]
    return ranks


def is_person(column: Column) -> bool:
    """Whether whole numbers or codes are those of persons, by the column's name and by how many there are of them."""
    called = PERSONS & set(column.name.split("_"))
    return bool(called) and column.kind in {"integer", "category"} and len(column.values) >= _least_persons(column)


def _least_persons(column: Column) -> float:
    return max(_ENOUGH, _MANY * len(column.text))


def _unusable(column: Column, times: pd.Series, is_said: bool) -> str:
    if column.kind in {"empty", "time"}:
        return {"empty": "it is empty", "time": "it is a time; make a number of days of it in features.py"}[column.kind]
    if column.is_constant:
        return "it says the same of everybody"
    if column.kind == "text":
        return f"it is text of {len(column.values):,} kinds"
    if is_numbering(column) and not (is_said and column.kind == "integer"):
        told = "it is different in every row, as an id or a row's number is"
        return f"{told} (--feature {column.name} where it is a measurement)" if column.kind == "integer" else told
    if not is_said and is_person(column):
        return (
            f"it says whom a row is about ({len(column.values):,} of them), and is no measurement. Say --entity "
            f"{column.name} where nobody is in two rows of one time, --feature {column.name} where it is one"
        )
    return "it rises with time, as a running number does" if rises_with(column, times) else ""
