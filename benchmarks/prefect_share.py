"""What Prefect itself takes of a batch: the same steps in a flow with task runs, and as plain functions.

The flow reports to a server of its own on the same machine, as the demo's does; a part of a batch is a task run.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure, Spread
from benchmarks.large_batch.runs import Installation, folder
from benchmarks.timing import RUNS


def measure(is_quick: bool) -> Iterator[Figure]:
    """10,000 rows and 100,000 in turn (10,000 once when quick)."""
    sizes, count = ((10_000,), 1) if is_quick else ((10_000, 100_000), RUNS)
    made = folder()
    for rows in sizes:
        yield from _figures(Installation(made, rows), count)


def _figures(installed: Installation, count: int) -> Iterator[Figure]:
    pairs = [(installed.decided(is_flow=True), installed.decided()) for _ in range(count)]
    in_flow, plain = (Spread.of(run.decided.wall for run in side) for side in zip(*pairs, strict=True))
    title = f"{installed.rows:,} rows in a Prefect flow"
    share = 100 * (1 - plain.median / in_flow.median)
    yield Figure(title, in_flow, "s", "plain functions", plain, better="lower")
    yield Figure(f"{title}: Prefect's own", in_flow.median - plain.median, "s", note=f"{share:.1f} % of the run")
