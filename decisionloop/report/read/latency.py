"""From timed answers in the ledger to what became of their decisions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.ledger.answer_times import timed_decisions
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.observe.answer_latency import BandFigures, band_figures, change_of_conversion, either_side
from decisionloop.observe.estimate import Estimate as Figure
from decisionloop.observe.executed_actions import as_executed, as_named
from decisionloop.observe.maturity import DUE_AT, due_columns, with_absent_outcomes, with_due_at
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.latency import AnswerLatency, LatencyBand

MOST = 20_000
"""So many decisions, the last ones, are looked at where nobody asks for fewer."""
Frames = Callable[[pd.DataFrame], pd.DataFrame]


def answer_latency_of(
    ledger: Ledger, use_case: UseCase, now: datetime, frames: Frames | None = None, most: int = MOST
) -> AnswerLatency | None:
    """The report as of ``now`` on decisions under this contract; None where no outcome of a timed one is due.

    ``frames`` gives the frozen features of a log; without it nothing is said of money, and nothing at all where they
    say when outcomes are due.
    """
    if frames is None and due_columns(use_case):
        return None
    log = timed_decisions(ledger, use_case.name, use_case.digest, now, most)
    if log.empty:
        return None
    is_cut = len(log) == most
    frame = pd.DataFrame(index=log.index) if frames is None else frames(log)
    log = as_executed(use_case, as_named(use_case, with_due_at(use_case, log, frame)))
    is_due = (log[DUE_AT] <= pd.Timestamp(now)).to_numpy()
    if not is_due.any():
        return None
    log = with_absent_outcomes(use_case, log, now)[is_due].reset_index(drop=True)
    known = None if frames is None else frame[is_due].reset_index(drop=True)
    within, late = either_side(use_case, log, known)
    return AnswerLatency(
        budget_ms=use_case.latency.online_ms,
        bands=tuple(_line(one) for one in band_figures(use_case, log, known)),
        within=_line(within),
        late=_line(late),
        change=_estimate(change_of_conversion(within, late)),
        is_cut=is_cut,
    )


def _line(one: BandFigures) -> LatencyBand:
    return LatencyBand(
        one.above_ms,
        one.to_ms,
        one.decisions,
        one.revealing,
        one.known,
        _estimate(one.conversion),
        _estimate(one.money),
    )


def _estimate(one: Figure) -> Estimate:
    return Estimate.of(one.value, one.low, one.high, one.bounds)
