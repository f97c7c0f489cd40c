"""Reading the engine's results: counts and figures come out, values of the data stay in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from expectations import checks
from expectations.observation import Observation
from expectations.reference import only_value

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult


def observation(result: ExpectationValidationResult, frame: pd.DataFrame) -> Observation:
    """One result of the engine, for a part of a batch with the rows of ``frame``."""
    configuration: Any = result.expectation_config  # optional by type alone
    meta, is_evaluated = configuration.meta, not _has_raised(result.exception_info)
    found: Mapping[str, Any] = result.result or {}
    check, rows = meta["check"], len(frame)
    figure = _figure(check, found)
    is_single = check == checks.CONSTANT_COLUMNS.name and figure == 1
    is_missing = check == checks.VANISHED_CATEGORIES.name and is_evaluated and not result.success
    return Observation(
        expectation=configuration.type,
        column=meta["column"],
        check=check,
        severity=meta["severity"],
        remedy=meta["remedy"],
        is_evaluated=is_evaluated,
        is_success=bool(result.success),
        rows=rows,
        unexpected=_unexpected_rows(check, found, rows),
        figure=figure,
        smallest=configuration.kwargs.get("min_value"),
        largest=configuration.kwargs.get("max_value"),
        missing=_missing(frame[meta["column"]], configuration.kwargs["value_set"]) if is_missing else (),
        only=only_value(frame[meta["column"]]) if is_single else "",
        words=_type_words(found, configuration.kwargs) if check == checks.SCHEMA.name and is_evaluated else "",
    )


def row_reasons(results: Iterable[ExpectationValidationResult], rows: int) -> npt.NDArray[np.object_]:
    """(rows,) Why each row is faulty: `range: status; missing: limit`; "" where it is not.

    ``results`` are those of row-level expectations in the engine's COMPLETE format, the frame indexed by position.
    """
    reasons = np.full(rows, "", dtype=object)
    for result in results:
        configuration: Any = result.expectation_config
        meta = configuration.meta
        at = np.asarray(result.result["unexpected_index_list"], dtype=np.intp)
        separator = np.where(reasons[at] == "", "", "; ").astype(object)
        reasons[at] = reasons[at] + separator + f"{meta['reason']}: {meta['column']}"
    return reasons


def _has_raised(info: Mapping[str, Any]) -> bool:
    # Either one exception, or one for each metric that failed.
    nested = (value for value in info.values() if isinstance(value, Mapping))
    return bool(info.get("raised_exception")) or any(_has_raised(value) for value in nested)


def _unexpected_rows(check: str, found: Mapping[str, Any], rows: int) -> int:
    if check in (checks.NULLS.name, checks.USUAL_NULLS.name) and found:
        return round((1 - found["observed_value"]) * rows)
    return int(found.get("unexpected_count") or 0)


def _missing(column: pd.Series, expected: Iterable[str]) -> tuple[str, ...]:
    """All of them: the engine names twenty, and a part may lack more that the batch has."""
    seen = set(column.dropna().unique())
    return tuple(value for value in expected if value not in seen)


def _figure(check: str, found: Mapping[str, Any]) -> float | None:
    observed = found.get("observed_value")
    bounded = (checks.ROW_COUNT, checks.NULLS, checks.USUAL_NULLS, checks.FRESHNESS, checks.CONSTANT_COLUMNS)
    return float(observed) if check in {one.name for one in bounded} and observed is not None else None


def _type_words(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    if "type_" not in expected:
        return "column is missing"
    observed = found.get("observed_value", "object")
    return f"{observed}, {expected['type_']} expected"
