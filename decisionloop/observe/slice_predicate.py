"""A slice of decisions as conditions on features: said in words, kept as JSON, applied to any frame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.problem import Feature
from decisionloop.errors import UsageError


@dataclass(frozen=True)
class Condition:
    """What a slice asks of one feature; everything that is given must hold.

    above, up_to   numbers: above < value <= up_to
    equals         a category: this one
    excludes       a category: none of these (a missing one is none of them)
    has_missing    numbers: whether missing values belong to the slice
    has_known      numbers: whether known values do
    """

    feature: str
    above: float | None = None
    up_to: float | None = None
    equals: str | None = None
    excludes: tuple[str, ...] = ()
    has_missing: bool = False
    has_known: bool = True

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """True (n,) for the rows of the canonical ``frame`` that fulfil it."""
        column = frame[self.feature]
        if self.equals is not None:
            return np.asarray((column == self.equals).fillna(False).to_numpy(), dtype=bool)
        if self.excludes:
            return np.asarray(~column.isin(self.excludes).to_numpy(), dtype=bool)
        values = column.to_numpy(dtype=np.float64)
        low, high = (-np.inf if self.above is None else self.above), (np.inf if self.up_to is None else self.up_to)
        return np.where(np.isnan(values), self.has_missing, self.has_known & (values > low) & (values <= high))

    def narrowed(self, other: Condition) -> Condition:
        """Both conditions on one feature as one."""
        return replace(
            self,
            above=max((x for x in (self.above, other.above) if x is not None), default=None),
            up_to=min((x for x in (self.up_to, other.up_to) if x is not None), default=None),
            equals=self.equals or other.equals,
            excludes=tuple(sorted({*self.excludes, *other.excludes})),
            has_missing=self.has_missing and other.has_missing,
            has_known=self.has_known and other.has_known,
        )

    def words(self, feature: Feature) -> str:
        """The condition as people say it, with the contract's wording of the feature."""
        name = feature.wording
        if self.equals is not None:
            return f"{name} is “{self.equals}”"
        if self.excludes:
            return f"{name} is not {' or '.join(f'“{one}”' for one in self.excludes)}"
        if not self.has_known:
            return f"{name} is missing"
        if feature.type == "boolean":
            words = f"{name}: {'yes' if self.above is not None else 'no'}"
        elif self.above is not None and self.up_to is not None:
            words = f"{name} above {_number(self.above)} and up to {_number(self.up_to)}"
        elif self.above is not None:
            words = f"{name} above {_number(self.above)}"
        elif self.up_to is not None:
            words = f"{name} up to {_number(self.up_to)}"
        else:
            return f"{name} is known"
        return f"{words} (or missing)" if self.has_missing else words


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def apply_slice(predicate: str, frame: pd.DataFrame) -> np.ndarray:
    """True (n,) for the rows of the canonical ``frame`` inside the slice; ``predicate`` is JSON.

    Raises UsageError where the frame lacks a feature that the predicate names.
    """
    inside = np.ones(len(frame), dtype=bool)
    for condition in read_predicate(predicate):
        if condition.feature not in frame.columns:
            raise UsageError(
                f"the slice asks for {condition.feature}, which the features lack. It was found under another "
                "contract: find the slices again."
            )
        inside &= condition.holds(frame)
    return inside


def in_weak_slices(predicates: tuple[str, ...], frame: pd.DataFrame) -> np.ndarray:
    """True (n,) for the rows of the canonical ``frame`` that are in any of the slices."""
    inside = [apply_slice(predicate, frame) for predicate in predicates]
    return np.logical_or.reduce(inside) if inside else np.zeros(len(frame), dtype=bool)


def read_predicate(predicate: str) -> tuple[Condition, ...]:
    """The conditions, all of which must hold, of a predicate in JSON."""
    rows = json.loads(predicate)["all"]
    return tuple(Condition(**{**row, "excludes": tuple(row.get("excludes", ()))}) for row in rows)


def write_predicate(conditions: Sequence[Condition]) -> str:
    """The predicate as JSON; what a condition does not ask is left out."""
    usual = asdict(Condition(""))
    rows = [{name: value for name, value in asdict(one).items() if value != usual[name]} for one in conditions]
    return json.dumps({"all": rows}, ensure_ascii=False)


def describe(use_case: UseCase, conditions: Sequence[Condition]) -> str:
    """The slice in words: its conditions in the contract's order of features."""
    wanted = {condition.feature: condition for condition in conditions}
    return " and ".join(wanted[feature.name].words(feature) for feature in use_case.features if feature.name in wanted)
