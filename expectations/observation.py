"""One check as observed in one part of a batch, and how the observations of all parts make one of the whole batch.

Great Expectations sees a part; what it counted there adds up, so that a batch in forty parts is judged like the same
batch in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from decisionloop.contract.operation import Severity
from expectations import checks
from expectations.verdict import CheckResult, rows_text

_SHARES_OF_NULLS = {checks.NULLS.name, checks.USUAL_NULLS.name}
_OF_THE_WHOLE = {checks.ROW_COUNT.name, checks.CONSTANT_COLUMNS.name} | _SHARES_OF_NULLS
_NOT_EVALUATED = "The check itself failed: report it with the contract."


@dataclass(frozen=True)
class Observation:
    """What the engine saw of one expectation in ``rows`` rows; no value of the data, only figures and names.

    ``figure`` is what ``smallest`` and ``largest`` bound, where the check has bounds: the rows, the share of rows
    with a value, the age in days, the number of different values. ``missing``: categories that were not there.
    ``only``: a fingerprint of the value, where there is just one. ``words``: for a check of types, what was found, and
    for one of another system's actions, the names that the contract does not know.
    """

    expectation: str
    column: str
    check: str
    severity: Severity
    remedy: str
    is_evaluated: bool
    is_success: bool
    rows: int
    unexpected: int
    figure: float | None = None
    smallest: float | None = None
    largest: float | None = None
    missing: tuple[str, ...] = ()
    only: str = ""
    words: str = ""

    @property
    def is_within(self) -> bool:
        """Whether the figure keeps its bounds."""
        figure = self.figure or 0.0
        return (self.smallest is None or figure >= self.smallest) and (self.largest is None or figure <= self.largest)

    def result(self) -> CheckResult:
        """The verdict in words. What could not be evaluated halts the batch: not knowing is no reason to go on."""
        return CheckResult(
            expectation=self.expectation,
            column=self.column,
            check=self.check,
            severity=self.severity if self.is_evaluated else "critical",
            is_success=self.is_success,
            observed=self._observed() if self.is_evaluated else "not evaluated",
            unexpected_count=self.unexpected,
            unexpected_share=self.unexpected / self.rows if self.rows else 0.0,
            remedy=self.remedy if self.is_evaluated else _NOT_EVALUATED,
        )

    def _observed(self) -> str:
        figure, smallest, largest = self.figure or 0.0, self.smallest or 0.0, self.largest or 0.0
        if self.check == checks.SCHEMA.name:
            return self.words
        if self.check in _SHARES_OF_NULLS:
            return f"{1 - figure:.1%} missing, at most {1 - smallest:.1%} expected"
        if self.check == checks.ROW_COUNT.name:
            return f"{self.rows:,} rows, {smallest:,.0f} to {largest:,.0f} expected"
        if self.check == checks.FRESHNESS.name:
            return f"{figure:.1f} days old, at most {largest:g} expected"
        if self.check == checks.CONSTANT_COLUMNS.name:
            return "more than one value" if self.is_within else f"{figure:,.0f} distinct, at least 2 expected"
        if self.check == checks.VANISHED_CATEGORIES.name:
            return f"gone: {', '.join(self.missing)}" if self.missing else "none gone"
        told = rows_text(self.unexpected, self.rows)
        return f"{told}: {self.words}" if self.words else told


def merge_parts(parts: Sequence[Iterable[Observation]]) -> tuple[Observation, ...]:
    """One observation a check, in the order in which the checks first appear."""
    found: dict[tuple[str, str, str], list[Observation]] = {}
    for part in parts:
        for one in part:
            found.setdefault((one.check, one.column, one.expectation), []).append(one)
    return tuple(_merged(ones) for ones in found.values())


def _merged(ones: list[Observation]) -> Observation:
    if len(ones) == 1:
        return ones[0]
    first = next((one for one in ones if not one.is_success), ones[0])
    whole = replace(
        first,
        is_evaluated=all(one.is_evaluated for one in ones),
        is_success=all(one.is_success for one in ones),
        rows=sum(one.rows for one in ones),
        unexpected=sum(one.unexpected for one in ones),
        figure=_figure(ones),
    )
    if first.check in _OF_THE_WHOLE:
        return replace(whole, is_success=whole.is_evaluated and whole.is_within)
    if first.check == checks.VANISHED_CATEGORIES.name:
        gone = set[str].intersection(*(set(one.missing) for one in ones))
        return replace(
            whole,
            is_success=whole.is_evaluated and not gone,
            missing=tuple(name for name in first.missing if name in gone),
        )
    return whole


def _figure(ones: list[Observation]) -> float | None:
    """Rows add up, shares average by rows; of different values a batch has as many as a part, or as its parts show."""
    figures = [one.figure for one in ones if one.figure is not None]
    if not figures:
        return None
    if ones[0].check == checks.ROW_COUNT.name:
        return sum(figures)
    if ones[0].check in _SHARES_OF_NULLS:
        # Counts of rows again, else a share at its very bound would depend on where the batch was cut.
        return sum(round(one.rows * (one.figure or 0.0)) for one in ones) / sum(one.rows for one in ones)
    return max(*figures, len({one.only for one in ones if one.only}))
