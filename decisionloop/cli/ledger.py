"""``decisionloop ledger``: the ledger's database."""

from __future__ import annotations

import typer


def upgrade() -> None:
    """Migrate the ledger of the current settings to this version."""
    from decisionloop.ledger.storage.engine import create_or_upgrade
    from decisionloop.settings import load_settings

    settings = load_settings()
    with create_or_upgrade(settings.resolved_ledger_url(), settings.sqlite_synchronous) as ledger:
        typer.echo(f"{ledger.engine.url.render_as_string(hide_password=True)}: up to date.")
