"""From the contract's ``source`` to the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from decisionloop.contract import UseCaseFolder
from decisionloop.contract.data_source import FullInformationReplay, LegacyLogReplay, RandomisedLogReplay, TablesSource
from decisionloop.sources.base import Source

Options = Mapping[str, str | int | float | bool]


def open_source(folder: UseCaseFolder, options: Options | None = None) -> Source:
    """Open the source that the contract names; its data is read when it is asked for.

    ``options`` of this installation go over the contract's own ``source.options``; sources other than ``source.py``
    have none. Raises ContractError when the contract wants ``source.py`` and it cannot be used, UsageError when its
    options cannot be.
    """
    spec = folder.use_case.source
    if isinstance(spec, TablesSource):
        from decisionloop.sources.tables import open_live_tables

        return open_live_tables(folder, spec)
    if isinstance(spec, FullInformationReplay):
        from decisionloop.sources.full_information import open_full_information

        return open_full_information(folder, spec)
    if isinstance(spec, RandomisedLogReplay):
        from decisionloop.sources.randomised_log import open_randomised_log

        return open_randomised_log(folder, spec)
    if isinstance(spec, LegacyLogReplay):
        from decisionloop.sources.legacy_log import open_legacy_log

        return open_legacy_log(folder, spec)
    from decisionloop.sources.custom import open_custom

    if options:
        merged = spec.model_copy(update={"options": {**spec.options, **options}})
        folder = replace(folder, use_case=folder.use_case.model_copy(update={"source": merged}))
    return open_custom(folder)
