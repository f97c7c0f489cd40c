"""The two kinds of ledger as things that can be put aside and back."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, text

from decisionloop.ledger.storage.engine import create_or_upgrade


@dataclass(frozen=True)
class InHome:
    """A SQLite file in the home folder: saved and restored with it."""

    url: str

    def save(self, name: str) -> None:
        """Nothing: the folder is copied."""

    def restore(self, name: str) -> None:
        """Nothing: the folder is copied."""


@dataclass(frozen=True)
class OnServer:
    """A PostgreSQL database; ``server`` is its superuser, each statement a transaction of its own."""

    server: Engine
    name: str

    @property
    def url(self) -> str:
        """Where processes find it."""
        return self.server.url.set(database=self.name).render_as_string(hide_password=False)

    def save(self, name: str) -> None:
        """Copy it to a database of its own."""
        self._copy(self.name, f"{self.name}, {name}")

    def restore(self, name: str) -> None:
        """Throw it away and copy it from what was saved; the killed are disconnected."""
        self._copy(f"{self.name}, {name}", self.name)

    def create(self) -> None:
        """Make it, with the tables of the ledger and no row in them."""
        self._copy("template1", self.name)
        create_or_upgrade(self.url).close()

    def _copy(self, source: str, target: str) -> None:
        with self.server.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)'))
            connection.execute(text(f'CREATE DATABASE "{target}" TEMPLATE "{source}" STRATEGY FILE_COPY'))
