"""Capture in simulated worlds, a year each: how much of what free information would be worth the loop earns there.

`retention_offer` as it is bundled: stationary, with several seeds, then every other scenario and a stationary world
whose rules are already the best ones. In the latter two nothing, or not for long, is to be had: what is asked is that
the loop loses no more than it may spend on exploring. Each year is a replay by `decisionloop demo`, two at a time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

from benchmarks.capture import BUNDLED
from benchmarks.figures import Figure, Spread
from decisionloop.cli.environment import QUIET
from decisionloop.contract import load_use_case
from decisionloop.learn.capture import Captured, captured
from decisionloop.learn.capture_reference import reference_actions
from decisionloop.report.read.capture import known_periods
from decisionloop.settings import Settings
from decisionloop.sources import open_source
from decisionloop.workspace import Workspace, open_workspace

NAME, STATIONARY = "retention_offer", "stationary"
BEST_RULES = Path(__file__).parent / "best_rules" / "rules.py"
SEEDS = (0, 1, 2, 3)
GOAL_SHARE, BUDGET_SHARE = 0.6, 0.01
QUICK_WEEKS = 12
DONE = (0, 1)
"""Exit codes of a demo: 1 says that a check halted batches, as some scenarios deserve."""


@dataclass(frozen=True)
class Life:
    """A year of the loop: in which scenario, with which seed, beside the bundled rules or the best ones."""

    scenario: str = STATIONARY
    seed: int = 0
    has_best_rules: bool = False
    weeks: int = 52

    @property
    def options(self) -> dict[str, str | int]:
        """Of the source, over the contract's."""
        return {"scenario": self.scenario, "seed": self.seed, "weeks": self.weeks}

    @property
    def name(self) -> str:
        """In words."""
        return "best rules" if self.has_best_rules else self.scenario


def measure(is_quick: bool) -> Iterator[Figure]:
    """Seventeen years of about eight minutes each on one core; when quick, three months of one."""
    stationary = [Life(weeks=QUICK_WEEKS)] if is_quick else [Life(seed=seed) for seed in SEEDS]
    others = [] if is_quick else [Life(has_best_rules=True), *(Life(scenario) for scenario in changing())]
    lives = [*stationary, *others]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        told = list(pool.map(lambda place: lived(Path(folder) / str(place), lives[place]), range(len(lives))))
    by_life = dict(zip(lives, told, strict=True))
    yield from stationary_figures([by_life[life] for life in stationary])
    for life in others:
        whole = by_life[life]
        share = whole.gain / whole.rules
        yield Figure(f"{NAME}, {life.name}: more than the rules", share, "of what they earn", goal=-BUDGET_SHARE)


def changing() -> tuple[str, ...]:
    """The scenarios of the world in which something changes, as the use case names them."""
    world = open_source(load_use_case(BUNDLED / NAME)).theirs.world  # type: ignore[attr-defined]  # of the use case
    package = sys.modules[type(world).__module__.rpartition(".")[0]]
    return tuple(name for name in package.SCENARIOS if name != STATIONARY)


def stationary_figures(years: list[Captured]) -> Iterator[Figure]:
    """The capture of stationary years, and where the rest went."""
    yield Figure(f"{NAME}, stationary: capture", Spread.of(one.share for one in years), "share", goal=GOAL_SHARE)
    for name in ("gain", "attainable", "exploring", "waiting", "holdout", "choices"):
        yield Figure(f"{NAME}, stationary: {name}", Spread.of(getattr(one, name) for one in years), "EUR")


def lived(folder: Path, life: Life) -> Captured:
    """Replay a year in ``folder``, and what it earned beside the rules and, where it is stationary, the reference."""
    home, usecases = lived_in(folder, life)
    settings = Settings(home=home, usecases_dir=usecases, source_options=json.dumps(life.options))
    by_period = captured_by_period(open_workspace(NAME, settings), is_ideal_known=life.scenario == STATIONARY)
    return reduce(add, by_period.values())


def lived_in(folder: Path, life: Life) -> tuple[Path, Path]:
    """Replay a year in ``folder``; gives home and folder of use cases."""
    usecases = _use_cases(folder, life)
    settings = {
        "DECISIONLOOP_HOME": str(folder),
        "DECISIONLOOP_USECASES_DIR": str(usecases),
        "DECISIONLOOP_SOURCE_OPTIONS": json.dumps(life.options),
        "OMP_NUM_THREADS": "1",
    }
    _demo(folder, life, {**os.environ, **QUIET, **settings})
    return folder / "demo" / f"{NAME}-{life.scenario}", usecases


def captured_by_period(workspace: Workspace, is_ideal_known: bool = False) -> dict[str, Captured]:
    """What a replayed life earned by period; without ``is_ideal_known`` the reference is the rules."""
    known = known_periods(workspace)
    assert known is not None  # a simulated world
    ideal = reference_actions(workspace.use_case, known) if is_ideal_known else [one.rules for one in known]
    return {one.period: captured(workspace.use_case, one, chosen) for one, chosen in zip(known, ideal, strict=True)}


def _use_cases(folder: Path, life: Life) -> Path:
    usecases = folder / "usecases"
    shutil.copytree(BUNDLED / NAME, usecases / NAME, ignore=shutil.ignore_patterns("__pycache__"))
    if life.has_best_rules:
        shutil.copy(BEST_RULES, usecases / NAME / "rules.py")
    return usecases


def _demo(folder: Path, life: Life, environment: Mapping[str, str]) -> None:
    script = str(Path(sys.executable).with_name("decisionloop"))
    command = [script, "demo", NAME, "--scenario", life.scenario]
    told = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if told.returncode not in DONE:
        last = told.stdout.decode(errors="replace")[-3000:]
        raise RuntimeError(f"{' '.join(command)} ended with {told.returncode}: {last}")
