"""The frame of a batch in which the trouble of one entity is its own: its row says why, and the rules decide it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.code import FeaturesFunction
from decisionloop.contract.user_code import UserCodeFailed
from decisionloop.errors import ContractError
from decisionloop.predict.features import build_frame
from decisionloop.predict.row_faults import EVERY_FEATURE, MISSING
from decisionloop.predict.text import as_text
from decisionloop.predict.unreadable import WORD, Build, features_reached

CODE_FAILED = f"the code of the use case failed: {EVERY_FEATURE}"
_ALONE, _TRIES = 32, 20_000
"""Where the code fails for most of so many entities, each tried alone, it is the code; how many groups are tried."""


@dataclass(frozen=True, eq=False)
class FrameByRow:
    """The canonical frame of n entities, and why rows of it cannot be told whole, "" where they can (n,).

    ``failed``: what the code of the features said where it fails for some; None where it fails for nobody.
    """

    frame: pd.DataFrame
    faults: npt.NDArray[np.object_]
    failed: ContractError | None = None


def build_by_row(
    use_case: UseCase,
    features_function: FeaturesFunction,
    known: pd.DataFrame,
    entities: pd.DataFrame,
    as_of: pd.Timestamp,
    time_column: str,
) -> FrameByRow:
    """What :func:`build_frame` makes of the same, with the rows that a cell nobody can read has spoilt.

    An entity for which the code of the features fails has a row of missing values, as one of which nothing is known.
    Raises ContractError as `build_frame` does, and where the code fails for more entities than the contract lets have
    faults (`data_quality.maximum_row_fault_share`).
    """
    key = use_case.entity.key

    def build(rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
        return build_frame(use_case, features_function, rows, people, as_of, time_column)

    failed, failing = None, set[str]()
    try:
        frame = build(known, entities)
    except ContractError as error:
        if not isinstance(error.__cause__, UserCodeFailed):
            raise
        failed, failing = error, _failing(build, known, as_text(entities[key]), use_case, error)
        known = known[~as_text(known[key]).isin(failing)]
        frame = build(known, entities)
    reached = features_reached(build, known, key, as_of, time_column)
    frame = _without_unread_groups(use_case, frame, reached)
    return FrameByRow(frame, _told(use_case, frame[key], reached, failing), failed)


def _without_unread_groups(use_case: UseCase, frame: pd.DataFrame, reached: dict[str, set[str]]) -> pd.DataFrame:
    """The frame in which nobody is of a protected group that a cell decides which cannot be read."""
    for attribute in use_case.protected:
        ids = {entity for entity, names in reached.items() if attribute.name in names}
        if ids and attribute.name not in use_case.feature_names:
            is_unread = frame[use_case.entity.key].isin(ids)
            frame = frame.assign(**{attribute.name: frame[attribute.name].where(~is_unread)})
    return frame


def told_together(first: npt.NDArray[np.object_], faults: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Faults (n,) behind those that come ``first`` (n,): what cannot be read is missing too, which is not said again.

    Of a row of which nothing is known no feature is told.
    """
    told = faults.copy()
    for row in np.flatnonzero(first != ""):
        if str(first[row]).endswith(EVERY_FEATURE):
            told[row] = first[row]
            continue
        unread = {f"{MISSING}: {one.partition(': ')[2]}" for one in str(first[row]).split("; ")}
        told[row] = "; ".join(
            [str(first[row]), *(one for one in str(faults[row]).split("; ") if one and one not in unread)]
        )
    return told


def _told(
    use_case: UseCase, ids: pd.Series, reached: dict[str, set[str]], failing: set[str]
) -> npt.NDArray[np.object_]:
    told = np.full(len(ids), "", dtype=object)
    if not reached and not failing:
        return told
    for row, entity in enumerate(ids):
        if entity in failing:
            told[row] = CODE_FAILED
        elif entity in reached:
            names = [name for name in use_case.feature_names if name in reached[entity]]
            told[row] = "; ".join(f"{WORD}: {name}" for name in names)
    return told


def _failing(build: Build, known: pd.DataFrame, ids: pd.Series, use_case: UseCase, error: ContractError) -> set[str]:
    """The entities for which the code fails, found by halving; raises ``error`` where it fails for too many."""
    people, key = ids.drop_duplicates().to_numpy(dtype=object), use_case.entity.key
    most = max(1, int(use_case.data_quality.maximum_row_fault_share * len(people)))
    rows = known.groupby(as_text(known[key]).to_numpy(dtype=object)).indices
    groups, found, tries = [people], set[str](), 0
    nothing = np.empty(0, dtype=np.intp)

    def fails(group: npt.NDArray[np.object_]) -> bool:
        own = np.sort(np.concatenate([nothing, *(rows[one] for one in group if one in rows)]))
        try:
            build(known.take(own), pd.DataFrame({key: group}))
        except ContractError:
            return True
        return False

    alone = people[np.unique(np.linspace(0, len(people) - 1, min(_ALONE, len(people))).astype(np.intp))]
    if len(people) < 2 or sum(fails(np.array([one], dtype=object)) for one in alone) > max(1, len(alone) // 2):
        raise error
    while groups:
        halves = [half for group in groups for half in np.array_split(group, 2) if len(half)]
        tries += len(halves)
        if tries > _TRIES:
            raise error
        groups = [half for half in halves if fails(half)]
        if not groups or len(found) + len(groups) > most:
            raise error
        found.update(str(group[0]) for group in groups if len(group) == 1)
        groups = [group for group in groups if len(group) > 1]
    return found
