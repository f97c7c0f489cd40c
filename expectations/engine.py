"""Great Expectations itself: imported late, once, without telemetry, without progress bars."""

from __future__ import annotations

import logging
import os
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from decisionloop.imports import deferred, uncollected

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext


# Of all expectations only the Kullback-Leibler divergence, which no suite of ours has, computes with these and draws
# with those; together they are half of what loading Great Expectations takes.
_USED_BY_ONE_EXPECTATION = ("scipy.stats", "altair")


@cache
def great_expectations() -> ModuleType:
    """The module ``great_expectations``; the first call takes seconds."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    shows_warnings = warnings.showwarning
    with uncollected(), deferred(*_USED_BY_ONE_EXPECTATION):
        import great_expectations.expectations

    if warnings.showwarning is not shows_warnings:  # importing it diverts every warning of the process to a logger
        logging.captureWarnings(False)
    return great_expectations


def new_context(docs_folder: Path | None) -> EphemeralDataContext:
    """A context in memory that dies with its batch (a longer-lived one would keep every result).

    With ``docs_folder`` its Data Docs site is written there, else it has none.
    """
    gx = great_expectations()
    from great_expectations.data_context.types import base

    config = base.DataContextConfig(
        store_backend_defaults=base.InMemoryStoreBackendDefaults(),
        progress_bars=base.ProgressBarsConfig(globally=False, metric_calculations=False),
        analytics_enabled=False,
        data_docs_sites={} if docs_folder is None else {"batch": _site(docs_folder)},
    )
    context: EphemeralDataContext = gx.get_context(mode="ephemeral", project_config=config)
    return context


def _site(folder: Path) -> dict[str, object]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(folder.resolve()),
        },
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
