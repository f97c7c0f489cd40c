"""Reason codes: which features moved this score most away from the reference, written as compact JSON.

The text of a row is a list, largest first: ``[["status",0.8123],["limit_bal",-0.31]]``. An entry is the feature and
how far it moved the score on the margin scale, in at most ``DIGITS`` decimals: above zero it raises the score, below
zero it lowers it. Reasons that are an approximation say so in a third place, ``["status",0.81,"approximate"]``.
Wording is the contract's and is not repeated in every row: ``reasons_read.read_reasons`` puts it back.

What an exact reason claims is a Shapley value on the margin scale: the average of what removing the feature changes,
over every order in which features can be removed. In a scorecard that is what removing it changes, always. In trees
a feature that acts only together with others may, removed alone, change the margin by another amount and at worst in
the other direction; tests hold how rarely.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from decisionloop.errors import UsageError
from decisionloop.predict.scorer.engine import EngineName, reason_kernels, resolve_engine

if TYPE_CHECKING:
    from decisionloop.contract import UseCase
    from decisionloop.predict.reasons.kernel import ReasonKernel

DIGITS = 4
"""Decimals of a reason's size on the margin scale; what rounds to zero is no reason."""

APPROXIMATE = "approximate"


@dataclass(frozen=True)
class Reason:
    """What a person reads for a feature, and the ``group`` of features that count as one reason (or None)."""

    wording: str
    group: str | None = None


@dataclass(frozen=True)
class ReasonCatalogue:
    """The reason of every feature, by feature name."""

    reasons: Mapping[str, Reason]

    def of(self, features: Sequence[str]) -> tuple[Reason, ...]:
        """The reasons of ``features``, in their order; raises UsageError naming those that have none."""
        unknown = [feature for feature in features if feature not in self.reasons]
        if unknown:
            raise UsageError(
                f"no reason is worded for {', '.join(unknown)}. "
                "Give each feature of the model a wording in the contract."
            )
        return tuple(self.reasons[feature] for feature in features)


def reason_catalogue(use_case: UseCase) -> ReasonCatalogue:
    """The reasons that a contract words: one for each of its model inputs."""
    return ReasonCatalogue({f.name: Reason(f.wording, f.reason_group or None) for f in use_case.model_inputs})


def top_reasons(
    contributions: NDArray[np.float64],
    features: Sequence[str],
    catalogue: ReasonCatalogue,
    count: int = 3,
    engine: EngineName = "auto",
    is_exact: bool = True,
) -> pa.StringArray:
    """The ``count`` largest reasons of each row of ``contributions`` (n, F) as JSON text; see `ReasonWriter`."""
    return _writer(tuple(features), catalogue.of(features), count, engine, is_exact).texts(contributions)


@functools.lru_cache(maxsize=64)
def _writer(
    features: tuple[str, ...], reasons: tuple[Reason, ...], count: int, engine: EngineName, is_exact: bool
) -> ReasonWriter:
    """Kept: to lay out the texts anew takes longer than to write a few rows."""
    return ReasonWriter(features, reasons, count, engine, is_exact)


@dataclass(frozen=True, eq=False)
class ReasonWriter:
    """Writes the ``count`` largest reasons of rows whose contributions come in the order of ``features``.

    Features of one group are summed, in their order, and the reason names the member that moved the score most in
    the group's direction. Ties keep the features' order. ``engine``: "numba" writes the text in compiled code,
    "numpy" is the reference that it must equal byte for byte, "auto" takes numba where `engine.resolve_engine` finds
    it worth while. Asking for numba where it is not installed raises ConfigurationError.
    """

    features: tuple[str, ...]
    reasons: tuple[Reason, ...]
    count: int = 3
    engine: EngineName = "auto"
    is_exact: bool = True

    def texts(self, contributions: NDArray[np.float64]) -> pa.StringArray:
        """The JSON text of each row (n,). Raises UsageError for another shape than (n, F) and what is not finite."""
        values = np.asarray(contributions, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.features):
            raise self._unusable(values)
        written = self._kernel.write(values) if resolve_engine(self.engine, len(values)) == "numba" else None
        return self._by_arrow(values) if written is None else written

    def text(self, contributions: NDArray[np.float64]) -> str:
        """The JSON text of one row (F,)."""
        return str(self.texts(contributions[None, :])[0].as_py())

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The columns of each reason, in the order of their first members."""
        members: dict[str, list[int]] = {}
        for column, (feature, reason) in enumerate(zip(self.features, self.reasons, strict=True)):
            # A group may be named as a feature is, and they are not the same reason for it.
            members.setdefault(f"group {reason.group}" if reason.group else f"feature {feature}", []).append(column)
        return tuple(map(tuple, members.values()))

    @cached_property
    def openings(self) -> tuple[str, ...]:
        """The text of an entry up to its size, for each feature."""
        return tuple(f"[{json.dumps(feature, ensure_ascii=False)}," for feature in self.features)

    @property
    def ending(self) -> str:
        """The text of an entry after its size."""
        return "]" if self.is_exact else f',"{APPROXIMATE}"]'

    @cached_property
    def _kernel(self) -> ReasonKernel:
        layout: type[ReasonKernel] = reason_kernels().ReasonKernel
        return layout.of(self.groups, self.openings, self.ending, self.count)

    def _by_arrow(self, values: NDArray[np.float64]) -> pa.StringArray:
        if not np.isfinite(values).all():
            raise self._unusable(values)
        size, leader = self._sums(values)
        best = np.argsort(-np.abs(size), axis=1, kind="stable")[:, : self.count]
        openings = pa.array(self.openings, pa.string())
        entries = []
        for rank, column in enumerate(best.T):
            which = (np.arange(len(values)), column)
            text = openings.take(pa.array(leader[which]))
            number = pc.cast(pa.array(size[which], mask=size[which] == 0), pa.string())
            entries.append(pc.binary_join_element_wise("," if rank else "", text, number, self.ending, ""))
        # Reasons of size zero are null and come last, so an empty text in their place leaves the list whole.
        # (Skipping nulls would not do: where every part of a row is null, pyarrow leaves out the row.)
        if not entries:
            return pa.array(["[]"] * len(values), pa.string())
        return pc.binary_join_element_wise("[", *entries, "]", "", null_handling="replace", null_replacement="")

    def _sums(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Sum of each group (n, G), rounded, and the feature (n, G) that moved it most in its own direction."""
        size = np.empty((len(values), len(self.groups)))
        leader = np.empty(size.shape, dtype=np.intp)
        for column, members in enumerate(self.groups):
            total = np.zeros(len(values))
            for member in members:  # one after the other, as the compiled engine adds
                total += values[:, member]
            size[:, column] = np.round(total, DIGITS)
            away = values[:, members] * np.sign(size[:, [column]])
            leader[:, column] = np.array(members)[away.argmax(axis=1)]
        return size, leader

    def _unusable(self, values: NDArray[np.float64]) -> UsageError:
        return UsageError(
            f"reasons need finite contributions of shape (rows, {len(self.features)}), but these have shape "
            f"{values.shape} and {int((~np.isfinite(values)).sum())} values not finite. Take both from one scorer."
        )
