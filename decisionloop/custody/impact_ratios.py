"""Selection rates and impact ratios of every protected group, and of groups by all attributes together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa

from decisionloop.contract import UseCase
from decisionloop.monitor.impact.adverse_impact import AdverseImpact, GroupCounts, impact_of_counts

TOGETHER = " | "


@dataclass
class Selected:
    """How many were decided, and how many of them got something favourable, by attribute and group."""

    decided: Counter[tuple[str, str]] = field(default_factory=Counter)
    favourable: Counter[tuple[str, str]] = field(default_factory=Counter)
    unstated: Counter[str] = field(default_factory=Counter)

    def count(self, use_case: UseCase, action: pd.Series, frame: pd.DataFrame) -> None:
        """Count decisions (n,) whose frozen features and attributes are ``frame`` (n rows)."""
        is_favourable = action.isin([one.name for one in use_case.actions if one.is_favourable]).to_numpy()
        names = [one.name for one in use_case.protected if one.name in frame]
        for attribute, groups in _groups(frame, names):
            stated = groups.notna().to_numpy()
            self.unstated[attribute] += int((~stated).sum())
            for counter, meant in ((self.decided, stated), (self.favourable, stated & is_favourable)):
                counter.update(
                    {(attribute, str(name)): int(many) for name, many in groups[meant].value_counts().items()}
                )

    def as_table(self, use_case: UseCase) -> pa.Table:
        """A row a group: its rate, its ratio to the group chosen most often and to the reference, with 95 % ends."""
        rows = [
            row
            for attribute in dict.fromkeys(one for one, _ in self.decided)
            for row in self._rows(use_case, attribute)
        ]
        return pa.Table.from_pylist(rows, schema=_SCHEMA)

    def _rows(self, use_case: UseCase, attribute: str) -> Iterator[dict[str, object]]:
        names = sorted(group for one, group in self.decided if one == attribute)
        keys = [(attribute, name) for name in names]
        n, chosen = (tuple(counter[key] for key in keys) for counter in (self.decided, self.favourable))
        known = {one.name: one for one in use_case.protected}
        smallest = max(known[one].minimum_group_size for one in attribute.split(TOGETHER))
        reference = known[attribute].reference if attribute in known else None
        counts = GroupCounts(attribute, tuple(names), n, chosen, self.unstated[attribute])
        yield from _told(use_case, impact_of_counts(counts, reference, smallest))


def _groups(frame: pd.DataFrame, names: list[str]) -> Iterator[tuple[str, pd.Series]]:
    texts = {name: frame[name].map(lambda value: None if pd.isna(value) else str(value)) for name in names}
    yield from texts.items()
    if len(names) > 1:
        together = pd.DataFrame(texts)
        yield TOGETHER.join(names), together.agg(TOGETHER.join, axis=1).where(together.notna().all(axis=1))


def _told(use_case: UseCase, impact: AdverseImpact) -> Iterator[dict[str, object]]:
    wordings = {one.name: one.groups for one in use_case.protected}
    for one in impact.groups:
        parts = zip(impact.attribute.split(TOGETHER), one.group.split(TOGETHER), strict=True)
        words = TOGETHER.join(wordings[name].get(value, value) for name, value in parts)
        reference = one.to_reference
        yield {
            "attribute": impact.attribute,
            "group": one.group,
            "wording": words,
            "decisions": one.n,
            "favourable": one.favourable_n,
            "selection_rate": one.rate,
            "impact_ratio": one.to_best.value,
            "ratio_low": one.to_best.low,
            "ratio_high": one.to_best.high,
            "is_best": one.group == impact.best,
            "ratio_to_reference": None if reference is None else reference.value,
            "not_told_because": one.to_best.reason or "",
            "without_a_group": impact.unstated_n,
        }


_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("attribute", "group", "wording")]
    + [(name, pa.int64()) for name in ("decisions", "favourable")]
    + [(name, pa.float64()) for name in ("selection_rate", "impact_ratio", "ratio_low", "ratio_high")]
    + [("is_best", pa.bool_()), ("ratio_to_reference", pa.float64())]
    + [("not_told_because", pa.string()), ("without_a_group", pa.int64())]
)
