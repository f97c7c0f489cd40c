"""Profiling and judging a batch's features, beside one numpy histogram a column and Evidently's data-drift preset.

Both judge the same batch against the same reference, of which one column has moved. Ours has the reference's profile
(made once a release), as the loop has; Evidently is given both frames. It does not import beside pandas 3, and runs
in an environment of its own; reading its frames, importing and a first run are outside of the clock.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.figures import Figure
from benchmarks.peers.environment import EVIDENTLY_LOCK, PeersUnavailable, peers_python
from benchmarks.peers.process import PeerProcess, peer_process
from benchmarks.reference_model import CATEGORY_COUNTS, FEATURES, drawn_rows, number_names
from benchmarks.timing import RUNS, Taken, interleaved
from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.profile import FrameProfile, Reference
from decisionloop.monitor.compare.windows import Window
from decisionloop.monitor.inputs import judge_inputs

GOAL_OF_HISTOGRAMS = 3.0
GOAL_OF_EVIDENTLY = 1 / 20
MOVED = "number_03"
BATCHES = 4
"""Accepted batches that the newest is also compared with."""


def measure(is_quick: bool) -> Iterator[Figure]:
    """1,000,000 rows x 20 features (50,000 rows when quick)."""
    n = 50_000 if is_quick else 1_000_000
    use_case = _use_case()
    reference, current = _frames(n)
    stored = Reference.of(use_case, reference)
    recent = [FrameProfile.of(reference.sample(n // 10, random_state=one), stored.bins) for one in range(BATCHES)]
    terms = Terms.of(use_case)

    def ours() -> tuple[Finding, ...]:
        profile = FrameProfile.of(current, stored.bins)
        return judge_inputs(terms, [Window(1, profile)], stored, recent, {})

    runs: dict[str, Callable[[], object]] = {
        "ours": ours,
        "histograms": _histograms(current, stored),
        "profile": lambda: FrameProfile.of(current, stored.bins),
    }
    took = interleaved(RUNS, runs, warm_ups=1)
    what, floor = f"{n:,} rows x {FEATURES} features profiled and judged", took["histograms"].wall
    beside = ("one numpy histogram a column", floor)
    yield Figure(what, took["ours"].wall, "s", *beside, GOAL_OF_HISTOGRAMS, better="lower", is_goal_of_ratio=True)
    yield Figure("of which profiling", took["profile"].wall, "s", *beside, better="lower")
    yield from _beside_evidently(what, reference, current, ours, 1)


def _beside_evidently(
    what: str, reference: pd.DataFrame, current: pd.DataFrame, ours: Callable[[], tuple[Finding, ...]], count: int
) -> Iterator[Figure]:
    """Ours and Evidently in turn, `count` times, for it takes minutes; and how many features each says have moved."""
    found = float(len({finding.slice for finding in ours() if finding.is_alarm}))
    said, label = "features said to have moved (1 has)", "Evidently's data-drift preset"
    goal = {"better": "lower", "goal": GOAL_OF_EVIDENTLY, "is_goal_of_ratio": True}
    try:
        with _evidently(reference, current) as peer:
            label = f"Evidently {peer.ask('prepare')['version']}'s data-drift preset"
            took = interleaved(count, {"ours": ours, "evidently": lambda: Taken(**peer.ask("drift"))})
            drifted = float(len(peer.ask("drifted")["columns"]))
    except PeersUnavailable as error:
        yield Figure(what, interleaved(count, {"ours": ours})["ours"].wall, "s", label, note=str(error), **goal)
        yield Figure(said, found, "features", label, note=str(error))
        return
    yield Figure(what, took["ours"].wall, "s", label, took["evidently"].wall, **goal)
    yield Figure(said, found, "features", label, drifted)


@contextmanager
def _evidently(reference: pd.DataFrame, current: pd.DataFrame) -> Iterator[PeerProcess]:
    """A running Evidently that knows both frames. Raises PeersUnavailable."""
    with tempfile.TemporaryDirectory(prefix="decisionloop-benchmark-") as name:
        for frame, kind in ((reference, "reference"), (current, "current")):
            frame.to_parquet(Path(name) / f"{kind}.parquet")
        with peer_process(peers_python(EVIDENTLY_LOCK), Path(name), "drift_worker") as peer:
            yield peer


def _frames(n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A reference and a batch of n rows each, of the same distribution but for one column, which moved by one."""
    reference, current = (drawn_rows(n, "categorical", seed) for seed in (21, 22))
    return reference, current.assign(**{MOVED: current[MOVED] + 1.0})


def _use_case() -> UseCase:
    """The large batch's contract with the features of these frames."""
    path = Path(__file__).with_name("large_batch") / "usecase.yaml"
    said = {"is_nullable": True, "purpose": "It is measured."}
    numbers = [{"name": name, "type": "number"} for name in number_names("categorical")]
    categories = [
        {"name": f"category_{i}", "type": "category", "categories": [f"v{value:02d}" for value in range(count)]}
        for i, count in enumerate(CATEGORY_COUNTS)
    ]
    features = [{**one, "wording": one["name"], **said} for one in (*numbers, *categories)]
    return UseCase.model_validate({**yaml.safe_load(path.read_text(encoding="utf-8")), "features": features})


def _histograms(frame: pd.DataFrame, stored: Reference) -> Callable[[], object]:
    """numpy.histogram of every column in the same bins, categories already as numbers."""
    columns = []
    for bins in stored.bins.features:
        values = frame[bins.name]
        numbers = pd.factorize(values)[0].astype(np.float64) if bins.is_category else values.to_numpy()
        edges = np.arange(len(bins.categories) + 1) if bins.is_category else np.array([-np.inf, *bins.edges, np.inf])
        columns.append((numbers, edges))
    return lambda: [np.histogram(numbers, bins=edges) for numbers, edges in columns]
