"""Whether a column shows more than one value, which needs no count of all that it shows."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from expectations.engine import great_expectations

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import ColumnAggregateExpectation

_FIRST_ROWS = 1_000
"""Where several values are nearly always seen already."""


def values_seen(column: pd.Series) -> int:
    """0 where every value is missing, 1 where all that are there are one, else 2."""
    if _seen(column.iloc[:_FIRST_ROWS]) == 2:
        return 2
    return _seen(column)


def _seen(column: pd.Series) -> int:
    known = column[column.notna()]
    if known.empty:
        return 0
    return 2 if bool(np.asarray(known != known.iloc[0]).any()) else 1


@cache
def expect_several_values() -> type[ColumnAggregateExpectation]:
    """The expectation class; made on first use, because making it imports and registers with the engine.

    What it observes is `values_seen`: Great Expectations' own would count the different values of every column.
    """
    great_expectations()
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.expectations.expectation import ColumnAggregateExpectation
    from great_expectations.expectations.metrics import ColumnAggregateMetricProvider, column_aggregate_value

    class ColumnSeveralValues(ColumnAggregateMetricProvider):
        metric_name = "column.several_values"

        @column_aggregate_value(engine=PandasExecutionEngine)
        def _pandas(cls, column: pd.Series, **_: object) -> int:  # noqa: N805
            return values_seen(column)

    class ExpectColumnToShowSeveralValues(ColumnAggregateExpectation):
        """Expect the column to show at least `min_value` (1 or 2) different values."""

        min_value: int
        metric_dependencies = ("column.several_values",)
        success_keys = ("min_value",)

        def _validate(self, metrics: dict[str, Any], **_: object) -> dict[str, Any]:
            seen = metrics["column.several_values"]
            return {"success": seen >= self._get_success_kwargs()["min_value"], "result": {"observed_value": seen}}

    return ExpectColumnToShowSeveralValues
