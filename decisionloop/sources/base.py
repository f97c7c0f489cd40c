"""What every source of rows and outcomes can do, and the columns in which it speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pandas as pd

OUTCOME_COLUMNS = ("entity_id", "decision_time", "decision_id", "outcome_class", "amount", "observed_at")
HAPPENED = "happened_at"
"""A further column of outcomes where the contract's `outcome.happened_at` names one; NaT where nobody knows."""
EXECUTED_COLUMNS = ("executed_action", "overridden_by", "override_reason")
"""Further columns of outcomes where the contract's `outcome.executed` names them, as text; missing: nobody says."""
DECIDED_COLUMNS = ("decision_id", "entity_id", "as_of", "action", "has_outcome")


@dataclass(frozen=True)
class TrueChange:
    """What really changed in a simulated world, and since when.

    ``families`` (of `contract.watching`) are expected to raise an alarm from the as-of ``at`` (UTC) on; an alarm
    before it is false. ``money_per_decision``: the true loss in currency, None where the world cannot tell.
    """

    name: str
    at: pd.Timestamp
    families: tuple[str, ...]
    money_per_decision: float | None = None
    description: str = ""


@runtime_checkable
class Source(Protocol):
    """Where a use case's rows and outcomes come from. Ids are text, times timezone-aware UTC.

    Every method may raise SourceError, which names what cannot be read, where, and the remedy.
    """

    @property
    def time_column(self) -> str:
        """Column of :meth:`known` that says when a row was known."""

    def due(self, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
        """Entities that fell due in (as_of - covers_days, as_of]: the entity key column, each entity once."""

    def known(self, entities: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
        """History of ``entities`` (a frame with the entity key) known at ``as_of``, sorted by entity and time.

        Cells that cannot be read are missing, and `predict.unreadable.UNREADABLE` may be a further column that tells
        of them.
        """

    def newest_time(self, as_of: pd.Timestamp) -> pd.Timestamp | None:
        """Time of the newest history row of anyone at or before ``as_of``; None where there is none."""

    def outcomes(self, as_of: pd.Timestamp, decided: pd.DataFrame) -> pd.DataFrame:
        """Everything observed by ``as_of``, in ``OUTCOME_COLUMNS``; what was returned before may come again.

        Where the contract's ``outcome.happened_at`` names a column, ``happened_at`` holds it; where
        ``outcome.executed`` does, ``EXECUTED_COLUMNS`` hold them, and a row may have neither class nor amount.

        ``decided`` holds the loop's decisions in ``DECIDED_COLUMNS``, so that a replay can reveal what they would
        have revealed; ``has_outcome`` says of which one is recorded already, so that a replay that shows each outcome
        once need not show it again. Where rows are added up (`outcome.amount.rows: sum`) all are shown each time, and
        of rows that say the same in every column of the frame, further ones as well, one counts. A class or amount that
        the contract does not have is NaN; ``decision_time`` is NaT and ``decision_id`` missing where the source knows
        none.
        """

    def calendar(self) -> tuple[pd.Timestamp, ...]:
        """As-of times at which a replay runs, in order; () for a source that is not a replay."""


@runtime_checkable
class TimedSource(Source, Protocol):
    """A source that counts whom it cannot place in time."""

    def undated_due(self) -> int:
        """How many rows that say who is due had a time that nobody can read, when :meth:`due` was asked last."""


@runtime_checkable
class TellingSource(Source, Protocol):
    """A source that can say once what of all its tables nobody can read: a replay's, for live tables grow."""

    def unread_rows(self) -> tuple[str, ...]:
        """How many rows, the first of them, and what becomes of them, in words; a line for each column."""


@runtime_checkable
class LegacySource(Source, Protocol):
    """A source that knows what another system decided: for `mode: observe`."""

    def legacy_decisions(self, entities: pd.DataFrame, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
        """What was decided about ``entities`` (a frame with the entity key) in (as_of - covers_days, as_of].

        The entity key, ``action`` (text as written, missing where nothing is), ``decided_at`` (UTC) and, only where
        the system says it, ``propensity`` (as written). Whoever is not in it was not decided, as far as one knows.
        """


@runtime_checkable
class ReplaySource(Source, Protocol):
    """A source of recorded history that also knows what the loop cannot see."""

    def hidden_truth(self) -> pd.DataFrame:
        """What was recorded, seen by the loop or not: entity_id, as_of, outcome_class, amount.

        ``as_of`` is the as-of of the replay's calendar at which the entity is decided. For the report's section
        "what the replay knew" only: a loop that reads it cheats. A randomised log knows the outcome under the
        logged action alone and says so in two further columns, ``action`` and ``propensity``.
        """


@runtime_checkable
class SimulatedSource(Source, Protocol):
    """A simulated world that knows what any other action would have led to."""

    def potential_outcomes(self, decided: pd.DataFrame, action: str) -> pd.DataFrame:
        """What would have become of each of ``decided`` (n rows) by ``action``: outcome_class, amount (n rows).

        ``decided`` holds every decision of the replay in entity_id, as_of and action, which was really taken: what
        came before a decision stays as it was. For reports only, like :meth:`ReplaySource.hidden_truth`.
        """


@runtime_checkable
class ScenarioSource(Source, Protocol):
    """A simulated world that knows when it really changed; it may be a :class:`ReplaySource` as well."""

    def true_changes(self) -> tuple[TrueChange, ...] | None:
        """Every change; () for a stationary world, None where nobody knows. For reports: the loop never sees it."""
