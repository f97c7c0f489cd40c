"""What a release and the champion said of the same rows, part by part, as far as an audit needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.monitor.compare.named_slices import named_slices
from decisionloop.monitor.compare.profile import FrameProfile, Reference
from decisionloop.monitor.shadow.answers import Codes, Floats, PartBeside
from decisionloop.monitor.shadow.counts import BesideCounts
from decisionloop.monitor.shadow.record import Disagreement

ALL = "all"


@dataclass(frozen=True, eq=False)
class SeenPart:
    """A part, counted: ``outputs`` are pairs (champion, shadow) of (n,)."""

    n: int
    outputs: Mapping[str, tuple[Floats, Floats]]
    disagreements: tuple[Disagreement, ...]
    counts: BesideCounts
    profile: FrameProfile | None

    @classmethod
    def of(cls, use_case: UseCase, part: PartBeside, reference: Reference | None) -> SeenPart:
        """Count one part; its features in the bins of ``reference``, the release's training (None: it has none)."""
        ours, theirs = part.shadow, part.champion
        shared = [name for name in ours.outputs if name in theirs.outputs]
        return cls(
            n=len(part.frame),
            outputs={name: (theirs.outputs[name], ours.outputs[name]) for name in shared},
            disagreements=tuple(_disagreements(use_case, part)),
            counts=BesideCounts.of(use_case, part),
            profile=None if reference is None else FrameProfile.of(part.frame, reference.bins),
        )

    def __add__(self, other: SeenPart) -> SeenPart:
        """Both parts together."""
        pairs = {
            name: (np.concatenate([one[0], other.outputs[name][0]]), np.concatenate([one[1], other.outputs[name][1]]))
            for name, one in self.outputs.items()
        }
        has_profile = self.profile is not None and other.profile is not None
        return SeenPart(
            n=self.n + other.n,
            outputs=pairs,
            disagreements=tuple(
                _added(one, more) for one, more in zip(self.disagreements, other.disagreements, strict=True)
            ),
            counts=self.counts + other.counts,
            profile=self.profile + other.profile if has_profile else None,  # type: ignore[operator]
        )


def together(parts: Sequence[SeenPart]) -> SeenPart:
    """All parts of a batch, one or more."""
    return reduce(lambda one, other: one + other, parts)


def _disagreements(use_case: UseCase, part: PartBeside) -> list[Disagreement]:
    """Of all rows, and of each named slice: money of the shadow's action less the champion's, by either's values."""
    ours, theirs = part.shadow.action, part.champion.action
    otherwise = ours != theirs
    by_itself = _gain(part.shadow.values, ours, theirs)
    by_champion = _gain(part.champion.values, ours, theirs)

    def told(name: str, rows: np.ndarray) -> Disagreement:
        there = otherwise & rows
        return Disagreement(
            slice=name,
            n=int(rows.sum()),
            otherwise=int(there.sum()),
            by_itself=None if by_itself is None else float(by_itself[there].sum()),
            by_champion=None if by_champion is None else float(by_champion[there].sum()),
        )

    everybody = told(ALL, np.ones(len(ours), dtype=bool))
    return [everybody, *(told(name, rows) for name, rows in named_slices(use_case, part.frame))]


def _gain(values: Floats | None, ours: Codes, theirs: Codes) -> Floats | None:
    """Money (n,) of one action less that of the other, 0 where a value is not known."""
    if values is None:
        return None
    rows = np.arange(len(ours))
    return np.nan_to_num(values[rows, ours] - values[rows, theirs], nan=0.0)


def _added(one: Disagreement, other: Disagreement) -> Disagreement:
    return Disagreement(
        slice=one.slice,
        n=one.n + other.n,
        otherwise=one.otherwise + other.otherwise,
        by_itself=_sum(one.by_itself, other.by_itself),
        by_champion=_sum(one.by_champion, other.by_champion),
    )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
