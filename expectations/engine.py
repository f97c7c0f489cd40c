"""Great Expectations itself: imported late, once, without telemetry, without progress bars."""

from __future__ import annotations

import logging
import os
import warnings
from functools import cache, wraps
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

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

    _read_each_configuration_once(great_expectations.expectations.expectation)
    if warnings.showwarning is not shows_warnings:  # importing it diverts every warning of the process to a logger
        logging.captureWarnings(False)
    return great_expectations


def _read_each_configuration_once(module: ModuleType) -> None:
    """Let an expectation derive its configuration once where it reads many of its arguments, not for each of them.

    Of what validating takes that is a third; what is read is what the library's own function reads.
    """

    @wraps(module.Expectation._get_runtime_kwargs)
    def runtime_kwargs(self: Any, runtime_configuration: dict[str, Any] | None = None) -> dict[str, Any]:
        asked, declared = runtime_configuration or {}, self.configuration.kwargs
        own = {
            key: declared.get(key, self._get_default_value(key))
            for key in (*self.runtime_keys, *self.success_keys, *self.domain_keys)
        }
        of_the_run = {key: asked[key] for key in self.runtime_keys if key in asked}
        argued = {key: own[key] for key in (*self.success_keys, *self.domain_keys)}
        found = {**own, **of_the_run, **argued}
        return {**found, "result_format": module.parse_result_format(found["result_format"])}

    module.Expectation._get_runtime_kwargs = runtime_kwargs


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
