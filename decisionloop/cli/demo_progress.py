"""How far a demo is, on standard error: a bar on a terminal, else a line a turn, for a log to keep."""

from __future__ import annotations

import sys
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import TaskID

    from decisionloop.ledger.storage.engine import Ledger


class DemoProgress:
    """A context in which every turn is told."""

    def __init__(self, is_json: bool, stream: TextIO | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._stream = stream or sys.stderr
        self._is_plain = not self._stream.isatty()
        columns = (TextColumn("{task.description:<48}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        console = Console(file=self._stream)
        self._bars = Progress(*columns, console=console, disable=is_json or self._is_plain)
        self._title, self._total, self._turns = "", 0, 0
        self._bar: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._bars.__exit__(kind, error, where)

    def begin(self, title: str, total: int | None = None) -> None:
        """Something new, of so many turns; None: nobody knows."""
        self.finish()
        self._title, self._total, self._turns = title, total or 0, 0
        self._bar = self._bars.add_task(title, total=total)
        self._say(f"{title} …" if total is None else f"{title}: {total:,} turns")

    def finish(self) -> None:
        """What was begun is done."""
        if self._bar is not None and not self._total:
            self._bars.update(self._bar, total=1, completed=1)
        self._bar = None

    def at(self, as_of: datetime) -> None:
        """The turn of that time begins."""
        if self._bar is not None:
            self._bars.update(self._bar, description=f"{self._title}, {as_of:%d %B %Y}")

    def advance(self, as_of: datetime, told: str) -> None:
        """The turn of that time is over, and this came of it."""
        self._turns += 1
        if self._bar is not None:
            self._bars.advance(self._bar)
        self._say(f"{as_of:%Y-%m-%d}  {self._turns:>3} of {self._total}  {told}")

    def _say(self, line: str) -> None:
        if self._is_plain:
            print(line, file=self._stream, flush=True)


def turn_in_brief(ledger: Ledger, use_case: str, as_of: datetime) -> str:
    """Who decided how many in the batch of that time; that there was none."""
    from decisionloop.ledger.batches import batch_id_of, find_batch
    from decisionloop.ledger.summary import batch_summary

    batch_id = batch_id_of(use_case, as_of)
    if find_batch(ledger, batch_id) is None:
        return "no batch: outcomes are read, and learnt from"
    told = batch_summary(ledger, batch_id)
    if told.halted_because:
        return f"halted: {told.halted_because}"
    if told.is_observed:
        return f"{told.decisions:,} decided by another system"
    by = f" by {told.champion}" if told.champion else ""
    return f"{told.decisions:,} decided{by}{f', and by {told.on_trial} on trial' if told.on_trial else ''}"
