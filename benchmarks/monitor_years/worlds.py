"""The use case, its simulated worlds, and their weeks as canonical frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.contract import UseCase, load_use_case
from decisionloop.contract.code import UseCaseCode, load_code
from decisionloop.predict.features import column_types
from decisionloop.sources import open_source

FOLDER = Path(__file__).parents[2] / "usecases" / "retention_offer"
Ints = npt.NDArray[np.int64]


class World(Protocol):
    """What is used of the use case's own `world.World`."""

    weeks: int
    change_week: int

    def as_of(self, week: int) -> pd.Timestamp: ...
    def due(self, week: int) -> Ints: ...
    def records(self, number: Ints, week: int) -> pd.DataFrame: ...
    def outcomes(
        self, number: Ints, week: int, action: Ints, had_offer: npt.NDArray[np.bool_] | bool = False
    ) -> Any: ...


@dataclass(frozen=True)
class Bench:
    """The use case as it is simulated. Its budget constraint is left out: to plan a batch within it takes longer
    than all monitors together, and none of them looks at it."""

    use_case: UseCase
    code: UseCaseCode

    def world(self, scenario: str, seed: int, **options: int) -> World:
        """One world; ``options`` as in the contract's `source.options`."""
        source = open_source(load_use_case(FOLDER), {"scenario": scenario, "seed": seed, **options})
        return source.theirs.world  # type: ignore[attr-defined,no-any-return]

    def families(self, scenario: str) -> tuple[str, ...]:
        """The families of monitors that the scenario should be seen by; () where any alarm is false."""
        return self.world(scenario, 0).scenario.families  # type: ignore[attr-defined,no-any-return]

    def frame(self, world: World, week: int) -> pd.DataFrame:
        """The canonical frame of a week's batch, as `predict.features.build_frame` makes it."""
        number, as_of, key = world.due(week), world.as_of(week), self.use_case.entity.key
        known = world.records(number, week)
        known.insert(0, key, ids_of(int(number[0]), len(number)))
        return self.code.features(known, as_of)[list(column_types(self.use_case))]


@cache
def bench() -> Bench:
    """The bundled use case, read once a process."""
    folder = load_use_case(FOLDER)
    use_case = folder.use_case
    policy = use_case.policy.model_copy(update={"constraints": ()})
    return Bench(use_case.model_copy(update={"policy": policy}), load_code(folder))


@cache
def ids_of(first: int, rows: int) -> pd.Series:
    """Ids of every fourth account from ``first`` on: the same accounts come again every fourth week."""
    return pd.Series(np.arange(first, first + 4 * rows, 4)).astype("str").str.zfill(7)
