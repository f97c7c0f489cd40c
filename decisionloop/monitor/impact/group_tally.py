"""Who gets the favourable action, counted: protected attributes and their intersections, parts and batches added up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from decisionloop.contract import UseCase
from decisionloop.contract.problem import ProtectedAttribute
from decisionloop.errors import UsageError
from decisionloop.monitor.impact.adverse_impact import GroupCounts

CROSS = " x "
"""Between the names of two attributes, and of their groups, where they intersect."""


@dataclass(frozen=True)
class WatchedGroups:
    """A protected attribute of the contract, or the intersection of two: ``parts`` are one or two attributes."""

    parts: tuple[ProtectedAttribute, ...]

    @property
    def name(self) -> str:
        """As in the contract; of two, "sex x age_band"."""
        return CROSS.join(part.name for part in self.parts)

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group that the contract names, in its order; of two attributes, "2 x 62_and_over"."""
        first = tuple(self.parts[0].groups)
        return first if len(self.parts) == 1 else tuple(f"{a}{CROSS}{b}" for a in first for b in self.parts[1].groups)

    @property
    def reference(self) -> str:
        """The group that the others are compared with."""
        return CROSS.join(part.reference for part in self.parts)

    @property
    def minimum_group_size(self) -> int:
        """Smaller groups are not judged; of two attributes the larger minimum holds."""
        return max(part.minimum_group_size for part in self.parts)

    @property
    def is_declared(self) -> bool:
        """Whether the contract names it, rather than its two parts."""
        return len(self.parts) == 1

    def wording(self, group: str) -> str:
        """What people call a group: "women", or "women, 62 and over"."""
        names = [group] if self.is_declared else group.split(CROSS)
        return ", ".join(part.groups.get(name, name) for part, name in zip(self.parts, names, strict=True))

    def codes(self, by_part: Mapping[str, np.ndarray]) -> np.ndarray:
        """Index (n,) into ``groups``, from those of the attributes (see :func:`group_codes`); -1: in none of them."""
        first, *rest = (by_part[part.name] for part in self.parts)
        for part, own in zip(self.parts[1:], rest, strict=True):
            first = np.where((own < 0) | (first < 0), -1, first * len(part.groups) + own)
        return first


def watched_groups(use_case: UseCase) -> tuple[WatchedGroups, ...]:
    """The protected attributes in contract order, then every pair of them."""
    singles = [WatchedGroups((attribute,)) for attribute in use_case.protected]
    return (*singles, *(WatchedGroups(pair) for pair in combinations(use_case.protected, 2)))


def group_codes(attribute: ProtectedAttribute, frame: pd.DataFrame) -> np.ndarray:
    """Index (n,) of each row's group in contract order; -1 where the contract does not name it, or it is missing."""
    values = pa.array(frame[attribute.name], pa.string(), from_pandas=True)
    codes = pc.index_in(values, pa.array(list(attribute.groups), pa.string()))
    return np.asarray(codes.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


@dataclass(frozen=True)
class GroupTally:
    """Decisions of every watched group, and how many were favourable: as chosen, and as the rules would have it.

    One entry of ``chosen`` and of ``rules`` for each of :func:`watched_groups`; the tally of two parts is the sum.
    """

    chosen: tuple[GroupCounts, ...]
    rules: tuple[GroupCounts, ...]

    @classmethod
    def of(cls, use_case: UseCase, frame: pd.DataFrame, chosen: np.ndarray, rules: np.ndarray) -> GroupTally:
        """Count n decisions of the canonical ``frame``; ``chosen`` and ``rules`` are action indices (n,).

        Groups that the contract does not name count as not stated. Raises UsageError for other lengths or indices.
        """
        for name, actions in (("chosen", chosen), ("rules", rules)):
            if np.shape(actions) != (len(frame),) or not _is_action(actions, len(use_case.actions)):
                raise UsageError(
                    f"the {name} actions of {len(frame)} decisions must be as many indices from 0 to "
                    f"{len(use_case.actions) - 1}. Take both from the batch that the frame is of."
                )
        is_favourable = np.array([action.is_favourable for action in use_case.actions])
        by_part = {attribute.name: group_codes(attribute, frame) for attribute in use_case.protected}
        watched = [(groups, groups.codes(by_part)) for groups in watched_groups(use_case)]
        return cls(
            tuple(_counts(groups, codes, is_favourable[chosen]) for groups, codes in watched),
            tuple(_counts(groups, codes, is_favourable[rules]) for groups, codes in watched),
        )

    def is_of(self, use_case: UseCase) -> bool:
        """Whether these are the groups that the contract watches."""
        watched = [(one.name, one.groups) for one in watched_groups(use_case)]
        return [(one.attribute, one.groups) for one in self.chosen] == watched

    def __add__(self, other: GroupTally) -> GroupTally:
        """Both together. Raises UsageError where they are not of the same groups."""
        return GroupTally(tuple(_added(self.chosen, other.chosen)), tuple(_added(self.rules, other.rules)))

    def to_json(self) -> str:
        """Compact text; :meth:`from_json` reads it."""
        rows = [
            [one.attribute, one.groups, one.n, one.favourable, theirs.favourable, one.unstated_n]
            for one, theirs in zip(self.chosen, self.rules, strict=True)
        ]
        return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> GroupTally:
        """The tally that :meth:`to_json` wrote."""
        rows = [(name, tuple(groups), tuple(n), tuple(f), tuple(r), u) for name, groups, n, f, r, u in json.loads(text)]
        return cls(
            tuple(GroupCounts(name, groups, n, mine, unstated) for name, groups, n, mine, _, unstated in rows),
            tuple(GroupCounts(name, groups, n, theirs, unstated) for name, groups, n, _, theirs, unstated in rows),
        )


def _is_action(actions: np.ndarray, count: int) -> bool:
    return bool(((np.asarray(actions) >= 0) & (np.asarray(actions) < count)).all())


def _counts(groups: WatchedGroups, codes: np.ndarray, is_favourable: np.ndarray) -> GroupCounts:
    many = len(groups.groups)
    n = np.bincount(codes[codes >= 0], minlength=many)
    favourable = np.bincount(codes[(codes >= 0) & is_favourable], minlength=many)
    unstated = int((codes < 0).sum())
    return GroupCounts(groups.name, groups.groups, tuple(n.tolist()), tuple(favourable.tolist()), unstated)


def _added(mine: tuple[GroupCounts, ...], theirs: tuple[GroupCounts, ...]) -> Iterator[GroupCounts]:
    if [(one.attribute, one.groups) for one in mine] != [(one.attribute, one.groups) for one in theirs]:
        raise UsageError("tallies of different groups cannot be added. Count both parts under one contract.")
    for one, other in zip(mine, theirs, strict=True):
        n = tuple(a + b for a, b in zip(one.n, other.n, strict=True))
        favourable = tuple(a + b for a, b in zip(one.favourable, other.favourable, strict=True))
        yield GroupCounts(one.attribute, one.groups, n, favourable, one.unstated_n + other.unstated_n)
