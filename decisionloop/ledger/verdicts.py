"""The paper trail of learning: runs and what triggered them, training sets, verdicts of the gate."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection

from decisionloop.ledger.schema import learn_run, training_set, utc_now, verdict
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

GateDecision = Literal["promote", "refuse", "insufficient"]


@dataclass(frozen=True)
class LearnRun:
    """Whether a trigger asked for retraining at an as-of, and why."""

    use_case: str
    as_of: datetime
    trigger: str
    is_triggered: bool
    reason: str
    at: datetime = field(default_factory=utc_now)
    learn_run_id: str = ""

    def __post_init__(self) -> None:
        facts.name_by_content(self, "learn_run_id", self.use_case, self.as_of, self.trigger)


@dataclass(frozen=True)
class TrainingSet:
    """The exact rows that a candidate learned from. The cohorts are as-of times, both ends included.

    ``left_out`` names cohorts in between that were held back then, as a JSON list; None: nobody could be.
    """

    use_case: str
    as_of: datetime
    cohort_from: datetime
    cohort_to: datetime
    rows: int
    snapshot_digest: str
    created_at: datetime = field(default_factory=utc_now)
    training_set_id: str = ""
    left_out: str | None = None

    @property
    def cohorts_left_out(self) -> frozenset[str]:
        """The names of the cohorts that were held back."""
        return frozenset(json.loads(self.left_out or "[]"))

    def __post_init__(self) -> None:
        content = (self.use_case, self.as_of, self.cohort_from, self.cohort_to, self.snapshot_digest)
        facts.name_by_content(self, "training_set_id", *content)


@dataclass(frozen=True)
class Verdict:
    """What the gate said of a challenger at its n-th look. ``reasons`` and ``evidence`` are JSON text.

    ``attempt``: which attempt of the challenger it is about, from 1; one that comes back into shadow begins another.
    """

    use_case: str
    challenger_id: str
    champion_id: str
    look: int
    as_of: datetime
    decision: GateDecision
    reasons: str
    evidence: str
    at: datetime = field(default_factory=utc_now)
    verdict_id: str = ""
    attempt: int = 1

    def __post_init__(self) -> None:
        content = (self.use_case, self.challenger_id, self.champion_id, self.look, self.as_of)
        facts.name_by_content(self, "verdict_id", *content, *((self.attempt,) if self.attempt > 1 else ()))


def append_learn_run(target: Ledger | Connection, run: LearnRun) -> bool:
    """Keep the answer of a trigger; the first one for a use case, as-of and trigger stands."""
    return facts.add(target, learn_run, [run]) == 1


def learn_runs(source: Ledger | Connection, use_case: str, as_of: datetime | None = None) -> tuple[LearnRun, ...]:
    """Every answer of a trigger (of one as-of, where it is given), by as-of."""
    table = learn_run.c
    where = [table.use_case == use_case, *([] if as_of is None else [table.as_of == as_of])]
    return facts.every(source, LearnRun, learn_run, *where, order_by=[table.as_of, table.trigger])


def append_training_set(target: Ledger | Connection, created: TrainingSet) -> bool:
    """Keep which snapshot (recorded before) holds the training rows of these cohorts; False where that is known."""
    return facts.add(target, training_set, [created]) == 1


def find_training_set(source: Ledger | Connection, training_set_id: str) -> TrainingSet | None:
    """The training set with this id, or None."""
    where = training_set.c.training_set_id == training_set_id
    return facts.one(source, TrainingSet, training_set, where)


def training_sets(source: Ledger | Connection, use_case: str) -> tuple[TrainingSet, ...]:
    """Every training set of a use case, by as-of."""
    table = training_set.c
    order: list[ColumnElement[Any]] = [table.as_of, table.training_set_id]
    return facts.every(source, TrainingSet, training_set, table.use_case == use_case, order_by=order)


def append_verdict(target: Ledger | Connection, new: Verdict) -> bool:
    """Keep a verdict; the first one of a challenger against a champion at a look and an as-of stands."""
    return facts.add(target, verdict, [new]) == 1


def verdicts(source: Ledger | Connection, use_case: str, challenger_id: str | None = None) -> tuple[Verdict, ...]:
    """Every verdict (on one challenger), by as-of and look."""
    table = verdict.c
    where = [table.use_case == use_case]
    if challenger_id is not None:
        where.append(table.challenger_id == challenger_id)
    return facts.every(source, Verdict, verdict, *where, order_by=[table.as_of, table.look, table.verdict_id])
