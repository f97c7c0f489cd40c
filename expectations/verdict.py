"""The verdict on a batch: one result a check, one reason a faulty row, and whether the batch may go on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from decisionloop.contract.operation import Severity
from expectations.checks import USUAL_NULLS, VANISHED_CATEGORIES

State = Literal["accepted", "drifted", "halted"]
DRIFT = frozenset({VANISHED_CATEGORIES.name, USUAL_NULLS.name})
"""What says that data are others than before, where the contract allows them as they are."""


@dataclass(frozen=True)
class CheckResult:
    """One check of one column; an empty ``column`` means the batch as a whole.

    ``unexpected_count`` counts rows and ``unexpected_share`` is their share of the batch; both are 0 where a check
    is not about rows. ``observed`` holds figures and words of the contract, never a value of the data.
    """

    expectation: str
    column: str
    check: str
    severity: Severity
    is_success: bool
    observed: str
    unexpected_count: int
    unexpected_share: float
    remedy: str

    @property
    def is_halting(self) -> bool:
        """Does this result stop the batch, whoever decides it?"""
        return self.is_critical and self.check not in DRIFT

    @property
    def is_critical(self) -> bool:
        """Did a critical check fail?"""
        return self.severity == "critical" and not self.is_success

    def __str__(self) -> str:
        return f"{self.check}: {self.column + ': ' if self.column else ''}{self.observed}"


@dataclass(frozen=True)
class BatchReport:
    """The outcome for a batch of ``rows`` rows, ``fault_rows`` of which must be left to the rules."""

    results: tuple[CheckResult, ...]
    rows: int
    fault_rows: int

    @property
    def halting(self) -> tuple[CheckResult, ...]:
        """The results that stop the batch."""
        return tuple(result for result in self.results if result.is_halting)

    @property
    def drifting(self) -> tuple[CheckResult, ...]:
        """Critical failures that say that the data are others than before, not that they are broken.

        They keep a model from deciding. Rules know no drift: what is gone for good must not lock them out.
        """
        return tuple(result for result in self.results if result.is_critical and result.check in DRIFT)

    @property
    def halt_reasons(self) -> tuple[str, ...]:
        """Why the batch is halted, one sentence a failed check; empty if it is accepted."""
        return tuple(str(result) for result in self.halting)

    @property
    def state(self) -> State:
        """Halted as soon as one critical check fails; drifted where all that fail are about drift."""
        if self.halting:
            return "halted"
        return "drifted" if self.drifting else "accepted"


@dataclass(frozen=True, eq=False)
class ValidationReport(BatchReport):
    """The outcome for a batch whose rows are at hand.

    ``row_reasons`` (rows,) holds, in the order of the frame, why a row must be left to the rules; "" if it need not.
    """

    row_reasons: npt.NDArray[np.object_]

    @property
    def row_faults(self) -> npt.NDArray[np.bool_]:
        """(rows,) True where a row must be left to the rules."""
        return np.asarray(self.row_reasons != "", dtype=bool)


def escalated(result: CheckResult, maximum_row_fault_share: float) -> CheckResult:
    """The result, critical if a row-level fault holds for more than ``maximum_row_fault_share`` of the rows."""
    is_too_much = result.unexpected_share > maximum_row_fault_share
    if result.severity == "row" and not result.is_success and is_too_much:
        return replace(result, severity="critical")
    return result


def combined_faults(count: int, rows: int, maximum_row_fault_share: float) -> CheckResult | None:
    """A critical result if faults that are few in each column together touch too many of ``rows``, else None."""
    if not count or count / rows <= maximum_row_fault_share:
        return None
    return CheckResult(
        expectation="rows_with_faults",
        column="",
        check="maximum_row_fault_share",
        severity="critical",
        is_success=False,
        observed=f"{rows_text(count, rows)} have faults, at most {maximum_row_fault_share:.1%} may",
        unexpected_count=count,
        unexpected_share=count / rows,
        remedy="Repair the faults of single columns that are listed beside this one.",
    )


def rows_text(count: int, rows: int) -> str:
    """``3 of 7,500 rows``."""
    return f"{count:,} of {rows:,} rows"
