"""Channels to people: Prefect's notification blocks, and one of this house for every service that Apprise knows.

`prefect block register -m tasks.tell.channels` shows it in Prefect's UI; saving one from Python registers it as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from prefect.blocks.abstract import NotificationBlock, NotificationError
from prefect.blocks.core import Block
from prefect.blocks.notifications import AbstractAppriseNotificationBlock
from pydantic import Field, SecretStr

from decisionloop.masking import masked

SHORTEST_SECRET = 4
DETAIL_CHARACTERS = 500


class AppriseChannel(AbstractAppriseNotificationBlock):
    """Tells people by mail, chat or pager: whatever an Apprise URL leads to."""

    _block_type_name = "Apprise channel"
    _block_type_slug = "apprise-channel"

    url: SecretStr = Field(
        default=...,
        title="Apprise URL",
        description="Where messages go, as an Apprise URL: mailtos://, slack://, pagerduty://, json:// and so on.",
        examples=["mailtos://user:password@example.org?to=risk@example.org"],
    )


def send(channel: str, title: str, body: str) -> str:
    """Send a message through the block of this type/name; returns what went wrong, without secrets, or "".

    Whatever a service or its library raises is a failed attempt: a notification must never stop the loop.
    """
    secrets: list[str] = []
    try:
        block = Block.load(channel)
        if not isinstance(block, NotificationBlock):
            return f"{channel} is no notification block. Name one in monitors.notifications of the contract."
        secrets = list(secrets_of(block))
        with block.raise_on_failure():
            block.notify(body, title)  # type: ignore[unused-coroutine]
    except Exception as error:
        said = error.log if isinstance(error, NotificationError) else error
        return masked(without_secrets(f"{type(error).__name__}: {said}".strip(), secrets))[:DETAIL_CHARACTERS]
    return ""


def secrets_of(block: Block) -> Iterator[str]:
    """Every value of a block that is kept secret, and every URL: a webhook's address is its password."""
    for name in type(block).model_fields:
        value = getattr(block, name)
        revealed = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        for text in revealed.values() if isinstance(revealed, dict) else [revealed]:
            if isinstance(text, str) and (revealed is not value or "://" in text):
                yield text


def without_secrets(text: str, secrets: list[str]) -> str:
    """The text with every secret, and every part of a secret URL but its host, replaced by ***."""
    for part in sorted({part for secret in secrets for part in _parts(secret)}, key=len, reverse=True):
        text = text.replace(part, "***")
    return text


def _parts(secret: str) -> Iterator[str]:
    host = urlsplit(secret).hostname if "://" in secret else None
    known = {host, *secret.partition("://")[0:1]} if "://" in secret else {host}
    for part in (secret, *re.split(r"[/:@?&=#,]+", secret)):
        for spelling in (part, unquote(part)):
            if len(spelling) >= SHORTEST_SECRET and spelling not in known:
                yield spelling
