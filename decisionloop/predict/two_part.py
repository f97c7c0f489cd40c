"""An amount that is mostly zero, in two parts: the chance that it is not zero, and what it is then (a hurdle).

    E[amount | x] = P(amount != 0 | x) * E[amount | x, amount != 0]

(Duan, Manning, Morris and Newhouse 1983, "A Comparison of Alternative Models for the Demand for Medical Care"; Mullahy
1986, "Specification and Testing of Some Modified Count Data Models"). Money needs the mean, so both parts are on the
amount's own scale: no logarithm has to be undone, and amounts may be negative. Where every amount of one class of the
outcome was zero (nobody who did not buy spent anything), the class itself is the first part: its amount is zero.

The file of such a scorer holds the files of its parts:

    offset  bytes  content
    0       8      magic ``DLTWOPRT``
    8       8      length H of the header, unsigned, little-endian
    16      32     SHA-256 of everything from offset 48 to the end
    48      H      the header: JSON in ASCII, keys sorted (``TwoPartHeader``)
    48+H           the file of ``occurs``, if there is one, and the file of ``size``
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from decisionloop.errors import IntegrityError, UsageError
from decisionloop.predict.pipeline_model import PipelineScorer
from decisionloop.predict.release_model import CLASS_COLUMN, ReleaseScorer, ScoresFrames, read_scorer
from decisionloop.predict.scorer.scorer import CompiledScorer

if TYPE_CHECKING:
    import pandas as pd

    from decisionloop.predict.scorer.engine import EngineName

MAGIC = b"DLTWOPRT"
VERSION = 1
_START = 48
_REMEDY = "Fetch the file again from where it is kept, or train the release again."
NEAR = 1e-9
"""Below this difference of log-odds the slope stands in for the quotient of differences."""

Floats = NDArray[np.float64]


class TwoPartHeader(BaseModel):
    """What the file says before its parts: the class whose amounts are zero, and how many bytes each part takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = VERSION
    zero_class: Literal[0, 1] | None
    occurs: int
    size: int


