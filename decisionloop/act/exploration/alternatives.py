"""The alternatives of a part of a batch, each with its gap, and the small table that all parts together come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisionloop.act.exploration.inverse_gap import CODES, gaps_of

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AlternativeTable:
    """Alternatives of a batch that are alike, and ``count`` (k,) how many there are of each.

    ``combination`` of protected groups, ``actions`` of the decision (the preferred one included), ``is_look``: hardly
    anybody of that kind has been seen, ``code`` of the gap; all (k,), in one order whatever the parts were.
    """

    combination: Codes
    actions: Codes
    is_look: Flags
    code: Codes
    count: Codes

    @property
    def gap(self) -> Floats:
        """The gaps in currency (k,)."""
        return gaps_of(self.code)


@dataclass(frozen=True)
class Alternatives:
    """What n rows may try: ``is_open`` (n, A) the actions, ``codes`` (n, A) their gaps, ``is_unseen`` (n, A).

    ``actions`` (n,): how many there are to choose among, the preferred one included. ``combination`` (n,) of groups.
    """

    is_open: Flags
    codes: Codes
    is_unseen: Flags
    actions: Codes
    combination: Codes

    def counted(self) -> AlternativeTable:
        """The alternatives that are alike, counted."""
        row, action = np.nonzero(self.is_open)
        size = self.is_open.shape[1] + 1
        key = (self.combination[row] * size + self.actions[row]) * 2 + self.is_unseen[row, action]
        return _table(*np.unique(key * CODES + self.codes[row, action], return_counts=True), size)


def together(tables: Iterable[AlternativeTable], actions: int) -> AlternativeTable:
    """The tables of all parts of a batch as one."""
    size, found = actions + 1, list(tables)
    keys = [((one.combination * size + one.actions) * 2 + one.is_look) * CODES + one.code for one in found]
    key, place = np.unique(np.concatenate([np.zeros(0, np.int64), *keys]), return_inverse=True)
    count = np.zeros(len(key), dtype=np.int64)
    np.add.at(count, place, np.concatenate([np.zeros(0, np.int64), *(one.count for one in found)]))
    return _table(key, count, size)


def _table(key: Codes, count: Codes, size: int) -> AlternativeTable:
    rest, code = np.divmod(key, CODES)
    rest, is_look = np.divmod(rest, 2)
    combination, actions = np.divmod(rest, size)
    return AlternativeTable(combination, actions, is_look.astype(bool), code, count)
