"""A world that changes for good: how soon somebody decides who has learnt from the new one, and what is earned in it.

`retention_offer` with `concept_drift`, a year each by `decisionloop demo`, two at a time. A successor is a release that
was trained on a cohort of the changed world. It decides once it is on trial or champion; the goal is by the turn in
which the third cohort of the changed world is complete. What the loop earned from then on is told beside the rules.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import add
from pathlib import Path

from benchmarks.capture_offers import NAME, Life, captured_by_period, lived_in
from benchmarks.figures import Figure, Spread
from decisionloop.ledger.batches import batches
from decisionloop.ledger.releases import events_of_releases, find_stage
from decisionloop.ledger.verdicts import find_training_set
from decisionloop.settings import Settings
from decisionloop.workspace import Workspace, open_workspace

SCENARIO, SEEDS = "concept_drift", tuple(range(50))
MATURE_COHORTS = 3
GOAL_SHARE = 0.9


@dataclass(frozen=True)
class Changed:
    """One year: mature cohorts of the changed world when a successor first decided (None: none did), and the money from
    the change on, of the loop less the rules, and of the rules."""

    cohorts: int | None
    gain: float
    rules: float


def measure(is_quick: bool) -> Iterator[Figure]:
    """Fifty years of some eight minutes each on one core (one when quick)."""
    seeds = SEEDS[:1] if is_quick else SEEDS
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from figures(list(pool.map(lambda seed: changed(Path(folder) / str(seed), seed), seeds)))


def figures(years: Sequence[Changed]) -> Iterator[Figure]:
    """In how many years a successor decided in time, and what the loop earned beside the rules after the change."""
    soon = [one.cohorts is not None and one.cohorts <= MATURE_COHORTS for one in years]
    name = f"{NAME}, {SCENARIO}, {len(years)} years"
    yield Figure(
        f"{name}: a successor within {MATURE_COHORTS} cohorts", sum(soon) / len(soon), "share", goal=GOAL_SHARE
    )
    found = [one.cohorts for one in years if one.cohorts is not None]
    told = Spread.of(found) if found else None
    yield Figure(f"{name}: cohorts till a successor", told, "cohorts", note=f"{len(found)} had one")
    shares = Spread.of(one.gain / one.rules for one in years)
    yield Figure(f"{name}: more than the rules after the change", shares, "of what they earn")


def changed(folder: Path, seed: int) -> Changed:
    """Live a year in ``folder`` and look what came after the change."""
    life = Life(SCENARIO, seed)
    home, usecases = lived_in(folder, life)
    settings = Settings(home=home, usecases_dir=usecases, source_options=json.dumps(life.options))
    workspace = open_workspace(NAME, settings)
    at = change_of(workspace)
    after = [one for period, one in captured_by_period(workspace).items() if period >= f"{at:%Y-%m}"]
    whole = reduce(add, after)
    return Changed(cohorts_till_a_successor(workspace, at), whole.gain, whole.rules)


def change_of(workspace: Workspace) -> datetime:
    """The as-of of the first batch of the changed world."""
    world = workspace.source.theirs.world  # type: ignore[attr-defined]  # of the use case
    moment: datetime = world.as_of(world.change_week).to_pydatetime()
    return moment


def cohorts_till_a_successor(workspace: Workspace, change: datetime) -> int | None:
    """How many cohorts of the changed world were mature when a release that had learnt from one first decided."""
    ledger, mature = workspace.ledger, timedelta(days=workspace.use_case.outcome.maturity_days)
    since = [one.as_of for one in batches(ledger, NAME, change) if one.is_decided]
    for event in events_of_releases(ledger, NAME):
        if event.stage in {"canary", "champion"} and _has_learnt_since(workspace, event.release_id, change):
            return sum(one + mature <= event.as_of for one in since)
    return None


def _has_learnt_since(workspace: Workspace, release_id: str, change: datetime) -> bool:
    stage = find_stage(workspace.ledger, release_id)
    taught_by = None if stage is None else stage.release.training_set_id
    taught = None if taught_by is None else find_training_set(workspace.ledger, taught_by)
    return taught is not None and taught.cohort_to >= change
