"""What exploring a batch is expected to come to: its share, its cost, and both by protected group."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from decisionloop.act.exploration.alternatives import AlternativeTable
from decisionloop.act.exploration.groups import Groups

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GroupFigures:
    """Of one protected group: decisions, and of them expected to be explored, at which expected cost in currency."""

    attribute: str
    group: str
    rows: int
    explored: float
    cost: float

    @property
    def share(self) -> float:
        """The share of its decisions that are expected to be explored."""
        return self.explored / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class ExploringFigures:
    """Of a batch: ``rows`` decisions, of which ``explored`` are expected to explore, at ``cost`` (currency, by
    pessimistic gaps; of those that nothing bounds yet it says nothing). ``budget`` None: the share is flat.
    ``look_cost``: of the cost, what looks add to what the budget pays; None in batches of before it was recorded."""

    rows: int
    explored: float
    cost: float
    value_expected: float
    budget: float | None
    gamma: float
    groups: tuple[GroupFigures, ...]
    look_cost: float | None = None

    @property
    def share(self) -> float:
        """The share of decisions that are expected to be explored."""
        return self.explored / self.rows if self.rows else 0.0

    @property
    def is_budget_left(self) -> bool:
        """Whether trying as much as the largest share allows loses less than the budget: no price keeps it down.

        Where nothing can be tried no share keeps it down either.
        """
        return self.budget is not None and self.budget > 0 and self.gamma == 0 and self.explored > 0

    def to_json(self) -> str:
        """Compact text; :meth:`from_json` reads it."""
        return json.dumps(asdict(self), separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> ExploringFigures:
        """The figures that :meth:`to_json` wrote."""
        told = json.loads(text)
        return cls(**told | {"groups": tuple(GroupFigures(**one) for one in told["groups"])})


@dataclass(frozen=True)
class Terms:
    """By what a batch explores: the money that it is expected to bring, its budget (None: a flat share), its gamma."""

    value_expected: float
    budget: float | None
    gamma: float


def figures_of(
    groups: Groups, rows: Floats, table: AlternativeTable, chance: Floats, without_looks: Floats, terms: Terms
) -> ExploringFigures:
    """What the chances (k,) of the batch's alternatives come to; ``rows`` (C,) are its decisions by combination.

    ``without_looks`` (k,): the chances that the budget alone would give.
    """
    explored = chance * table.count
    gap = np.where(np.isfinite(table.gap), table.gap, 0.0)
    cost = explored * gap
    by_combination = [
        np.bincount(table.combination, one, groups.combinations).astype(np.float64) for one in (explored, cost)
    ]
    by_group = zip(groups.by_group(rows), *(groups.by_group(one) for one in by_combination), strict=True)
    return ExploringFigures(
        rows=int(rows.sum()),
        explored=math.fsum(explored.tolist()),
        cost=math.fsum(cost.tolist()),
        value_expected=terms.value_expected,
        budget=terms.budget,
        gamma=terms.gamma,
        groups=tuple(
            GroupFigures(attribute, name, int(many[place]), float(some[place]), float(lost[place]))
            for attribute, names, (many, some, lost) in zip(groups.attributes, groups.names, by_group, strict=True)
            for place, name in enumerate(names)
            if name and many[place] > 0
        ),
        look_cost=math.fsum(((chance - without_looks) * table.count * gap).tolist()),
    )
