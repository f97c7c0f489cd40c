"""The engine that runs a suite over a frame: Great Expectations' own for pandas, which hands out columns, not frames.

Every expectation of a column leaves out the rows where that is missing, and Great Expectations does so by copying the
whole frame, once for each: of twenty columns that is nineteen for nothing, and all of it where nothing is missing. What
is asked of a column, and by which code, stays its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from great_expectations.core.batch import BatchMarkers
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.execution_engine.pandas_batch_data import PandasBatchData
    from great_expectations.validator.metric_configuration import MetricConfiguration

_VALUES = ".unexpected_values"
_PROBED_ROWS, _FEW = 2_000, 200
"""Text of which so many rows show so few values is a category, and cheaper to ask as codes."""


class OneColumn(pd.DataFrame):
    """A frame of one column; a filter that leaves nothing out gives the frame itself, not a copy."""

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, pd.Series) and key.dtype == bool and len(key) == len(self) and key.to_numpy().all():
            return self
        return super().__getitem__(key)


def one_column(column: pd.Series) -> OneColumn:
    """A column by itself; text of few values as a categorical, which answers the same and is asked at once."""
    return OneColumn(as_codes(column).to_frame())


def as_codes(column: pd.Series) -> pd.Series:
    """Text of few values as a categorical of those that are there; any other column as it is."""
    if not isinstance(column.dtype, pd.StringDtype) or column.iloc[:_PROBED_ROWS].nunique() > _FEW:
        return column
    encoded = pa.array(column.array, pa.large_string()).dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    names = pd.Index(encoded.dictionary.to_pandas(), dtype=column.dtype)
    return pd.Series(pd.Categorical.from_codes(codes, names), index=column.index, name=column.name)


def is_repeated(column: pd.Series) -> np.ndarray:
    """Which values of a column without missing ones are there more than once, bool (n,).

    Ids come sorted, and then only neighbours can be alike.
    """
    values = column.array
    if not isinstance(column.dtype, pd.StringDtype) or not np.asarray(values[1:] >= values[:-1]).all():
        return column.duplicated(keep=False).to_numpy()
    is_like_last = np.zeros(len(values) + 1, dtype=bool)
    is_like_last[1 : len(values)] = np.asarray(values[1:] == values[:-1], dtype=bool)
    return np.asarray(is_like_last[:-1] | is_like_last[1:])


@cache
def column_engine() -> type[PandasExecutionEngine]:
    """The class of the engine; made on first use, because what it derives from takes seconds to import."""
    from great_expectations.core.batch import BatchMarkers
    from great_expectations.core.batch_spec import RuntimeDataBatchSpec
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.execution_engine.pandas_batch_data import PandasBatchData
    from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial

    class ColumnEngine(PandasExecutionEngine):
        """Great Expectations' engine for pandas, a column at a time. It sees one frame in its life."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._columns: dict[str, OneColumn] = {}

        def get_domain_records(self, domain_kwargs: dict[str, Any]) -> pd.DataFrame:
            """The rows of a domain: of a column that column alone."""
            name = domain_kwargs.get("column")
            if domain_kwargs.get("row_condition"):
                return super().get_domain_records(domain_kwargs)
            if name in self._columns:
                return self._columns[name]
            records: pd.DataFrame = super().get_domain_records(domain_kwargs)
            if name is None:
                return records
            return self._columns.setdefault(name, one_column(records[name]))

        def resolve_metrics(
            self,
            metrics_to_resolve: Iterable[MetricConfiguration],
            metrics: dict[Any, Any] | None = None,
            runtime_configuration: dict[str, Any] | None = None,
        ) -> dict[Any, Any]:
            """The metrics; of unexpected values, which no result of ours may carry, none is ever picked out."""
            asked = list(metrics_to_resolve)
            told = [one for one in asked if not one.metric_name.endswith(_VALUES)]
            found: dict[Any, Any] = super().resolve_metrics(told, metrics, runtime_configuration) if told else {}
            return found | {one.id: [] for one in asked if one.metric_name.endswith(_VALUES)}

        def get_batch_data_and_markers(self, batch_spec: Any) -> tuple[PandasBatchData, BatchMarkers]:
            """The frame as it was given, without a fingerprint of all its values that nobody reads."""
            if not isinstance(batch_spec, RuntimeDataBatchSpec):
                return super().get_batch_data_and_markers(batch_spec)
            frame, batch_spec.batch_data = batch_spec.batch_data, "PandasDataFrame"
            now = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
            return PandasBatchData(execution_engine=self, dataframe=frame), BatchMarkers({"ge_load_time": now})

    class ColumnValuesUniqueInOrder(ColumnMapMetricProvider):
        condition_metric_name = "column_values.unique"

        @column_condition_partial(engine=ColumnEngine)
        def _pandas(cls, column: pd.Series, **_: object) -> pd.Series:  # noqa: N805
            return pd.Series(~is_repeated(column), index=column.index)

    return ColumnEngine