@dataclass(frozen=True, eq=False)
class TwoPartScorer:
    """An amount as the product of ``occurs`` (log-odds that it is not zero) and ``size`` (what it is then).

    ``occurs`` is None where the class says it all; ``zero_class`` is None where no class does. One of them is there.
    """

    size: ReleaseScorer
    occurs: ReleaseScorer | None
    zero_class: Literal[0, 1] | None

    @property
    def parts(self) -> tuple[ReleaseScorer, ...]:
        """What it is made of, ``size`` last."""
        return (self.size,) if self.occurs is None else (self.occurs, self.size)

    @property
    def features(self) -> tuple[str, ...]:
        """The F features of its parts, each once, and the class where that decides."""
        own = () if self.zero_class is None else (CLASS_COLUMN,)
        return tuple(dict.fromkeys([*(name for part in self.parts for name in part.features), *own]))

    @property
    def link(self) -> Literal["identity"]:
        """The margin is the amount."""
        return "identity"

    @cached_property
    def base_margin(self) -> float:
        """The amount where both parts are at their own base; contributions are differences from it."""
        return self._base_chance * self.size.base_margin

    @cached_property
    def _base_chance(self) -> float:
        return 1.0 if self.occurs is None else float(1.0 / (1.0 + np.exp(-self.occurs.base_margin)))

    def on(self, engine: EngineName = "auto", threads: int = 1) -> TwoPartScorer:
        """The same on another engine and with other threads; raises ConfigurationError as `CompiledScorer.on`."""

        def moved(part: ReleaseScorer) -> ReleaseScorer:
            return part.on(engine, threads) if isinstance(part, CompiledScorer) else part

        return replace(self, size=moved(self.size), occurs=None if self.occurs is None else moved(self.occurs))

    def margin(self, frame: pd.DataFrame) -> Floats:
        """The expected amount (n,)."""
        return self.score(frame)

    def score(self, frame: pd.DataFrame) -> Floats:
        """The expected amount (n,). Raises UsageError naming a column that is missing or not a number."""
        return expected_amount(self.occurs, self.size, self.zero_class, frame)

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """How far each feature moves the expected amount (n, F): an approximation; with ``base_margin`` it sums to it.

        The Shapley values of both parts are carried through their product (`of_product`).
        """
        margin = None if self.occurs is None else self.occurs.margin(frame)
        told = PartsOfRows(
            chance=np.ones(len(frame)) if self.occurs is None else self.occurs.score(frame),
            log_odds=margin,
            size=self.size.score(frame),
            of_occurs=None if self.occurs is None else self.occurs.contributions(frame),
            of_size=self.size.contributions(frame),
        )
        return self.of_product(told, is_possible(self.zero_class, frame))

    def of_product(self, rows: PartsOfRows, possible: NDArray[np.bool_]) -> Floats:
        """Contributions (n, F) to p m, from those to the log-odds of p and to m, for rows that are ``possible`` (n,).

        p m - p0 m0 = (p - p0) (m + m0) / 2 + (m - m0) (p + p0) / 2, where p0 and m0 are the parts' own base: the
        Shapley values of a product of two. Each share is divided among the features as its own part's contributions
        are (the rescaling rule; Chen, Lundberg and Lee 2022, "Explaining a Series of Models by Propagating Shapley
        Values"). Where the class makes it zero the class is the only reason.
        """
        place = {name: i for i, name in enumerate(self.features)}
        out = np.zeros((len(rows.size), len(place)))
        p0, m0 = self._base_chance, self.size.base_margin
        out[:, [place[name] for name in self.size.features]] += rows.of_size * ((rows.chance + p0) / 2)[:, None]
        if self.occurs is not None and rows.of_occurs is not None and rows.log_odds is not None:
            apart = rows.log_odds - self.occurs.base_margin
            slope = np.full(len(apart), p0 * (1 - p0))
            np.divide(rows.chance - p0, apart, out=slope, where=np.abs(apart) > NEAR)
            of_occurs = rows.of_occurs * (slope * ((rows.size + m0) / 2))[:, None]
            out[:, [place[name] for name in self.occurs.features]] += of_occurs
        out[~possible] = 0.0
        if self.zero_class is not None:
            out[~possible, place[CLASS_COLUMN]] = -self.base_margin
        return out

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """The scorer as a file without a pickle; equal parts give equal bytes."""
        occurs = b"" if self.occurs is None else self.occurs.to_bytes()
        size = self.size.to_bytes()
        header = TwoPartHeader(zero_class=self.zero_class, occurs=len(occurs), size=len(size)).model_dump(mode="json")
        body = json.dumps(header, sort_keys=True, separators=(",", ":")).encode("ascii")
        rest = body + occurs + size
        return MAGIC + len(body).to_bytes(8, "little") + hashlib.sha256(rest).digest() + rest

    @classmethod
    def from_bytes(cls, data: bytes) -> TwoPartScorer:
        """Read a scorer. Raises IntegrityError when the bytes are damaged, cut short or of another format."""
        if data[:8] != MAGIC or hashlib.sha256(data[_START:]).digest() != data[16:_START]:
            raise IntegrityError(f"these {len(data)} bytes are no scorer of two parts, or a damaged one. {_REMEDY}")
        end = _START + int.from_bytes(data[8:16], "little")
        try:
            header = TwoPartHeader.model_validate_json(data[_START:end])
        except ValidationError as error:
            raise IntegrityError(f"the header of a scorer of two parts cannot be read: {error}. {_REMEDY}") from error
        middle = end + header.occurs
        occurs = read_scorer(data[end:middle]) if header.occurs else None
        size = read_scorer(data[middle : middle + header.size])
        links = [part and part.link for part in (occurs, size)]
        is_whole = middle + header.size == len(data) and (occurs is not None or header.zero_class is not None)
        if header.version != VERSION or not is_whole or links not in (["logit", "identity"], [None, "identity"]):
            raise IntegrityError(f"a scorer of two parts holds others than this decisionloop reads. {_REMEDY}")
        return cls(size, occurs, header.zero_class)


@dataclass(frozen=True, eq=False)
class PartsOfRows:
    """What the parts say of n rows: the ``chance`` (n,) that the amount is not zero and its ``log_odds`` (n,), the
    ``size`` (n,), and the contributions to the log-odds (n, F1) and to the size (n, F2); None where nothing occurs."""

    chance: Floats
    log_odds: Floats | None
    size: Floats
    of_occurs: Floats | None
    of_size: Floats


def expected_amount(
    occurs: ScoresFrames | None, size: ScoresFrames, zero_class: int | None, frame: pd.DataFrame
) -> Floats:
    """P(amount != 0) E[amount | amount != 0] of each row (n,), 0 in the class whose amounts are zero.

    Raises UsageError where the frame does not say the class that decides.
    """
    amount = size.score(frame) if occurs is None else occurs.score(frame) * size.score(frame)
    return np.where(is_possible(zero_class, frame), amount, 0.0)


def is_possible(zero_class: int | None, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each row (n,) is of a class whose amounts may be other than zero; raises UsageError without the class."""
    if zero_class is None:
        return np.ones(len(frame), dtype=bool)
    if CLASS_COLUMN not in frame:
        raise UsageError(f"the frame to score lacks {CLASS_COLUMN}: the class of the outcome that the amount is of.")
    return np.asarray(frame[CLASS_COLUMN].to_numpy(dtype=np.float64) != zero_class)


def single_parts(scorer: ReleaseScorer) -> tuple[CompiledScorer | PipelineScorer, ...]:
    """The scorers that a scorer is made of; itself, where it has no parts."""
    parts = scorer.parts if isinstance(scorer, TwoPartScorer) else (scorer,)
    return cast("tuple[CompiledScorer | PipelineScorer, ...]", parts)
