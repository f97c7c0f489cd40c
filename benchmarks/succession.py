"""A world that changes for good: how soon somebody decides who has learnt from the new one, and what is earned in it.

`retention_offer` with `concept_drift`, a year each by `decisionloop demo`, two at a time. A successor is a release that
was trained on a cohort of the changed world. It decides once it is on trial or champion; the goal is by the turn in
which the third cohort of the changed world is complete. What was lost after the change is told in expected money,
beside what would have been lost had every successor taken the place of who was on trial (`succession_money`).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.capture_offers import NAME, Life, lived_in
from benchmarks.figures import Figure, Spread
from benchmarks.succession_money import AfterChange, after_change, has_learnt_since
from decisionloop.ledger.batches import batches
from decisionloop.ledger.releases import events_of_releases
from decisionloop.settings import Settings
from decisionloop.workspace import Workspace, open_workspace

SCENARIO, SEEDS = "concept_drift", tuple(range(50))
MATURE_COHORTS = 3
GOAL_SHARE = 0.9


@dataclass(frozen=True)
class Changed:
    """One year: mature cohorts of the changed world when a successor first decided (None: none did), and the money from
    the change on."""

    cohorts: int | None
    after: AfterChange


def measure(is_quick: bool) -> Iterator[Figure]:
    """Fifty years of some eight minutes each on one core (one when quick)."""
    seeds = SEEDS[:1] if is_quick else SEEDS
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from figures(list(pool.map(lambda seed: changed(Path(folder) / str(seed), seed), seeds)))


def figures(years: Sequence[Changed]) -> Iterator[Figure]:
    """In how many years a successor decided in time, and what was lost after the change, and by what."""
    soon = [one.cohorts is not None and one.cohorts <= MATURE_COHORTS for one in years]
    name = f"{NAME}, {SCENARIO}, {len(years)} years"
    yield Figure(
        f"{name}: a successor within {MATURE_COHORTS} cohorts", sum(soon) / len(soon), "share", goal=GOAL_SHARE
    )
    found = [one.cohorts for one in years if one.cohorts is not None]
    told = Spread.of(found) if found else None
    yield Figure(f"{name}: cohorts till a successor", told, "cohorts", note=f"{len(found)} had one")
    after = [one.after for one in years]
    shares = Spread.of(one.told.gain / one.told.rules for one in after)
    yield Figure(f"{name}: more than the rules after the change", shares, "of what they earn")
    beside = "had every successor had the place of who was on trial"
    lost, then = (Spread.of(one) for one in ([one.lost for one in after], [one.lost - one.giving_way for one in after]))
    yield Figure(f"{name}: lost after the change", lost, "EUR", beside, then)
    for part in ("choices", "waiting", "exploring", "holdout"):
        yield Figure(f"{name}: lost by {part}", Spread.of(getattr(one.told, part) for one in after), "EUR")


def changed(folder: Path, seed: int) -> Changed:
    """Live a year in ``folder`` and look what came after the change."""
    life = Life(SCENARIO, seed)
    home, usecases = lived_in(folder, life)
    return changed_in(home, usecases, life)


def changed_in(home: Path, usecases: Path, life: Life) -> Changed:
    """What came after the change in a year that was lived in ``home``."""
    settings = Settings(home=home, usecases_dir=usecases, source_options=json.dumps(life.options))
    workspace = open_workspace(NAME, settings)
    at = change_of(workspace)
    return Changed(cohorts_till_a_successor(workspace, at), after_change(workspace, at))


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
        if event.stage in {"canary", "champion"} and has_learnt_since(workspace, event.release_id, change):
            return sum(one + mature <= event.as_of for one in since)
    return None
