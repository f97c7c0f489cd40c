"""Databases of the session's PostgreSQL server, each copied from another one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, make_url, text

EMPTY = "template1"
_numbers = itertools.count(1)


@contextmanager
def database_from(server: Engine, template: str) -> Iterator[str]:
    """A new database copied from a template, which nobody may be connected to; dropped at the end. Gives its URL."""
    name = f"decisionloop_{next(_numbers)}"
    with server.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'))
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


def name_of(url: str) -> str:
    """The name of the database at a URL."""
    return str(make_url(url).database)
