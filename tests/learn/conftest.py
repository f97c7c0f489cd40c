"""What tests that fit models share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Fit on one thread: those of parallel test workers wait for each other."""
    import sklearn.ensemble  # noqa: F401  (only libraries that are loaded already can be limited)

    with threadpool_limits(1):
        yield
