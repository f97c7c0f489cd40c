"""A month whose cohorts are too small to tell their money is measured as one; so is the year of a month that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from decisionloop.ledger.batches import Batch, batches, cohort_name
from decisionloop.ledger.decisions import row_counts
from decisionloop.ledger.measurements import POOLED_PREFIX, append_measurements, measurements_of
from decisionloop.observe.pooled_cohorts import pooled_money
from decisionloop.workspace import Workspace
from tasks.observe.late_arrivals import late_arrivals_before
from tasks.readback.cohort import read_cohort
from tasks.readback.maturity import mature_at
from tasks.watch.measurement import measurement_of

_LATELY = timedelta(days=100)
"""Months that began so long before the newest mature cohort are done with, unless outcomes of them come in."""
_MOST = 100_000
"""A span of more decisions is not pooled: where so many cannot tell, more of them will not."""
_MONEY = ("value_policy", "value_rules", "value_difference")
_POOLED = tuple(f"{POOLED_PREFIX}{one}_total" for one in _MONEY)
_TIMES = ["as_of", "recorded_at"]


@dataclass(frozen=True)
class Span:
    """A month ("2024-02") or a year ("2024") with its decided batches, all mature.

    ``parts``: what it is made of, whose money is measured: its batches' cohorts, or its months and these. A year is of
    the months that are over: the slice of its figures says until which.
    """

    name: str
    found: tuple[Batch, ...]
    parts: tuple[str, ...]

    @property
    def is_of_one_contract(self) -> bool:
        """Whether all its batches were decided by the same one: money of two is not to be pooled."""
        return len({one.contract_digest for one in self.found}) == 1


def measure_spans(workspace: Workspace, due: Sequence[Batch], as_of: datetime) -> int:
    """Measure each month that is over and has a cohort that cannot tell, and each year with such a month; how many.

    ``due``: the batches that were measured just now. A span is measured again when one of its cohorts was. After the
    last batch of a replay its month is over, whatever is left of the calendar's.
    """
    if not due or workspace.use_case.is_observing:  # without news of a cohort there is none of a span
        return 0
    decided = _decided_in_years(workspace, due)
    is_mature = [max(one.as_of, at) <= as_of for one, at in zip(decided, mature_at(workspace, decided), strict=True)]
    mature, waiting = (
        [one for one, is_over in zip(decided, is_mature, strict=True) if is_over is asked] for asked in (True, False)
    )
    since = mature[-1].as_of - _LATELY
    lately = {f"{one.as_of:%Y-%m}" for one in (*due, *(one for one in mature if one.as_of >= since))}
    over = _by_month(mature, _open_months(workspace, waiting, as_of))
    measured = 0
    for spans in _spans(over, lately):  # whether a year is measured as one is a question about its months
        news = _to_be_measured(workspace, spans)
        for span in news:
            _measure(workspace, span, as_of)
        measured += len(news)
    return measured


def _decided_in_years(workspace: Workspace, due: Sequence[Batch]) -> list[Batch]:
    """The decided batches from the beginning of the first year in which a span is looked at."""
    first = min(due[0].as_of, due[-1].as_of - _LATELY)
    found = batches(workspace.ledger, workspace.use_case.name, datetime(first.year, 1, 1, tzinfo=UTC))
    return [one for one in found if one.is_decided]


def _is_calendar_over(workspace: Workspace, as_of: datetime) -> bool:
    """Whether a replay has no batch at ``as_of`` or later; of live data there is always one."""
    calendar = () if workspace.is_live else workspace.source.calendar()
    return bool(calendar) and as_of > calendar[-1]


def _open_months(workspace: Workspace, waiting: Sequence[Batch], as_of: datetime) -> set[str]:
    """The months in which a batch is to come, or waits for outcomes."""
    this_month = set() if _is_calendar_over(workspace, as_of) else {f"{as_of:%Y-%m}"}
    return this_month | {one.batch_id.split("/", 1)[1][:7] for one in waiting}


def _by_month(found: Sequence[Batch], open_months: set[str]) -> dict[str, tuple[Batch, ...]]:
    """Batches by month, without those of months that are open."""
    over: dict[str, tuple[Batch, ...]] = {}
    for one in found:
        month = f"{one.as_of:%Y-%m}"
        if month not in open_months:
            over[month] = (*over.get(month, ()), one)
    return over


def _spans(over: dict[str, tuple[Batch, ...]], lately: set[str]) -> tuple[list[Span], list[Span]]:
    """The months that are looked at, and their years."""
    asked = sorted(lately & over.keys())
    months = [Span(one, over[one], tuple(cohort_name(batch.as_of) for batch in over[one])) for one in asked]
    years = []
    for year in sorted({month[:4] for month in asked}):
        within = sorted(month for month in over if month[:4] == year)
        found = tuple(one for month in within for one in over[month])
        years.append(Span(year, found, (*within, *(cohort_name(one.as_of) for one in found))))
    return months, years


def _to_be_measured(workspace: Workspace, spans: Sequence[Span]) -> list[Span]:
    """Those of several cohorts of one contract of which a part cannot tell its money, where that is news."""
    ledger, name = workspace.ledger, workspace.use_case.name
    asked = [one for one in spans if len(one.found) > 1 and one.is_of_one_contract]
    cohorts = [cohort for one in asked for cohort in (one.name, *one.parts)]
    told = measurements_of(ledger, name, (*_MONEY, *_POOLED), cohort=cohorts)
    return [one for one in asked if _is_news(one, told) and _is_small(workspace, one)]


def _is_news(span: Span, told: pd.DataFrame) -> bool:
    """Whether a part cannot tell its money, and one was measured since the span was."""
    own, parts = told[told["cohort"] == span.name], told[told["cohort"].isin(span.parts)]
    if not _untold(span, parts):
        return False
    return own.empty or bool((own[_TIMES].max() < parts[_TIMES].max()).any())


def _is_small(workspace: Workspace, span: Span) -> bool:
    first, last = span.found[0].as_of, span.found[-1].as_of
    return row_counts(workspace.ledger, workspace.use_case.name, first, last)[0] <= _MOST


def _untold(span: Span, parts: pd.DataFrame) -> bool:
    """Whether a part of it cannot tell its money: of a month a cohort, of a year a month that cannot as one either."""
    missing = parts[parts["value"].isna()]
    if len(span.name) > len("2024"):
        return not missing.empty
    pooled = parts["monitor"].isin(_POOLED)
    untold = set(missing.loc[~pooled, "cohort"].str[:7])
    return bool(untold - (set(parts.loc[pooled, "cohort"]) - set(missing.loc[pooled, "cohort"])))


def _measure(workspace: Workspace, span: Span, as_of: datetime) -> None:
    cohorts = [read_cohort(workspace, one, as_of) for one in span.found]
    figures = pooled_money(cohorts, late_arrivals_before(workspace, span.found[-1], as_of))
    until = f"until={span.found[-1].as_of:%Y-%m}"
    named = (replace(one, monitor=f"{POOLED_PREFIX}{one.monitor}", slice=until) for one in figures)
    name = workspace.use_case.name
    append_measurements(workspace.ledger, [measurement_of(name, span.name, as_of, one) for one in named])
