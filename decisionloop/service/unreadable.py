"""Use cases whose contract could not be read when the service began: who asks them is told so, and /ready says it."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Depends, FastAPI, HTTPException

from decisionloop.service.configuration import Scope
from decisionloop.service.keys import KnownKeys, Requires


def why_unread(names: Sequence[str]) -> str:
    """Which contracts could not be read, in a sentence; "" for none."""
    if not names:
        return ""
    return (
        f"the contract of {', '.join(names)} could not be read: nobody is decided by it. `decisionloop usecase check` "
        "names its faults; mend them and start the service anew."
    )


def add_unreadable(app: FastAPI, keys: KnownKeys, names: Sequence[str]) -> None:
    """Answer 503 where decisions would be asked for: the address is right, and will be there again."""
    for name in names:
        if name.isidentifier():
            _add(app, keys, name)


def _add(app: FastAPI, keys: KnownKeys, name: str) -> None:
    asked: tuple[tuple[str, Scope], ...] = (("decisions", "decide"), ("outcomes", "outcome"))
    for what, scope in asked:

        @app.post(f"/v1/{name}/{what}", dependencies=[Depends(Requires(keys, scope))], include_in_schema=False)
        def unread() -> None:
            raise HTTPException(503, why_unread([name]), {"Retry-After": "60"})
