"""``decisionloop keys``: who may decide, post outcomes, or read over HTTP. A key is shown once and never kept."""

from __future__ import annotations

import json
from typing import Annotated, get_args

import typer

from decisionloop.cli.arguments import AsJson, ByWhom, Why
from decisionloop.errors import UsageError

keys_app = typer.Typer(help="API keys of the service: made, listed and revoked.", no_args_is_help=True)


@keys_app.command("make")
def make_key(
    name: Annotated[str, typer.Argument(help="Whose it is: a person or a system.")],
    by: ByWhom,
    scope: Annotated[list[str], typer.Option(help="What it may do: decide, outcome, read, flag or release.")],
) -> None:
    """Make a key and print it: nobody can print it again."""
    import hashlib
    import secrets

    from decisionloop.cli.switch import require_word
    from decisionloop.ledger.api_keys import keep_key
    from decisionloop.service.configuration import Scope
    from decisionloop.workspace import open_ledger_alone

    require_word("NAME", name, "Say whose key it is: a person or a system.")
    require_word("--by", by, "Say who you are; it is kept with the key.")
    known = get_args(Scope)
    if set(scope) - set(known):
        raise UsageError(f"--scope is one of {', '.join(known)}, given once or several times.")
    key = secrets.token_urlsafe(32)
    digest = hashlib.sha256(key.encode()).hexdigest()
    kept = keep_key(open_ledger_alone(), name, digest, sorted(set(scope)), by)
    typer.echo(f"{kept.key_id} of {name}. Keep this key, it is not shown again:", err=True)
    typer.echo(key)


@keys_app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Whose keys there are, and what they may do."""
    from decisionloop.ledger.api_keys import valid_keys
    from decisionloop.workspace import open_ledger_alone

    found = valid_keys(open_ledger_alone())
    if as_json:
        told = [
            {"key_id": one.key_id, "name": one.name, "scopes": sorted(one.allows), "made_by": one.made_by,
             "made_at": one.made_at.isoformat()}
            for one in found
        ]  # fmt: skip
        typer.echo(json.dumps(told))
        return
    lines = [
        f"{one.key_id}  {one.name}: {', '.join(sorted(one.allows))}, made by {one.made_by} on {one.made_at:%Y-%m-%d}"
        for one in found
    ]
    typer.echo("\n".join(lines) or "no API key.")


@keys_app.command("revoke")
def end_key(
    key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")], reason: Why, by: ByWhom
) -> None:
    """End a key for good."""
    from decisionloop.cli.switch import require_words
    from decisionloop.ledger.api_keys import revoke_key, valid_keys
    from decisionloop.workspace import open_ledger_alone

    require_words(reason, by)
    ledger = open_ledger_alone()
    revoke_key(ledger, key_id, reason, by)
    typer.echo(f"{key_id} is revoked. A service that runs takes no notice of it for two seconds at most.")
    if not valid_keys(ledger):
        typer.echo("It was the ledger's last one: but for keys of its file the service answers nobody without another.")
