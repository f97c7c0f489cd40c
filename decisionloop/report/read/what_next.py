"""From the ledger and the contract to when the next thing happens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from decisionloop.contract import UseCase
from decisionloop.ledger.batches import Batch
from decisionloop.ledger.releases import RULES, ReleaseEvent
from decisionloop.report.record.what_next import WhatNext
from decisionloop.schedule import next_due_time


def what_next(
    use_case: UseCase, found: Sequence[Batch], events: Sequence[ReleaseEvent], replay_ends: datetime | None = None
) -> WhatNext:
    """What comes after the batches ``found``; nothing is told before the first.

    ``events``: stages of all releases. ``replay_ends``: the last as-of of a replay's calendar, None where nobody has
    asked its source, or where it is live.
    """
    if not found:
        return WhatNext()
    last = max(one.as_of for one in found)
    if replay_ends is not None:
        return WhatNext(ended=last.date()) if last >= replay_ends else WhatNext()
    if use_case.source.kind != "tables":
        return WhatNext()
    zone, patience = ZoneInfo(use_case.schedule.timezone), timedelta(days=use_case.outcome.maturity_days)

    def day_of(moment: datetime) -> date:
        return moment.astimezone(zone).date()

    waiting = min((one.as_of for one in found if one.is_decided and one.as_of + patience > last), default=None)
    return WhatNext(
        batch=day_of(next_due_time(use_case.schedule, last)),
        outcomes=None if waiting is None else day_of(waiting + patience),
        outcomes_of=None if waiting is None else day_of(waiting),
        training=_training(use_case, events),
    )


def _training(use_case: UseCase, events: Sequence[ReleaseEvent]) -> date | None:
    """When the schedule asks for a training: so many days after the last; None before the first, or without one."""
    every = use_case.monitors.retrain_every_days
    trained = [one.as_of for one in events if one.stage == "candidate" and f"/{RULES}/" not in one.release_id]
    return (max(trained) + timedelta(days=every)).date() if every is not None and trained else None
