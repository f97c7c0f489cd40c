"""What every table of the ledger is made of: its metadata and the column type of a time."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, MetaData, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from decisionloop.errors import UsageError

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLITE_TIME_LENGTH = len("2005-07-08T00:00:00.000000Z")

metadata = MetaData(naming_convention=NAMING_CONVENTION)
views = MetaData()
"""What is read like a table and never written: the migrations say what each view selects."""
MONTHLY = {"is_monthly": True}
"""What a table says of itself whose rows lie by the month of their `decision_id` where PostgreSQL keeps them."""
# Text is compared and sorted byte by byte on both engines, whatever the language of a PostgreSQL database.
Text = String().with_variant(String(collation="C"), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC time: timestamptz on PostgreSQL, `YYYY-MM-DDTHH:MM:SS.ffffffZ` text on SQLite.

    The text has a fixed width, so that comparing it as text compares the times. A naive datetime is refused
    with `UsageError`: nobody can say later which hour it meant.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """What a value is in Python."""
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        """Fixed-width text on SQLite, timestamptz elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(SQLITE_TIME_LENGTH))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Convert to UTC; refuse what has no timezone."""
        if value is None:
            return None
        utc = as_utc(value)
        return utc_text(utc) if dialect.name == "sqlite" else utc

    def process_literal_param(self, value: datetime | None, dialect: Dialect) -> str:
        """The time as an SQL literal; PostgreSQL reads the same text, told its type."""
        if value is None:
            return "NULL"
        text = f"'{utc_text(as_utc(value))}'"
        return text if dialect.name == "sqlite" else f"TIMESTAMPTZ {text}"

    def literal_processor(self, dialect: Dialect):  # type: ignore[no-untyped-def]
        """Our literal is complete as it is: the implementation's own quoting must not follow."""
        return lambda value: self.process_literal_param(value, dialect)

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        """Whatever timezone the session has, the caller gets UTC."""
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def as_utc(value: datetime) -> datetime:
    """The same instant in UTC; raises `UsageError` for a naive datetime."""
    if value.utcoffset() is None:
        raise UsageError(
            f"the ledger was given the time {value.isoformat()} without a timezone. "
            "Pass timezone-aware UTC, for instance datetime(2005, 7, 8, tzinfo=UTC) or Timestamp(…, tz='UTC')."
        )
    return value.astimezone(UTC)


def utc_text(value: datetime) -> str:
    """A UTC time as the ledger writes it: `2005-07-08T00:00:00.000000Z`."""
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")


def utc_now() -> datetime:
    """The present moment, timezone-aware UTC."""
    return datetime.now(UTC)
