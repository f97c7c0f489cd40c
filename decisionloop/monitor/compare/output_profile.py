"""Profiles of what a batch decided: how often each action was chosen and each score bin was hit, by slice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.errors import UsageError
from decisionloop.monitor.compare.score_shift import ScoreReference

ALL = "all"
Cells = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ActionProfile:
    """How often each of ``actions`` was chosen, by slice: "all" and "name=value" of ``monitors.slices``.

    ``scores`` counts the scores of each slice in the bins of the release's reference, where a model decided.
    Integers only, so the profile of two parts of a batch is exactly ``part + part``.
    """

    actions: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]
    scores: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        use_case: UseCase,
        frame: pd.DataFrame,
        action: npt.ArrayLike,
        scores: npt.ArrayLike | None = None,
        reference: ScoreReference | None = None,
    ) -> ActionProfile:
        """Count the action indices (n,) of the canonical ``frame`` (n rows), and ``scores`` (n,), NaN left out.

        Slices are the contract's values; rows that are missing there or outside count in "all" alone. Raises
        UsageError where the lengths differ or an index is not that of an action.
        """
        chosen, names = np.asarray(action, dtype=np.int64), use_case.action_names
        if chosen.shape != (len(frame),) or (chosen.size and not 0 <= chosen.min() <= chosen.max() < len(names)):
            raise UsageError(
                f"{use_case.name}: {chosen.size} actions for {len(frame)} rows. Give each row the index of one of "
                f"{', '.join(names)}."
            )
        scored = {}
        if scores is not None and reference is not None:
            x = np.asarray(scores, dtype=np.float64)
            bins = np.searchsorted(np.asarray(reference.bin_edges), x, side="right")
            scored = dict(_sliced(use_case, frame, np.where(np.isnan(x), -1, bins), len(reference.shares)))
        return cls(names, dict(_sliced(use_case, frame, chosen, len(names))), scored)

    @classmethod
    def total(cls, profiles: Iterable[ActionProfile]) -> ActionProfile | None:
        """All of them together, None of none. Raises UsageError where they are of other actions or score bins."""
        whole: ActionProfile | None = None
        for profile in profiles:
            whole = profile if whole is None else whole + profile
        return whole

    @property
    def rows(self) -> int:
        """Decisions counted."""
        return sum(self.counts[ALL])

    def cells(self, slice_name: str) -> Cells:
        """The actions of one slice (A,), zeros where it has none."""
        return np.array(self.counts.get(slice_name, (0,) * len(self.actions)), dtype=np.int64)

    def score_cells(self, slice_name: str) -> Cells:
        """The scores of one slice (bins,), zeros where it has none; empty without scores."""
        return np.array(self.scores.get(slice_name, (0,) * len(self.scores.get(ALL, ()))), dtype=np.int64)

    def __add__(self, other: ActionProfile) -> ActionProfile:
        """Both together. Raises UsageError where they are of other actions or score bins."""
        if self.actions != other.actions or len(self.scores.get(ALL, ())) != len(other.scores.get(ALL, ())):
            raise UsageError(
                f"profiles of {self.rows} and {other.rows} decisions are of other actions or other score bins. "
                "Add profiles of one contract and one release."
            )
        counts = {name: self.cells(name) + other.cells(name) for name in (self.counts | other.counts)}
        scores = {name: self.score_cells(name) + other.score_cells(name) for name in (self.scores | other.scores)}
        return ActionProfile(self.actions, _plain(counts), _plain(scores))

    def to_json(self) -> str:
        """Compact text that ``from_json`` reads back equal."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ActionProfile:
        """What ``to_json`` wrote."""
        stored = json.loads(text)
        return cls(tuple(stored["actions"]), *(_tuples(stored[name]) for name in ("counts", "scores")))


def slice_values(use_case: UseCase, name: str) -> tuple[str, ...]:
    """The contract's values of a category feature or protected attribute."""
    values = {one.name: tuple(one.groups) for one in use_case.protected}
    values |= {one.name: one.categories for one in use_case.features if one.type == "category"}
    return values[name]


def _sliced(use_case: UseCase, frame: pd.DataFrame, cell: Cells, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Rows in each of ``width`` cells, (n,) from -1 (left out), of all rows and of every slice with a row."""
    yield ALL, tuple(np.bincount(cell + 1, minlength=width + 1)[1:].tolist())
    for name in use_case.monitors.slices:
        codes, categories = pd.factorize(frame[name])
        groups, columns = len(categories) + 1, width + 1  # what is missing or left out is counted first
        flat = (codes.astype(np.int64) + 1) * columns + cell + 1
        table = np.bincount(flat, minlength=groups * columns).reshape(groups, columns)[1:, 1:]
        rows = dict(zip(categories, table, strict=True))
        for value in slice_values(use_case, name):
            if value in rows:
                yield f"{name}={value}", tuple(rows[value].tolist())


def _plain(counts: dict[str, Cells]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(cells.tolist()) for name, cells in counts.items()}


def _tuples(stored: dict[str, list[int]]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(cells) for name, cells in stored.items()}
