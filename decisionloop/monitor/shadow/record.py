"""What an audit found of one release on one batch: the one record from which everything about it is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from decisionloop.act.legacy import LEGACY
from decisionloop.monitor.canary.calls import TimedCalls
from decisionloop.monitor.canary.sample_ratio import Drawn
from decisionloop.monitor.shadow.counts import BesideCounts, ScoreCounts

Limit = Literal[
    "errors", "outputs", "disagreement", "loss", "adverse_impact", "inputs", "reasons", "latency"
]  # fmt: skip


@dataclass(frozen=True)
class OutputDifference:
    """One output (score, amount or value of an action) of n rows beside the champion's, whose output it is "apart".

    differing    rows on which it is another number (see `outputs.SAME`)
    median, largest  of the absolute differences, in the output's unit; None where no row has both
    moved        the share by which its distribution lies apart from the champion's; None where no row has both
    is_moved     the champion's own batches of this size surely do not lie so far apart
    tail_limit   the absolute difference that one row in a thousand exceeded in its first batch
    beyond       rows that exceed it, or say nothing where the champion says something, or the other way round
    usual_beyond their share in its batches before; None in its first one
    is_unusual   that share has surely risen
    """

    output: str
    n: int
    differing: int
    median: float | None
    largest: float | None
    moved: float | None
    is_moved: bool
    tail_limit: float
    beyond: int
    usual_beyond: float | None
    is_unusual: bool


@dataclass(frozen=True)
class Disagreement:
    """Decisions of a slice ("all", or "name=value") that it would take otherwise, and their expected money.

    by_itself     currency more (summed) that its own predictions expect of its actions there; None where another
                  system decides: what its own actions would bring is then not claimed, and for rules
    by_champion   the same by the champion's predictions; None where the rules decide, who predict nothing
    """

    slice: str
    n: int
    otherwise: int
    by_itself: float | None
    by_champion: float | None

    @property
    def share(self) -> float:
        """Of the decisions of the slice."""
        return self.otherwise / self.n if self.n else 0.0


@dataclass(frozen=True)
class ActionCount:
    """How often each would take an action."""

    action: str
    shadow: int
    champion: int


@dataclass(frozen=True)
class GroupFavour:
    """How often a protected group would get the favourable action, and its ratio to the best group, None: cannot say.

    ``is_adverse``: that is surely below the contract's limit, and lower than under the champion.
    """

    attribute: str
    group: str
    n: int
    rate: float
    champion_rate: float
    ratio: float | None
    champion_ratio: float | None
    is_adverse: bool


@dataclass(frozen=True)
class InputShift:
    """One feature of the batch against the release's own training: the share that moved; what is sure, in words."""

    feature: str
    moved: float
    is_sure: bool
    words: str


@dataclass(frozen=True)
class ReasonStability:
    """Of decisions on which both agree, drawn evenly: how many they explain by the same first reason.

    ``error``: why it could not be asked, "" where it was.
    """

    asked: int
    same: int
    error: str = ""

    @property
    def share(self) -> float | None:
        """None where nobody was asked."""
        return self.same / self.asked if self.asked else None


@dataclass(frozen=True)
class BatchTime:
    """Milliseconds a row that scoring the batch took, and over all batches so far (this one included).

    The champion's are with its reasons, and None where the rules decide. ``online_ms``: one decision, as measured when
    each was trained.
    """

    per_row: float
    champion_per_row: float | None
    batches: int
    median: float
    slowest: float
    champion_median: float | None
    online_ms: float | None
    champion_online_ms: float | None


@dataclass(frozen=True)
class Crossed:
    """A limit of the contract that is surely crossed, in words."""

    limit: Limit
    words: str


@dataclass(frozen=True)
class ShadowAudit:
    """One release on one batch of n rows, beside the champion; what it could not be asked is empty or None.

    ``error``: why it said nothing of the batch, "" where it did. ``nan_rows``: rows that it values at NaN in part.
    ``champion_id`` is `act.legacy.LEGACY` where another system decides: it then stands beside what that did.
    ``counts``: what both did; ``scores``: its own beside those of its training, None where it has none. On trial
    alone, ``drawn``: for whom it decided, and ``calls``: how long one decision takes.
    """

    release_id: str
    champion_id: str
    batch_id: str
    as_of: datetime
    n: int
    error: str
    nan_rows: int
    outputs: tuple[OutputDifference, ...]
    disagreement: Disagreement | None
    by_slice: tuple[Disagreement, ...]
    actions: tuple[ActionCount, ...]
    impact: tuple[GroupFavour, ...]
    inputs: tuple[InputShift, ...]
    reasons: ReasonStability | None
    time: BatchTime
    crossed: tuple[Crossed, ...] = ()
    counts: BesideCounts | None = None
    scores: ScoreCounts | None = None
    drawn: Drawn | None = None
    calls: TimedCalls | None = None

    @property
    def is_beside_legacy(self) -> bool:
        """Whether another system decided the batch."""
        return self.champion_id == LEGACY
