"""A moment of a life, on either engine: lived once, then copied for every test that begins there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, text

from decisionloop.ledger.schema import metadata
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade, open_ledger
from decisionloop.ledger.storage.months import make_months, month_of
from tests.postgres_database import EMPTY, database_from, name_of
from tests.small_use_case import Written
from tests.tasks.installation import Installation, copy, working_in

CHUNK_ROWS, PART_ROWS = 50, "200"
PARTS = "DECISIONLOOP_PARTITION_ROWS"
RAMP = [{"share": 0.25, "confidence": 0.55}, {"share": 0.5, "confidence": 0.55}]
UNATTAINABLE = 100_000
"""More decisions than anybody makes."""


@dataclass(frozen=True)
class Moment:
    """An installation that nobody works with: its folder, and where its ledger is if not in its home.

    ``server`` keeps the ledger where it is not a SQLite file.
    """

    folder: Path
    server: Engine | None = None
    ledger_url: str = ""

    def work(self) -> AbstractContextManager[Installation]:
        """Work with it. It is another moment afterwards."""
        (use_case,) = (self.folder / "usecases").iterdir()
        return working_in(self.folder, Written(use_case), self.ledger_url)

    @contextmanager
    def copied(self, folder: Path) -> Iterator[Moment]:
        """A copy of it in ``folder``, its database dropped at the end."""
        copy(self.folder, folder)
        if self.server is None:
            yield Moment(folder)
            return
        with database_from(self.server, name_of(self.ledger_url)) as url:
            yield Moment(folder, self.server, url)

    @contextmanager
    def moved(self, folder: Path, server: Engine) -> Iterator[Moment]:
        """A copy of it in ``folder`` with every fact of its SQLite file in a database of ``server``."""
        copy(self.folder, folder)
        with database_from(server, EMPTY) as url:
            with open_ledger(f"sqlite:///{folder / 'home' / 'ledger.db'}") as old, create_or_upgrade(url) as new:
                _move(old, new)
            yield Moment(folder, server, url)


@contextmanager
def on_engine(engine: str, saved: Path, folder: Path, request: pytest.FixtureRequest) -> Iterator[Moment]:
    """What was saved, copied into ``folder``, its ledger on ``sqlite`` or ``postgresql``."""
    moment = Moment(saved)
    if engine == "sqlite":
        with moment.copied(folder) as one:
            yield one
    else:
        with moment.moved(folder, request.getfixturevalue("postgres_server")) as one:
            yield one


OnEngine = Callable[[str], Moment]
"""The moment on an engine, ``sqlite`` or ``postgresql``."""


def lived_on_engines(
    request: pytest.FixtureRequest, folder: Path, write: Callable[[Path], Written], live: Callable[[Written], None]
) -> Iterator[OnEngine]:
    """For a fixture of a module: write a use case and live with it, on each engine that is asked for once.

    ``live`` is called where settings name the installation; what it writes is the past of the moment.
    """
    with ExitStack() as stack:

        @cache
        def on(engine: str) -> Moment:
            server = None if engine == "sqlite" else request.getfixturevalue("postgres_server")
            tables = "" if server is None else request.getfixturevalue("postgres_template")
            url = "" if server is None else stack.enter_context(database_from(server, tables))
            written = write(folder / engine / "usecases")
            with working_in(folder / engine, written, url):
                live(written)
            return Moment(folder / engine, server, url)

        yield on


def _move(old: Ledger, new: Ledger) -> None:
    """Copy every row of one ledger into another, empty one, past its triggers."""
    with old.connect() as known, new.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in metadata.sorted_tables:
            rows = [dict(row) for row in known.execute(select(table)).mappings()]
            if rows and table.info.get("is_monthly"):
                make_months(connection, {month_of(row["decision_id"]) for row in rows})
            if rows:
                connection.execute(insert(table), rows)
