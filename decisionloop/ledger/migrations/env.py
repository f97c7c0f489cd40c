"""Alembic's entry: run the migrations on the connection that decisionloop.ledger.storage.migrate hands over."""

from __future__ import annotations

from alembic import context

from decisionloop.ledger.schema import metadata
from decisionloop.ledger.storage.revision import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
