"""Processes that share nothing with the tests' own, forked from one that has loaded already what they need."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext


@contextmanager
def forked_from(*modules: str) -> Iterator[ForkServerContext]:
    """Makes such processes; ``modules`` are what they need, which a new interpreter would load in each of them."""
    context = multiprocessing.get_context("forkserver")
    forkserver._forkserver._stop()  # one that other tests have started has loaded other modules
    context.set_forkserver_preload(list(modules))
    try:
        yield context
    finally:
        forkserver._forkserver._stop()
