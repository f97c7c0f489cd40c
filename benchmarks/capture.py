"""Capture on the bundled credit data: what the loop earns of what a loop with free information would have earned.

Each salt draws holdout and exploration anew and is a whole replay by `decisionloop demo`, two at a time. The reference
is frozen: its decisions have a digest, and no figure is given where they are others (`decisionloop.learn.capture`).
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import yaml

from benchmarks.figures import Figure, Spread
from benchmarks.processes import run_apart
from decisionloop.cli.environment import QUIET
from decisionloop.learn.capture import Captured, KnownPeriod, captured
from decisionloop.learn.capture_reference import reference_actions
from decisionloop.report.read.capture import known_periods
from decisionloop.settings import Settings
from decisionloop.workspace import open_workspace

NAME = "credit_line"
BUNDLED = Path(__file__).parents[1] / "usecases"
REFERENCE_DIGEST = "60d5ad17e97651c9"
SALTS = tuple(str(2005 + index) for index in range(10))
FIRST_MONTHS = ("2005-05", "2005-06", "2005-07", "2005-08")
GOAL_SHARE, GOAL_FIRST, GOAL_WORST = 0.6, 0.25, 0.0
MILLION = 1e-6


def measure(is_quick: bool) -> Iterator[Figure]:
    """Ten salts (one when quick), of about five minutes each on one core."""
    salts = SALTS[:1] if is_quick else SALTS
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        lives = list(pool.map(lambda salt: replay(Path(folder) / salt, salt), salts))
        known = [_known(home, usecases) for home, usecases in lives]
    yield from figures([_captured(periods) for periods in known])


def replay(folder: Path, salt: str) -> tuple[Path, Path]:
    """Replay the credit data with that salt and no bad release; gives home and folder of use cases."""
    usecases = folder / "usecases"
    usecases.mkdir(parents=True)
    source = BUNDLED / NAME
    (usecases / NAME).mkdir()
    for path in source.iterdir():
        if path.name != "usecase.yaml":
            (usecases / NAME / path.name).symlink_to(path)
    contract = yaml.safe_load((source / "usecase.yaml").read_text(encoding="utf-8"))
    contract["policy"]["salt"] = salt
    (usecases / NAME / "usecase.yaml").write_text(yaml.safe_dump(contract, sort_keys=False), encoding="utf-8")
    settings = {"DECISIONLOOP_HOME": str(folder), "DECISIONLOOP_USECASES_DIR": str(usecases), "OMP_NUM_THREADS": "1"}
    script = str(Path(sys.executable).with_name("decisionloop"))
    run_apart([script, "demo", NAME, "--no-bad-release"], folder, {**os.environ, **QUIET, **settings})
    return folder / "demo" / NAME, usecases


def _known(home: Path, usecases: Path) -> Sequence[KnownPeriod]:
    known = known_periods(open_workspace(NAME, Settings(home=home, usecases_dir=usecases)))
    assert known is not None  # a replay in full
    return known


def _captured(known: Sequence[KnownPeriod]) -> Mapping[str, Captured]:
    """The capture by month. Raises ValueError where the reference decides otherwise than when it was frozen."""
    use_case = open_workspace(NAME, Settings(usecases_dir=BUNDLED)).use_case
    reference = reference_actions(use_case, known)
    digest = _digest(use_case.entity.key, known, reference)
    if digest != REFERENCE_DIGEST:
        raise ValueError(f"the reference's decisions are {digest}, not the frozen {REFERENCE_DIGEST}")
    return {one.period: captured(use_case, one, chosen) for one, chosen in zip(known, reference, strict=True)}


def _digest(key: str, known: Sequence[KnownPeriod], reference: Sequence[np.ndarray]) -> str:
    """Of what the reference does with whom in which period, in any order of rows."""
    rows = sorted(
        f"{one.period} {entity} {action}"
        for one, chosen in zip(known, reference, strict=True)
        for entity, action in zip(one.frame[key].astype(str), chosen, strict=True)
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def figures(lives: Sequence[Mapping[str, Captured]]) -> Iterator[Figure]:
    """The capture of these lives in total, of the first four months and month by month, and where the rest went."""
    whole = [reduce(add, life.values()) for life in lives]
    first = [reduce(add, (life[month] for month in FIRST_MONTHS)) for life in lives]
    share = Spread.of(one.share for one in whole)
    yield Figure(f"{NAME}: capture", share, "share", goal=GOAL_SHARE)
    yield Figure(f"{NAME}: capture of the worst salt", share.low, "share", goal=GOAL_WORST)
    yield Figure(f"{NAME}: capture May to August", Spread.of(one.share for one in first), "share", goal=GOAL_FIRST)
    for name in ("gain", "attainable", "exploring", "waiting", "holdout", "choices"):
        yield Figure(f"{NAME}: {name}", _millions(whole, name), "NT$ million")
    for month in lives[0]:
        of_month = [life[month] for life in lives]
        best = _millions(of_month, "attainable")
        yield Figure(f"{NAME}: gain in {month}", _millions(of_month, "gain"), "NT$ million", "to be had", best)


def _millions(lives: Sequence[Captured], name: str) -> Spread:
    return Spread.of(getattr(one, name) for one in lives).times(MILLION)
