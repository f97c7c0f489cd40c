"""The point-in-time frame: what the use case's ``features.py`` makes of what was known, checked and canonical.

That nothing later than the batch's time gets in is held here, whatever the source hands over.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.code import FEATURES_FILE, FeaturesFunction
from decisionloop.contract.problem import Feature, FeatureType
from decisionloop.contract.user_code import UserCodeFailed, call, failed_fault
from decisionloop.errors import ContractError, Fault, SourceError
from decisionloop.predict.ordering import by_entity_and_time, is_strictly_increasing, keep_only
from decisionloop.predict.text import as_text
from decisionloop.predict.unreadable import readable

_NUMBERS_IN_OBJECTS = {"integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty"}


def point_in_time(history: pd.DataFrame, time_column: str, as_of: pd.Timestamp) -> pd.DataFrame:
    """The rows of ``history`` whose ``time_column`` (UTC) is at or before ``as_of``; index kept."""
    is_known = (history[time_column] <= as_of).to_numpy()
    return (history if is_known.all() else history[is_known]).infer_objects()


def build_frame(
    use_case: UseCase,
    features_function: FeaturesFunction,
    known: pd.DataFrame,
    entities: pd.DataFrame,
    as_of: pd.Timestamp,
    time_column: str,
) -> pd.DataFrame:
    """The canonical frame of a batch: one row for each row of ``entities``, sorted by entity id.

    Args:
        known: rows of the source with the entity key and ``time_column`` (UTC); later rows and rows of other
            entities are dropped before ``features_function`` sees them, the rest is sorted by entity and time.
        entities: the entities to decide, in a column named by the entity key.

    Columns: entity key (str), features in contract order (float64; categories str), protected attributes that are
    not features (str). An entity of which nothing is known has a row of missing values, so that the rules decide
    it. An entity listed twice has two rows, so that validation can halt the batch.

    Raises ContractError, with one fault for each thing wrong, when ``features_function`` fails or returns other
    columns, other entities or other types than the contract says.
    """
    key = use_case.entity.key
    ids = as_text(entities[key]).sort_values(kind="stable", ignore_index=True)
    rows = point_in_time(_canonical_rows(known, key, time_column), time_column, as_of)
    rows = by_entity_and_time(keep_only(rows, key, ids), key, time_column)
    columns = column_types(use_case)
    if rows.empty:
        returned = pd.DataFrame({name: pd.Series(dtype="str") for name in columns})
    else:
        returned = _returned(use_case, features_function, rows, as_of, columns)
    if not returned[key].equals(ids):
        returned = returned.set_index(key).reindex(ids).rename_axis(key).reset_index()
    return _typed(returned, columns)


def column_types(use_case: UseCase) -> dict[str, FeatureType]:
    """Columns of the canonical frame in their order, with the contract's types; ids and groups are categories."""
    features: dict[str, FeatureType] = {feature.name: feature.type for feature in use_case.features}
    groups: dict[str, FeatureType] = {p.name: "category" for p in use_case.protected if p.name not in features}
    return {use_case.entity.key: "category", **features, **groups}


def _canonical_rows(known: pd.DataFrame, key: str, time_column: str) -> pd.DataFrame:
    missing = sorted({key, time_column} - set(known.columns))
    if missing:
        raise SourceError(
            f"the rows known about entities lack column {', '.join(missing)}. Name the right column in the contract's "
            "source, or return it from source.py."
        )
    known = readable(known, time_column)
    return known.assign(**{key: as_text(known[key])})


def _returned(
    use_case: UseCase,
    features_function: FeaturesFunction,
    rows: pd.DataFrame,
    as_of: pd.Timestamp,
    columns: dict[str, FeatureType],
) -> pd.DataFrame:
    """What the function returned, with the entity key as text; raises ContractError for every fault found."""
    where, key = f"{FEATURES_FILE} of {use_case.name}", use_case.entity.key
    asked = rows[key]
    try:
        returned = call(features_function, rows, as_of)
    except UserCodeFailed as failed:
        problem = f"failed at as-of {as_of.isoformat()}"
        remedy, unquoted = (" ".join(("Correct it.", *_text_for_numbers(rows, key, one))) for one in (True, False))
        fault = failed_fault("features", failed, problem, remedy, unquoted)
        raise ContractError(where, [fault]) from failed
    faults = list(_shape_faults(returned, columns))
    if not faults:
        returned = returned.assign(**{key: as_text(returned[key])})[list(columns)]
        faults = [*_entity_faults(returned[key], asked), *_type_faults(use_case, returned)]
    if faults:
        raise ContractError(where, faults)
    return returned


def _text_for_numbers(rows: pd.DataFrame, key: str, is_quoting: bool) -> Iterator[str]:
    """Which columns of the source hold text, for some of their cells are no numbers though many are."""
    for name in (one for one in rows.columns if one != key):
        values = rows[name]
        if not (isinstance(values.dtype, pd.StringDtype) or values.dtype == object):
            continue
        known = values.dropna().astype("str").str.strip()
        is_none = (pd.to_numeric(known, errors="coerce").isna() & (known != "")).to_numpy()
        if len(known) and 0 < is_none.sum() <= len(known) / 2:
            such = f", such as {known[is_none].iloc[0]!r}" if is_quoting else ""
            yield (
                f"Column {name} of the source holds text: {int(is_none.sum()):,} of its {len(known):,} cells here are "
                f"no numbers{such}. Correct them, or convert it with "
                'pd.to_numeric(..., errors="coerce").'
            )


