"""Why decisions lost money, by cause, and the slices where they lose it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decisionloop.ledger.batches import cohort_name
from decisionloop.ledger.failures import failures_by_cause
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.weak_slices import latest_weak_slices
from decisionloop.observe.failures import CAUSE_WORDING
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.monitor_lines import CauseLine, WeakSliceLine

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger


def cause_words(cause: str) -> str:
    """A cause in the words of the page; its own name where the page has none."""
    return {str(one): words for one, words in CAUSE_WORDING.items()}.get(cause, cause.replace("_", " "))


def causes_of(ledger: Ledger, use_case: str) -> tuple[CauseLine, ...]:
    """Large misses of all batches but those that are held back, by cause, the most frequent first."""
    found, held = failures_by_cause(ledger, use_case), held_cohorts(ledger, use_case)
    found = found[~found["as_of"].map(cohort_name).isin(list(held))]
    lines = [
        CauseLine(
            cause_words(str(cause)),
            misses=int(rows["failures"].sum()),
            money=float(rows["surprise"].sum()),
            months=tuple(sorted({f"{as_of:%Y-%m}" for as_of in rows["as_of"]})),
        )
        for cause, rows in found.groupby("cause", sort=True)
    ]
    return tuple(sorted(lines, key=lambda line: (-line.misses, line.wording)))


def weak_slices_now(ledger: Ledger, use_case: str) -> tuple[WeakSliceLine, ...]:
    """The weak slices of the last cohort that had any and is not held back, the worst first."""
    return tuple(
        WeakSliceLine(one.description, one.n, Estimate.of(one.money_per_decision, one.low, one.high), one.money_total)
        for one in latest_weak_slices(ledger, use_case, left_out=held_cohorts(ledger, use_case))
    )
