"""Where a drill takes place: a folder and a ledger of its own, which are gone when it is over.

On PostgreSQL the ledger is a schema of the real one's database, where its role may make one: the same server, network
and engine, and not one row of the real tables. Else it is a SQLite file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from decisionloop.ledger.schema import utc_now
from decisionloop.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from decisionloop.ledger.storage.engine import Ledger

PREFIX = "decisionloop_drill_"
KEPT = timedelta(days=1)
"""How long a schema that a killed drill has left behind is left alone: it may be under way."""
_STAMP = "%Y%m%d%H%M%S"


@dataclass(frozen=True)
class Place:
    """A throw-away installation. ``ledger_url`` holds no password that the settings keep in a file."""

    folder: Path
    ledger_url: str
    engine: str

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a process that works in it, as environment variables."""
        settings = {
            "HOME": str(self.folder / "home"),
            "USECASES_DIR": str(self.folder / "usecases"),
            "LEDGER_URL": self.ledger_url,
            "RUNNER": "in_process",
            **dict.fromkeys(("SNAPSHOTS_URL", "MLFLOW_TRACKING_URI", "SOURCE_OPTIONS", "SERVICE_FILE"), ""),
        }
        if self.engine == "sqlite":
            settings["LEDGER_PASSWORD_FILE"] = ""
        return {f"DECISIONLOOP_{name}": value for name, value in settings.items()}


@contextmanager
def throw_away_place(settings: Settings, ledger: Ledger) -> Iterator[Place]:
    """A place beside the real ``ledger``; folder and schema are removed at the end, whatever happened."""
    with tempfile.TemporaryDirectory(prefix="decisionloop-drill-") as name:
        folder = Path(name)
        in_file = Place(folder, f"sqlite:///{folder / 'home' / 'ledger.db'}", "sqlite")
        if ledger.is_sqlite:
            yield in_file
            return
        schema = _new_schema(ledger.engine)
        if schema is None:
            yield in_file
            return
        try:
            url = _url_in(settings.ledger_url, schema)
            _make_tables(settings.model_copy(update={"ledger_url": url}))
            yield Place(folder, url, "postgresql")
        finally:
            _drop(ledger.engine, schema)


def _new_schema(engine: Engine) -> str | None:
    """Make a schema, and drop what killed drills have left; None where the ledger's role may make none."""
    from sqlalchemy import text

    with engine.connect() as connection:
        may = text("SELECT has_database_privilege(current_database(), 'CREATE')")
        if not connection.execute(may).scalar():
            return None
        found = text(
            "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, :prefix) AND pg_has_role(nspowner, 'MEMBER')"
        )
        left = [str(one) for one in connection.execute(found, {"prefix": PREFIX}).scalars()]
    oldest = f"{utc_now() - KEPT:{_STAMP}}"
    for name in left:
        if name.removeprefix(PREFIX)[: len(oldest)] < oldest:
            _drop(engine, name)
    schema = f"{PREFIX}{utc_now():{_STAMP}}_{uuid4().hex[:8]}"
    with engine.begin() as connection:
        connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    return schema


def _make_tables(settings: Settings) -> None:
    from decisionloop.ledger.storage.engine import create_or_upgrade

    create_or_upgrade(settings.resolved_ledger_url(), settings.ledger_tuning).close()


def _drop(engine: Engine, schema: str) -> None:
    from sqlalchemy import text

    with engine.begin() as connection:
        connection.execute(text(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'))


def _url_in(url: str, schema: str) -> str:
    """The ledger's URL with that schema in the place of the real one."""
    from sqlalchemy import make_url

    parsed = make_url(url)
    return parsed.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
