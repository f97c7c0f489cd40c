"""The large batch on a Dask cluster of one and two workers with PostgreSQL: the same decisions, and how much sooner.

Starting the cluster and sending empty parts to it are shown apart. Workers and PostgreSQL share the machine's cores.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.large_batch.runs import Installation, folder
from benchmarks.postgresql import postgresql


def measure(is_quick: bool) -> Iterator[Figure]:
    """1,000,000 rows in eight parts, one run of each (20,000 in two, on two workers alone, when quick)."""
    rows, parts = (20_000, 2) if is_quick else (1_000_000, 8)
    how = {"partition_rows": rows // parts}
    made = folder()
    with postgresql() as new_database:
        installed = Installation(made, rows, new_database=new_database)
        alone = installed.decided(is_checked=True, **how)
        two = installed.decided(is_checked=True, runner="dask", workers=2, is_flow=True, **how)
        one = None if is_quick else installed.decided(is_checked=True, runner="dask", workers=1, is_flow=True, **how)
    title = f"{rows:,} rows on Dask"
    found = {run.decided.decisions for run in (alone, one, two) if run is not None}
    yield Figure(f"{title}: decisions are those of one process", float(len(found) == 1), "1 = yes", goal=1.0)
    yield Figure(f"{title}, two workers", two.decided.wall, "s", "in one process", alone.decided.wall, better="lower")
    if one is not None:
        yield Figure(f"{title}, two workers", two.decided.wall, "s", "one worker", one.decided.wall, better="lower")
    yield Figure(f"{title}: starting", two.decided.started, "s", "in one process", alone.decided.started)
    yield Figure(f"{title}: sending eight empty parts", two.decided.transfer, "s")
