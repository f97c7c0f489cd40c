"""Where decisions lose money: slices found by a shallow tree on one half of the entities, priced on the other.

A tree that is asked for the worst slices finds some in any noise, and shows them with the very luck that made it
choose them. So it never prices what it found on the rows that it was found on (honest trees: Athey and Imbens 2016).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.act.hashing import stable_hash
from decisionloop.contract import UseCase
from decisionloop.contract.problem import Feature
from decisionloop.errors import UsageError
from decisionloop.observe.estimate import Estimate, weighted_mean
from decisionloop.observe.slice_predicate import Condition, apply_slice, describe, read_predicate, write_predicate

DEPTH = 3
"""Three conditions are as many as people keep in mind."""
MINIMUM_ROWS, MINIMUM_SHARE = 100, 0.02
"""A slice holds at least so many decisions, and so large a share, of the half it is found on."""
SPLIT_Z = 4.0
"""A split that tells its sides apart by fewer standard errors is undone: the best of a few thousand splits of pure
noise reaches about 3.5, and would cut a real slice into pieces that hide its border."""
MOST = 5
MOST_FITTED = 100_000
"""Decisions that the tree sees; more would cost time and change no split that matters. All are priced."""
FALSE_FINDINGS = 0.05
"""Chance that a cohort without any weak slice shows one."""


@dataclass(frozen=True)
class WeakSlice:
    """Decisions that surely brought less than was expected of them.

    ``description`` in words, ``predicate`` as JSON for `apply_slice`. ``n`` decisions with a known outcome are in it.
    ``money_per_decision`` is their mean surprise (below 0), measured on the half of the entities that the slice was
    not found on; its interval is wide enough for all slices that were tried. ``money_total`` is that times n.
    """

    description: str
    predicate: str
    n: int
    money_per_decision: Estimate
    money_total: float


def find_weak_slices(use_case: UseCase, frame: pd.DataFrame, surprise: np.ndarray) -> tuple[WeakSlice, ...]:
    """At most five slices of the canonical ``frame`` (n rows) that lose most money, the worst first.

    ``surprise`` (n,) is realised less expected money, NaN where unknown (see `observe.failures.money_surprise`).
    Only slices count whose interval lies below 0 and whose mean is below that of all. Entities fall into halves by a
    stable hash; a cohort too small for two slices a half has none. Raises UsageError when lengths differ.
    """
    if np.shape(surprise) != (len(frame),):
        raise UsageError(f"{np.size(surprise)} surprises were given for {len(frame)} decisions. Give one each.")
    known = ~np.isnan(surprise)
    frame, surprise = frame.loc[known].reset_index(drop=True), surprise[known]
    is_found_on = _first_half(use_case, frame)
    found, priced = frame.loc[is_found_on], frame.loc[~is_found_on]
    if min(len(found), len(priced)) < 2 * MINIMUM_ROWS:
        return ()
    tried = [write_predicate(leaf) for leaf in _leaves(use_case, found, surprise[is_found_on]) if leaf]
    if not tried:
        return ()
    confidence = 1 - 2 * FALSE_FINDINGS / len(tried)
    usual = float(surprise[~is_found_on].mean())
    slices = [_priced(use_case, text, frame, surprise, ~is_found_on, confidence) for text in tried]
    weak = [one for one in slices if _is_weak(one.money_per_decision, usual)]
    return tuple(sorted(weak, key=lambda one: one.money_total)[:MOST])


def _first_half(use_case: UseCase, frame: pd.DataFrame) -> np.ndarray:
    bits = stable_hash(frame[use_case.entity.key], ("weak slices", use_case.name))
    return np.asarray(bits >> np.uint64(63) == 0, dtype=bool)


def _priced(
    use_case: UseCase,
    predicate: str,
    frame: pd.DataFrame,
    surprise: np.ndarray,
    is_priced: np.ndarray,
    confidence: float,
) -> WeakSlice:
    inside = apply_slice(predicate, frame)
    rows = inside & is_priced
    money = weighted_mean(surprise[rows], None, frame.loc[rows, use_case.entity.key].to_numpy(dtype=object), confidence)
    n = int(inside.sum())
    words = describe(use_case, read_predicate(predicate))
    return WeakSlice(words, predicate, n, money, (money.value or 0.0) * n)


def _is_weak(money: Estimate, usual: float) -> bool:
    return money.value is not None and money.high is not None and money.high < 0 and money.value < usual


@dataclass(frozen=True)
class _Column:
    """A column that the tree sees: a numeric feature as it is, or whether a category is ``category``."""

    feature: Feature
    category: str | None = None

    def values(self, frame: pd.DataFrame) -> npt.NDArray[np.float32]:
        column = frame[self.feature.name]
        if self.category is None:
            return column.to_numpy(dtype=np.float32)
        return (column == self.category).fillna(False).to_numpy().astype(np.float32)

    def condition(self, is_left: bool, threshold: float, takes_missing: bool, has_missing: bool) -> Condition:
        """What one side of a split asks; rounded, so that the words say what is applied."""
        name, others = self.feature.name, [one for one in self.feature.categories if one != self.category]
        if self.category is not None:
            if not is_left:
                return Condition(name, equals=self.category)
            is_other = len(others) == 1 and not has_missing
            return Condition(name, equals=others[0]) if is_other else Condition(name, excludes=(self.category,))
        if np.isinf(threshold):  # the split is between known and missing
            return Condition(name, has_known=is_left, has_missing=takes_missing)
        cut = float(np.floor(threshold)) if self.feature.type == "integer" else float(f"{threshold:.4g}")
        if is_left:
            return Condition(name, up_to=cut, has_missing=takes_missing)
        return Condition(name, above=cut, has_missing=takes_missing)


def _columns(use_case: UseCase) -> Iterator[_Column]:
    for feature in use_case.features:
        if feature.type == "category":
            yield from (_Column(feature, category) for category in feature.categories)
        else:
            yield _Column(feature)


def _leaves(use_case: UseCase, frame: pd.DataFrame, surprise: np.ndarray) -> list[tuple[Condition, ...]]:
    """The leaves whose mean surprise is below 0, as conditions."""
    from sklearn.tree import DecisionTreeRegressor

    columns = tuple(_columns(use_case))
    shown = slice(None, None, -(-len(frame) // MOST_FITTED))
    matrix = np.column_stack([column.values(frame.iloc[shown]) for column in columns])
    smallest = max(MINIMUM_ROWS, int(MINIMUM_SHARE * len(matrix)))
    fitted = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=smallest, random_state=0)
    fitted.fit(matrix, surprise[shown])
    has_missing = np.array([frame.iloc[shown][column.feature.name].isna().any() for column in columns])
    return list(_Tree(fitted.tree_, columns, has_missing).leaves())


@dataclass(frozen=True, eq=False)
class _Tree:
    """A fitted tree, without the splits that noise could have made. ``has_missing`` (columns,) in what it was shown."""

    tree: Any
    columns: Sequence[_Column]
    has_missing: np.ndarray

    def leaves(self, node: int = 0) -> Iterator[tuple[Condition, ...]]:
        """The conditions of every leaf under a node whose mean is below 0."""
        waiting: list[tuple[int, dict[str, Condition]]] = [(node, {})]
        while waiting:
            node, known = waiting.pop()
            if not self.is_split(node):
                if self.tree.value[node].item() < 0:
                    yield tuple(known.values())
                continue
            for is_left, child in zip((True, False), self.children(node), strict=True):
                asked = self.asked(node, is_left)
                name = asked.feature
                waiting.append((child, {**known, name: known[name].narrowed(asked) if name in known else asked}))

    def children(self, node: int) -> tuple[int, int]:
        return int(self.tree.children_left[node]), int(self.tree.children_right[node])

    def is_split(self, node: int) -> bool:
        """Whether this split, or one below it, is beyond noise: an interaction may show only further down."""
        left, right = self.children(node)
        if left < 0:
            return False
        gap = abs(self.tree.value[left].item() - self.tree.value[right].item())
        error = np.sqrt(sum(self.tree.impurity[child] / self.tree.n_node_samples[child] for child in (left, right)))
        return bool(gap > SPLIT_Z * error) or self.is_split(left) or self.is_split(right)

    def asked(self, node: int, is_left: bool) -> Condition:
        at = int(self.tree.feature[node])
        has_missing = bool(self.has_missing[at])
        takes_missing = has_missing and bool(self.tree.missing_go_to_left[node]) == is_left
        return self.columns[at].condition(is_left, float(self.tree.threshold[node]), takes_missing, has_missing)
