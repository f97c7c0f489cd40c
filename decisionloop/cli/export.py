"""``decisionloop export``: facts of the ledger in one file, for a spreadsheet or a tool of one's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decisionloop.cli.arguments import UseCaseName
from decisionloop.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from decisionloop.ledger.exporting import Span


def export(
    use_case: UseCaseName,
    kind: Annotated[str, typer.Argument(help="measurements, decisions, outcomes, executions, verdicts or alarms.")],
    to: Annotated[Path, typer.Option(help="The file: FILE.csv or FILE.parquet.")],
    since: Annotated[str, typer.Option(help="First date or time, UTC, such as 2005-07-08, of the as-of.")] = "",
    until: Annotated[str, typer.Option(help="Last date (the whole day) or time, UTC, of the as-of.")] = "",
    is_forced: Annotated[bool, typer.Option("--force", help="Replace the file where it is there.")] = False,
) -> None:
    """Write facts of a use case into one file, CSV or Parquet, whole or not at all.

    In CSV a text that begins with = + - @, a tab or a carriage return has ' before it, so that no spreadsheet computes
    it; numbers are numbers. docs/export.md says what the columns are.
    """
    from decisionloop.cli.known_use_case import ledger_of
    from decisionloop.ledger.exporting import KINDS, columns_of, exported

    asked = next((one for one in KINDS if one == kind), None)
    if asked is None:
        raise UsageError(f"{kind} cannot be exported. Name one of {', '.join(KINDS)}.")
    opened, span = _writer_of(to), _span(since, until)
    if to.exists() and not is_forced:
        raise UsageError(f"{to} is there already. Name another file, or replace it with --force.")
    rows = 0
    with ledger_of(use_case) as ledger, _whole(to) as part, opened(part, columns_of(asked)) as write:
        for chunk in exported(ledger, use_case, asked, span):
            write(chunk)
            rows += len(chunk)
    typer.echo(f"{to}: {rows:,} {kind}")


def _span(since: str, until: str) -> Span:
    """Raises UsageError for what is no time, and for an end before its beginning."""
    from decisionloop.cli.history import end_of
    from decisionloop.ledger.exporting import Span

    span = Span(_time(since) if since else None, end_of(until) if until else None)
    if span.since and span.until and span.until < span.since:
        raise UsageError(f"--until {until} lies before --since {since}. Exchange the two.")
    return span


def _time(text: str) -> datetime:
    from decisionloop.cli.run import parse_as_of

    moment = parse_as_of(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Write = Callable[["pa.Table"], Any]
Writer = Callable[[Path, "pa.Schema"], AbstractContextManager[Write]]


def _writer_of(to: Path) -> Writer:
    """What writes a file of that name. Raises UsageError where its ending says nothing."""
    writers: dict[str, Writer] = {".csv": _csv, ".parquet": _parquet}
    if to.suffix not in writers:
        raise UsageError(f"{to} says not how to write it. Name a file that ends in {' or '.join(writers)}.")
    return writers[to.suffix]


@contextmanager
def _csv(part: Path, schema: pa.Schema) -> Iterator[Write]:
    import pyarrow.csv

    from decisionloop.custody.safe_csv import without_formulas

    with pyarrow.csv.CSVWriter(part, schema) as writer:
        yield lambda chunk: writer.write_table(without_formulas(chunk))


@contextmanager
def _parquet(part: Path, schema: pa.Schema) -> Iterator[Write]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetWriter(part, schema) as writer:
        yield writer.write_table


@contextmanager
def _whole(to: Path) -> Iterator[Path]:
    """A file beside the one that is asked for, which becomes it at the end. Raises UsageError where that cannot be."""
    part = to.with_name(f"{to.name}.{os.getpid()}.part")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(to)
    except OSError as error:
        raise UsageError(f"{to} cannot be written: {error.strerror}. Name a file of yours with --to.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
