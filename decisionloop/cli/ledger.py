"""``decisionloop ledger``: the ledger's database."""

from __future__ import annotations

import functools

import typer


def upgrade() -> None:
    """Migrate the ledger of the current settings to this version."""
    from decisionloop.ledger.storage.engine import create_or_upgrade
    from decisionloop.settings import load_settings
    from decisionloop.workspace import refuse_forgotten

    settings = load_settings()
    url, if_new = settings.resolved_ledger_url(), functools.partial(refuse_forgotten, settings)
    with create_or_upgrade(url, settings.ledger_tuning, if_new) as ledger:
        typer.echo(f"{ledger.engine.url.render_as_string(hide_password=True)}: up to date.")
