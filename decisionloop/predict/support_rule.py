"""Where the log that taught a release speaks: for which kinds of rows it shows what an action brings.

A kind of row is a leaf of a small tree together with the action that the rules choose there. An action is supported
for a row when the log holds outcomes of it enough for rows of that kind, and when none of the row's features has a
value that was never seen with such an outcome. An action whose money needs no outcome is always supported.

The rule is a part of the release and travels in its digest; who derives it is `decisionloop.learn.support_of_log`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from decisionloop.errors import IntegrityError

VERSION = 1


@dataclass(frozen=True)
class SupportInput:
    """A feature as the tree reads it: a number, or the place of a category among ``categories`` (None: a number)."""

    name: str
    categories: tuple[str, ...] | None = None

    def numbers(self, frame: pd.DataFrame) -> np.ndarray:
        """The feature (n,) as float32; NaN where it is missing or of no known category."""
        if self.categories is None:
            known = frame[self.name].to_numpy(dtype=np.float64, na_value=np.nan)
            return np.clip(known, np.finfo(np.float32).min, np.finfo(np.float32).max).astype(np.float32)
        place = pd.Index(self.categories).get_indexer(pd.Index(frame[self.name]))
        return np.where(place < 0, np.nan, place).astype(np.float32)


@dataclass(frozen=True)
class Seen:
    """What outcomes of one action were seen with, of one input: its very ``values`` where they are few, else a range.

    ``has_missing``: was it missing in any of them?
    """

    values: tuple[float, ...] | None
    low: float
    high: float
    has_missing: bool

    def holds(self, numbers: np.ndarray) -> np.ndarray:
        """True (n,) for numbers (n,) that are among them."""
        inside = (numbers >= self.low) & (numbers <= self.high)
        if self.values is not None:
            inside &= np.isin(numbers, np.asarray(self.values, dtype=np.float32))
        return np.where(np.isnan(numbers), self.has_missing, inside)


@dataclass(frozen=True)
class KindTree:
    """A binary tree over the inputs and, as the last column, the rules' action; arrays by node (m,).

    ``feature`` is -1 at a leaf, and ``leaf`` -1 elsewhere; a value <= ``threshold`` goes to ``left``, a missing one
    where ``is_missing_left`` says.
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    is_missing_left: tuple[bool, ...]
    leaf: tuple[int, ...]

    def leaves(self, inputs: np.ndarray) -> np.ndarray:
        """The leaf (n,) of each row of ``inputs`` (n, K + 1) float32."""
        feature, threshold, left, right, missing_left, leaf = self._arrays
        at, row = np.zeros(len(inputs), dtype=np.int64), np.arange(len(inputs))
        while (feature[at] >= 0).any():
            value = inputs[row, feature[at]]
            goes_left = np.where(np.isnan(value), missing_left[at], value <= threshold[at])
            at = np.where(feature[at] < 0, at, np.where(goes_left, left[at], right[at]))
        return leaf[at]

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, ...]:
        return tuple(
            np.asarray(one)
            for one in (self.feature, self.threshold, self.left, self.right, self.is_missing_left, self.leaf)
        )


@dataclass(frozen=True)
class SupportRule:
    """Which of A actions the log supports for which kind of row, of L leaves.

    actions      their names, in contract order
    is_known     (A,) actions whose money needs no outcome
    inputs       the K features that tell kinds of rows apart
    tree         from a row to its leaf
    outcomes     (L, A, A) by leaf, rules' action and action: effective number of outcomes seen of the action
    seen         (A, K) with which values of each input; empty for actions whose money is known
    minimum      so many outcomes of a kind are enough
    """

    actions: tuple[str, ...]
    is_known: tuple[bool, ...]
    inputs: tuple[SupportInput, ...]
    tree: KindTree
    outcomes: tuple[tuple[tuple[float, ...], ...], ...]
    seen: tuple[tuple[Seen, ...], ...]
    minimum: float

    def supported(self, actions: Sequence[str], frame: pd.DataFrame, rules_action: np.ndarray) -> np.ndarray:
        """Which actions are supported, bool (n, A), for n rows of the canonical ``frame``.

        Args:
            actions: the contract's, in its order. Raises IntegrityError where they are not those of the rule.
            rules_action: index (n,) of what the rules choose.

        Each row is answered by itself, so a row alone and the same row in a batch get the same answer.
        """
        if tuple(actions) != self.actions:
            raise IntegrityError(
                f"a release supports the actions {', '.join(self.actions)}, and the contract names "
                f"{', '.join(actions)}. Retrain under the present contract."
            )
        numbers = numbers_of(self.inputs, frame, rules_action)
        enough = self._is_enough[self.tree.leaves(numbers), np.asarray(rules_action, dtype=np.int64)]
        supported = np.broadcast_to(np.array(self.is_known), enough.shape) | enough
        for action, seen in enumerate(self.seen):
            for column, one in enumerate(seen):
                supported[:, action] &= one.holds(numbers[:, column])
        return supported

    @cached_property
    def _is_enough(self) -> np.ndarray:
        return np.asarray(self.outcomes) >= self.minimum

    @property
    def kinds(self) -> int:
        """How many leaves the tree has."""
        return len(self.outcomes)

    @property
    def lookups(self) -> int:
        """Look-ups to ask it about one row: down the tree, and every input for every action that has outcomes."""
        return int(np.ceil(np.log2(max(2, self.kinds)))) + sum(len(seen) for seen in self.seen)

    def to_bytes(self) -> bytes:
        """Deterministic JSON; numbers read back as they were."""
        return json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> SupportRule:
        """Read a rule. Raises IntegrityError when it is not one."""
        try:
            content = json.loads(data)
            if content.pop("version") != VERSION:
                raise ValueError("of another version")
            tree = {name: tuple(values) for name, values in content["tree"].items()}
            inputs = ((one["name"], one["categories"]) for one in content["inputs"])
            return cls(
                actions=tuple(content["actions"]),
                is_known=tuple(content["is_known"]),
                inputs=tuple(SupportInput(name, None if known is None else tuple(known)) for name, known in inputs),
                tree=KindTree(**tree),
                outcomes=tuple(tuple(map(tuple, of_rules)) for of_rules in content["outcomes"]),
                seen=tuple(tuple(map(_seen, by_input)) for by_input in content["seen"]),
                minimum=float(content["minimum"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(
                f"a support rule cannot be read ({error}). Restore it from the snapshot store's backup."
            ) from error


def numbers_of(inputs: Sequence[SupportInput], frame: pd.DataFrame, rules_action: np.ndarray) -> np.ndarray:
    """The inputs of n rows as the tree reads them, float32 (n, K + 1); the rules' action is the last column."""
    columns = [one.numbers(frame) for one in inputs]
    return np.stack([*columns, np.asarray(rules_action, dtype=np.float32)], axis=1)


def _seen(content: dict[str, object]) -> Seen:
    values = content["values"]
    return Seen(**{**content, "values": None if values is None else tuple(values)})  # type: ignore[arg-type]
