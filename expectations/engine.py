"""Great Expectations itself: imported late, once, without telemetry, without progress bars."""

from __future__ import annotations

import logging
import os
import warnings
from functools import cache, wraps
from math import isfinite
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from decisionloop.imports import deferred, uncollected
from expectations.column_engine import column_engine

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
    _name_plain_arguments_at_once(great_expectations.core.id_dict)
    great_expectations.datasource.fluent.PandasDatasource.execution_engine_override = column_engine()
    if warnings.showwarning is not shows_warnings:  # importing it diverts every warning of the process to a logger
        logging.captureWarnings(False)
    return great_expectations


def _read_each_configuration_once(module: ModuleType) -> None:
    """Let an expectation read its arguments where they are, and not derive its whole configuration for each of them.

    Of what validating takes that is a third; what is read is what the library's own function reads.
    """

    @wraps(module.Expectation._get_runtime_kwargs)
    def runtime_kwargs(self: Any, runtime_configuration: dict[str, Any] | None = None) -> dict[str, Any]:
        asked, declared = runtime_configuration or {}, self.__dict__
        own = {
            key: declared[key] if key in declared else self._get_default_value(key)
            for key in (*self.runtime_keys, *self.success_keys, *self.domain_keys)
        }
        of_the_run = {key: asked[key] for key in self.runtime_keys if key in asked}
        argued = {key: own[key] for key in (*self.success_keys, *self.domain_keys)}
        found = {**own, **of_the_run, **argued}
        return {**found, "result_format": module.parse_result_format(found["result_format"])}

    module.Expectation._get_runtime_kwargs = runtime_kwargs


def _name_plain_arguments_at_once(module: Any) -> None:
    """Let what names a metric be written down as it is where it is plain: nothing about it has to be converted."""
    convert = module.convert_to_json_serializable

    @wraps(convert)
    def converted(data: Any) -> Any:
        return data if _is_plain(data) else convert(data)

    module.convert_to_json_serializable = converted


def _is_plain(data: object) -> bool:
    """Whether JSON can hold it as it is: text, numbers that are no numpy's, nothing, and dictionaries and lists."""
    if type(data) is dict:
        return all(type(key) is str and _is_plain(value) for key, value in data.items())
    if type(data) is list:
        return all(map(_is_plain, data))
    return data is None or type(data) in (str, int, bool) or (type(data) is float and isfinite(data))


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