def _shape_faults(returned: object, columns: dict[str, FeatureType]) -> Iterator[Fault]:
    if not isinstance(returned, pd.DataFrame):
        yield Fault("features", type(returned).__name__, "did not return a DataFrame", "Return one row an entity.")
        return
    for name in columns:
        if name not in returned.columns:
            remedy = "Compute it, or remove it from the contract."
            if name in returned.index.names:
                remedy = "It is the index: end with `.reset_index()`."
            yield Fault(name, "nothing", "the column was not returned", remedy)
    for column in returned.columns:
        if column not in columns:
            remedy = "Declare it under features or protected, or drop it before returning."
            yield Fault(str(column), "a column", "the contract does not know it", remedy)
    for column in returned.columns[returned.columns.duplicated()]:
        yield Fault(str(column), "two columns", "was returned twice", "Return it once.")


def _entity_faults(ids: pd.Series, asked: pd.Series) -> Iterator[Fault]:
    if ids.array.equals(asked.array) and is_strictly_increasing(ids):
        return  # each of those who were asked about once, as it nearly always is
    if ids.isna().any():
        yield Fault(str(ids.name), "missing", f"{int(ids.isna().sum())} rows have no entity", "Drop such rows.")
    repeated = ids[ids.duplicated() & ids.notna()].unique()
    if len(repeated):
        problem = f"{len(repeated)} entities have more than one row"
        yield _of_ids(ids, repeated, problem, "Return one row an entity: keep the last, or aggregate.")
    unanswered = pd.Index(asked.unique()).difference(pd.Index(ids))
    if len(unanswered):
        problem = f"{len(unanswered)} entities of `known` have no row"
        remedy = "Return a row for each, with missing values where something cannot be computed."
        yield _of_ids(ids, unanswered, problem, remedy)


def _of_ids(ids: pd.Series, which: np.ndarray | pd.Index, problem: str, remedy: str) -> Fault:
    unquoted = Fault(str(ids.name), f"{len(which)} of them", problem, remedy)
    return Fault(str(ids.name), _some(which), problem, remedy, unquoted=unquoted)


def _some(ids: np.ndarray | pd.Index) -> str:
    shown = ", ".join(str(one) for one in ids[:3])
    return shown if len(ids) <= 3 else f"{shown}, …"


def _type_faults(use_case: UseCase, returned: pd.DataFrame) -> Iterator[Fault]:
    for feature in use_case.features:
        if feature.type != "category":
            yield from _number_faults(feature, returned[feature.name])


def _number_faults(feature: Feature, values: pd.Series) -> Iterator[Fault]:
    held = pd.api.types.infer_dtype(values, skipna=True) if values.dtype == object else ""
    is_number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_complex_dtype(values.dtype)
    if not (is_number or held in _NUMBERS_IN_OBJECTS or values.isna().all()):
        remedy = f"Convert it in {FEATURES_FILE}, e.g. with pd.to_numeric, or declare `type: category`."
        yield Fault(feature.name, str(held or values.dtype), f"is not a column of type {feature.type}", remedy)
    elif feature.type == "boolean":
        numbers = _as_float(values)
        known = numbers[~np.isnan(numbers)]
        others = known[(known != 0) & (known != 1)]
        if len(others) and len(others) == len(known):  # some that are neither are the trouble of their rows
            remedy = "Return True and False, or declare `type: integer`."
            yield Fault(feature.name, f"{others[0]:g}", "is neither true nor false", remedy)


def _as_float(values: pd.Series) -> np.ndarray:
    if values.dtype == np.float64:
        return values.to_numpy()
    if values.isna().all():
        return np.full(len(values), np.nan)
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _typed(frame: pd.DataFrame, columns: dict[str, FeatureType]) -> pd.DataFrame:
    return pd.DataFrame({name: _converted(frame[name], type_) for name, type_ in columns.items()})


def _converted(values: pd.Series, type_: FeatureType) -> pd.Series | np.ndarray:
    return as_text(values) if type_ == "category" else _as_float(values)


def source_ages(known: pd.DataFrame, entities: pd.Series, time_column: str, as_of: pd.Timestamp) -> np.ndarray:
    """Days from the newest row of each of ``entities`` (n,) to ``as_of``, float32 (n,); NaN where nothing is known.

    ``known`` is sorted by entity and time; its entity column has the name of ``entities``.
    """
    known = readable(known, time_column)
    ids = known[str(entities.name)].reset_index(drop=True)
    rows = np.flatnonzero(np.append(np.asarray(ids.iloc[1:].array != ids.iloc[:-1].array), np.ones(min(1, len(ids)))))
    age = as_of - pd.to_datetime(known[time_column].iloc[rows], utc=True)
    days, last = (age.dt.total_seconds() / 86_400).to_numpy(dtype=np.float32), ids.iloc[rows]
    if len(last) == len(entities) and bool(np.asarray(last.array == entities.array).all()):
        return days  # both are sorted by entity, so nearly always nothing has to be looked up
    return pd.Series(days, index=pd.Index(last)).reindex(pd.Index(entities)).to_numpy(dtype=np.float32)
