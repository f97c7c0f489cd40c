"""From the contract to a Great Expectations suite: which expectations a batch of this size and shape must meet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.problem import Feature
from expectations import checks
from expectations.checks import Check
from expectations.engine import great_expectations
from expectations.reference import (
    PRACTICALLY_IMPOSSIBLE,
    BatchReference,
    absence_probability,
    chance_share,
    expected_categories,
)
from expectations.several_values import expect_several_values
from expectations.whole_numbers import expect_whole_numbers

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

AGE_COLUMN = "age of the newest source row in days"  # no column of a contract can have a name with spaces
_ENGINE_SEVERITY = {"critical": "critical", "row": "warning", "warning": "info"}
_LARGEST = sys.float_info.max  # as a bound it excludes infinity and nothing else


@dataclass(frozen=True)
class BatchShape:
    """What a suite must know of a batch: its rows, its columns, and which of them are of the declared type."""

    rows: int
    columns: frozenset[str]
    usable: frozenset[str]


def column_types(use_case: UseCase) -> dict[str, str]:
    """Column to dtype of the canonical frame, in its order."""
    features = {f.name: "str" if f.type == "category" else "float64" for f in use_case.features}
    protected = {p.name: "str" for p in use_case.protected if p.name not in features}
    return {use_case.entity.key: "str"} | features | protected


def shape_of(frame: pd.DataFrame, use_case: UseCase) -> BatchShape:
    """The shape of a frame that should be canonical but may not be."""
    usable = {
        name for name, type_ in column_types(use_case).items() if name in frame and _is_usable(frame[name], type_)
    }
    return BatchShape(len(frame), frozenset(frame.columns), frozenset(usable))


def _is_usable(column: pd.Series, type_: str) -> bool:
    # The same verdict as the schema expectation's; it keeps the others off a column that they would choke on.
    if column.dtype == object:
        held = pd.api.types.infer_dtype(column, skipna=True)
        return held == "empty" or (held == "string" and type_ == "str")
    return isinstance(column.dtype, pd.StringDtype) if type_ == "str" else column.dtype == "float64"


def build_suite(use_case: UseCase, reference: BatchReference | None, shape: BatchShape) -> ExpectationSuite:
    """The suite for a batch of this shape.

    Every expectation carries ``meta``: check, column ("" for the batch), severity, reason, remedy, wording. A
    column that is missing or of the wrong type has its schema expectation alone; an empty batch the row count
    alone. Without a reference nothing is said of vanished categories, nor of how often a nullable feature is
    missing.
    """
    suite: ExpectationSuite = great_expectations().ExpectationSuite(
        name=use_case.name, expectations=list(_expectations(use_case, reference, shape))
    )
    return suite


def _expectations(use_case: UseCase, reference: BatchReference | None, shape: BatchShape) -> Iterator[Expectation]:
    yield _row_count(use_case, shape)
    if shape.rows == 0:
        return
    if AGE_COLUMN in shape.columns:
        yield _freshness(use_case)
    for column, type_ in column_types(use_case).items():
        yield _schema(use_case, column, type_, column in shape.columns)
    if use_case.entity.key in shape.usable:
        yield from _entity(use_case)
    for feature in use_case.features:
        if feature.name in shape.usable:
            yield from _nulls(use_case, feature, reference, shape.rows)
            yield from _values(use_case, feature)
            yield from _distribution(use_case, feature, reference, shape.rows)
    yield from _protected(use_case, shape)


def _expectation(
    kind: type[Expectation] | str,
    use_case: UseCase,
    check: Check,
    column: str,
    wording: str,
    /,
    **arguments: object,
) -> Expectation:
    severity = check.severity_in(use_case.data_quality)
    meta = {
        "check": check.name,
        "column": column,
        "severity": severity,
        "reason": check.reason,
        "remedy": check.remedy.format(column=column),
        "wording": wording,
    }
    known = great_expectations().expectations
    made: Callable[..., Expectation] = getattr(known, kind) if isinstance(kind, str) else kind
    if column:
        arguments = {"column": column} | arguments
    return made(meta=meta, notes=wording, severity=_ENGINE_SEVERITY[severity], **arguments)


def _row_count(use_case: UseCase, shape: BatchShape) -> Expectation:
    fewest, most = use_case.data_quality.rows
    # Nothing can be said of an empty batch, so whatever the contract allows it is critical.
    check = checks.ROW_COUNT if shape.rows else checks.EMPTY
    wording = f"{max(fewest, 1):,} to {most:,} rows"
    bounds = {"min_value": max(fewest, 1), "max_value": max(most, 1)}
    return _expectation("ExpectTableRowCountToBeBetween", use_case, check, "", wording, **bounds)


def _freshness(use_case: UseCase) -> Expectation:
    days = use_case.data_quality.maximum_age_days
    wording = f"the newest source row is at most {days:g} days old"
    where = {"column": AGE_COLUMN, "max_value": days}
    return _expectation("ExpectColumnMaxToBeBetween", use_case, checks.FRESHNESS, "", wording, **where)


def _schema(use_case: UseCase, column: str, type_: str, is_present: bool) -> Expectation:
    # Without entities there is no decision to make, whatever severity the contract gives other columns.
    check = checks.KEY_SCHEMA if column == use_case.entity.key else checks.SCHEMA
    if not is_present:
        return _expectation("ExpectColumnToExist", use_case, check, column, f"{column} is there")
    wording = f"{column} is {type_}"
    return _expectation("ExpectColumnValuesToBeOfType", use_case, check, column, wording, type_=type_)


def _entity(use_case: UseCase) -> Iterator[Expectation]:
    key, noun = use_case.entity.key, use_case.entity.noun
    wording = f"every row names its {noun}"
    yield _expectation("ExpectColumnValuesToNotBeNull", use_case, checks.ENTITY_KEY, key, wording)
    wording = f"each {noun} once"
    yield _expectation("ExpectColumnValuesToBeUnique", use_case, checks.DUPLICATES, key, wording)


def _nulls(use_case: UseCase, feature: Feature, reference: BatchReference | None, rows: int) -> Iterator[Expectation]:
    excess = use_case.data_quality.maximum_null_excess
    limit = _null_limit(feature, reference, rows, excess)
    if limit < 1:
        wording = f"{feature.wording}: missing in at most {limit:.1%}"
        kind = "ExpectColumnProportionOfNonNullValuesToBeBetween"
        smallest = max(1 - limit - 1e-9, 0)  # 1 - 0.9 is a little more than 0.1
        check = checks.USUAL_NULLS if feature.is_nullable else checks.NULLS
        yield _expectation(kind, use_case, check, feature.name, wording, min_value=smallest)
    if not feature.is_nullable:
        wording = f"{feature.wording}: never missing"
        yield _expectation("ExpectColumnValuesToNotBeNull", use_case, checks.ROW_NULLS, feature.name, wording)


def _null_limit(feature: Feature, reference: BatchReference | None, rows: int, excess: float) -> float:
    usual = None if reference is None else reference.null_shares.get(feature.name)
    if reference is None or usual is None:
        return 1.0 if feature.is_nullable else excess
    excess = max(excess, chance_share(usual, reference.rows, rows) - usual)  # of few rows chance alone may miss more
    if absence_probability(1 - usual, reference.rows, rows) < PRACTICALLY_IMPOSSIBLE:
        return min(usual + excess, 1 - 0.5 / rows)  # at least one value, however rare values usually are
    return min(usual + excess, 1.0)


def _values(use_case: UseCase, feature: Feature) -> Iterator[Expectation]:
    name, wording = feature.name, feature.wording
    if feature.type == "category":
        text, values = f"{wording}: {', '.join(feature.categories)}", list(feature.categories)
        check = checks.UNSEEN_CATEGORIES
        yield _expectation("ExpectColumnValuesToBeInSet", use_case, check, name, text, value_set=values)
    elif feature.type == "boolean":
        text, yes_no = f"{wording}: 0 or 1", [0.0, 1.0]
        yield _expectation("ExpectColumnValuesToBeInSet", use_case, checks.RANGES, name, text, value_set=yes_no)
    else:
        low, high = feature.range or (-_LARGEST, _LARGEST)
        text = f"{wording}: {low:g} to {high:g} {feature.unit}".rstrip() if feature.range else f"{wording}: finite"
        bounds = {"min_value": max(low, -_LARGEST), "max_value": min(high, _LARGEST)}
        yield _expectation("ExpectColumnValuesToBeBetween", use_case, checks.RANGES, name, text, **bounds)
    if feature.type == "integer":
        text = f"{wording}: whole numbers"
        yield _expectation(expect_whole_numbers(), use_case, checks.WHOLE_NUMBERS, name, text)


def _distribution(
    use_case: UseCase, feature: Feature, reference: BatchReference | None, rows: int
) -> Iterator[Expectation]:
    name = feature.name
    usual = () if reference is None else expected_categories(reference, name, rows)
    if usual:
        wording, values = f"{feature.wording}: {', '.join(usual)} present", list(usual)
        kind, check = "ExpectColumnDistinctValuesToContainSet", checks.VANISHED_CATEGORIES
        yield _expectation(kind, use_case, check, name, wording, value_set=values)
    was_constant = reference is not None and reference.is_constant.get(name, False)
    if rows > 1 and not was_constant and len(feature.categories) != 1:
        wording = f"{feature.wording}: more than one value"
        yield _expectation(expect_several_values(), use_case, checks.CONSTANT_COLUMNS, name, wording, min_value=2)


def _protected(use_case: UseCase, shape: BatchShape) -> Iterator[Expectation]:
    for attribute in use_case.protected:
        if attribute.name in shape.usable and attribute.name not in use_case.feature_names:
            groups = list(attribute.groups)
            wording = f"{attribute.name}: {', '.join(attribute.groups.values())}"
            kind, check = "ExpectColumnValuesToBeInSet", checks.PROTECTED_GROUPS
            yield _expectation(kind, use_case, check, attribute.name, wording, value_set=groups)
