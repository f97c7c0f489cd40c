"""Rows that a cell nobody can read has spoilt: the check that a source's cells say what the contract takes them for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from decisionloop.predict.row_faults import EVERY_FEATURE
from expectations.checks import UNREADABLE_CELLS
from expectations.observation import Observation


def spoilt_features(faults: np.ndarray) -> Counter[str]:
    """In how many of n rows each feature cannot be told, from their ``faults`` (n,): `unreadable: spend`."""
    return Counter(
        name for text in faults[faults != ""] for name in {one.partition(": ")[2] for one in str(text).split("; ")}
    )


def unreadable_cells(spoilt: Mapping[str, int], rows: int) -> Iterator[Observation]:
    """One observation of a batch of ``rows`` rows for each feature that cannot be told of some of them."""
    for name, count in sorted(spoilt.items()):
        yield Observation(
            expectation=UNREADABLE_CELLS.name,
            column="" if name == EVERY_FEATURE else name,
            check=UNREADABLE_CELLS.name,
            severity=UNREADABLE_CELLS.severity,
            remedy=UNREADABLE_CELLS.remedy,
            is_evaluated=True,
            is_success=False,
            rows=rows,
            unexpected=count,
        )


def in_words(spoilt: Mapping[str, int]) -> str:
    """`spend (2 rows), every feature (1 row)`."""
    counted: Iterable[tuple[str, int]] = sorted(spoilt.items())
    return ", ".join(f"{name} ({count:,} {'row' if count == 1 else 'rows'})" for name, count in counted)
