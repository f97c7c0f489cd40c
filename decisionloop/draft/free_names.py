"""Features whose names mean something else in a contract get another one: `amount` becomes `amount_known`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from decisionloop.contract.consistency import RESERVED
from decisionloop.draft.profiles import Column
from decisionloop.draft.roles import Roles


def with_free_names(
    columns: Mapping[str, Column], rows: pd.DataFrame, roles: Roles
) -> tuple[dict[str, Column], pd.DataFrame, Roles]:
    """The same table and roles, no feature and no protected attribute of which has a reserved name.

    What people call it stays. A guess says which column was renamed.
    """
    used = (*roles.features, *roles.protected)
    new = {name: _free(name, {*columns}) for name in used if name in RESERVED}
    if not new:
        return dict(columns), rows, roles
    renamed = {new.get(name, name): replace(one, name=new.get(name, name)) for name, one in columns.items()}
    told = tuple(
        f"name: column {old} is the feature {name}, for a contract keeps that name" for old, name in new.items()
    )
    names = [tuple(new.get(name, name) for name in part) for part in (roles.features, roles.protected)]
    return (
        renamed,
        rows.rename(columns=new),
        replace(roles, features=names[0], protected=names[1], guesses=(*roles.guesses, *told)),
    )


def _free(name: str, taken: set[str]) -> str:
    """A name that nobody has."""
    found = f"{name}_known"
    while found in taken:
        found += "_"
    return found
