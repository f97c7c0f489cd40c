"""The one function that runs a suite over a batch."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.contract import UseCase
from expectations.engine import great_expectations, new_context
from expectations.observation import Observation, merge_parts
from expectations.reference import BatchReference
from expectations.results import observation, row_reasons
from expectations.suite import AGE_COLUMN, build_suite, shape_of
from expectations.verdict import BatchReport, ValidationReport, combined_faults, escalated

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.datasource.fluent.interfaces import Batch

# Counts, no sample of values: results, Data Docs and the ledger must not carry personal data.
_COUNTS = {"result_format": "BASIC", "exclude_unexpected_values": True}
_ROW_NUMBERS = {
    "result_format": "COMPLETE",
    "exclude_unexpected_values": True,
    "partial_unexpected_count": 0,
    "return_unexpected_index_query": False,
}


@dataclass(frozen=True, eq=False)
class CheckedPart:
    """What one part of a batch showed, and why each of its rows must be left to the rules ("" if it need not)."""

    observations: tuple[Observation, ...]
    row_reasons: npt.NDArray[np.object_]

    @property
    def fault_rows(self) -> int:
        """How many rows must be left to the rules."""
        return int((self.row_reasons != "").sum())


@dataclass(frozen=True)
class WholeBatch:
    """What the check of a part must know of its batch: the contract, the reference of accepted batches, its rows.

    ``newest_source_time`` and ``as_of`` are timezone-aware; None leaves freshness unjudged.
    """

    use_case: UseCase
    reference: BatchReference | None
    newest_source_time: pd.Timestamp | None
    as_of: pd.Timestamp
    rows: int


def validate(
    frame: pd.DataFrame,
    use_case: UseCase,
    reference: BatchReference | None,
    newest_source_time: pd.Timestamp | None,
    as_of: pd.Timestamp,
    docs_folder: Path | None = None,
) -> ValidationReport:
    """Check a canonical frame of n rows against the contract and the reference of accepted batches.

    ``newest_source_time`` and ``as_of`` are timezone-aware; None leaves freshness unjudged. Faults of the data are
    results, never exceptions. With ``docs_folder`` Great Expectations' Data Docs are written there.
    """
    batch = WholeBatch(use_case, reference, newest_source_time, as_of, len(frame))
    part = check_part(frame, batch, docs_folder)
    whole = settle(use_case, [part.observations], len(frame), part.fault_rows)
    return ValidationReport(whole.results, whole.rows, whole.fault_rows, part.row_reasons)


def check_part(frame: pd.DataFrame, whole: WholeBatch, docs_folder: Path | None = None) -> CheckedPart:
    """Check one part of a batch; only `settle` can say whether the batch may go on.

    No entity may have rows in two parts, else it is not seen that they are doubled.
    """
    rows = len(frame)
    checked = _with_age(frame, whole.newest_source_time, whole.as_of)
    shape = replace(shape_of(checked, whole.use_case), rows=whole.rows if rows else 0)
    suite = build_suite(whole.use_case, whole.reference, shape)
    batch, outcome = _first_pass(checked, suite, docs_folder)
    observations = tuple(observation(result, checked) for result in outcome.results)
    return CheckedPart(observations, _second_pass(batch, suite, observations, rows))


def settle(use_case: UseCase, parts: Sequence[Sequence[Observation]], batch_rows: int, fault_rows: int) -> BatchReport:
    """The verdict on a batch of ``batch_rows`` rows from what its parts showed."""
    share = use_case.data_quality.maximum_row_fault_share
    settled = tuple(escalated(one.result(), share) for one in merge_parts(parts))
    if not any(result.is_halting for result in settled):
        combined = combined_faults(fault_rows, batch_rows, share)
        settled += (combined,) if combined else ()
    return BatchReport(settled, batch_rows, fault_rows)


def _with_age(frame: pd.DataFrame, newest: pd.Timestamp | None, as_of: pd.Timestamp) -> pd.DataFrame:
    numbered = frame.reset_index(drop=True)  # rows are named by position
    if newest is None:
        return numbered
    return numbered.assign(**{AGE_COLUMN: (as_of - newest) / pd.Timedelta(days=1)})


def _first_pass(
    frame: pd.DataFrame, suite: ExpectationSuite, docs_folder: Path | None
) -> tuple[Batch, ExpectationSuiteValidationResult]:
    context = new_context(docs_folder)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset(suite.name)
    definition = asset.add_batch_definition_whole_dataframe("batch")
    batch = definition.get_batch(batch_parameters={"dataframe": frame})
    if docs_folder is None:
        return batch, batch.validate(suite, result_format=dict(_COUNTS))
    stored = great_expectations().ValidationDefinition(
        name=suite.name, data=definition, suite=context.suites.add(suite)
    )
    outcome = context.validation_definitions.add(stored).run(
        batch_parameters={"dataframe": frame}, result_format=dict(_COUNTS)
    )
    context.build_data_docs()
    return batch, outcome


def _second_pass(
    batch: Batch, suite: ExpectationSuite, observations: Sequence[Observation], rows: int
) -> npt.NDArray[np.object_]:
    failed = {(r.check, r.column) for r in observations if r.severity == "row" and r.is_evaluated and not r.is_success}
    chosen = [copy(e) for e in suite.expectations if e.meta and (e.meta["check"], e.meta["column"]) in failed]
    if not chosen:
        return row_reasons((), rows)
    again = great_expectations().ExpectationSuite(name=suite.name, expectations=chosen)
    return row_reasons(batch.validate(again, result_format=dict(_ROW_NUMBERS)).results, rows)
