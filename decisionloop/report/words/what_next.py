"""When the next thing happens, in words. Pure."""

from __future__ import annotations

from datetime import date

from decisionloop.report.record.what_next import WhatNext
from decisionloop.report.words.figures import day


def dates_of(what: WhatNext) -> tuple[str, ...]:
    """The days that are known, the next batch first; () where none is."""
    told = []
    if what.batch is not None:
        told.append(f"The next batch is due on {day(what.batch)}.")
    if what.outcomes is not None and what.outcomes_of is not None:
        told.append(f"The outcomes of {day(what.outcomes_of)} are complete on {day(what.outcomes)}.")
    if what.training is not None:
        told.append(f"A training is on the schedule for {day(what.training)}, unless something asks for one before.")
    return tuple(told)


def ended_sentences(last: date) -> tuple[str, ...]:
    """That a replay has ended, and what that makes of what is to be done."""
    return (
        f"Nothing: this was a replay of what is past, and it ended with the batch of {day(last)}.",
        "What is to be done is what would be to be done if it went on.",
    )
