"""Secrets as they are used: read once when the service starts, and never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from decisionloop.errors import ConfigurationError
from decisionloop.masking import remember_secret
from decisionloop.service.configuration import SecretPlace, Sender
from decisionloop.service.signatures import SCHEMES

FEWEST_BYTES = 16


@dataclass(frozen=True)
class KnownSender:
    """A sender with the secrets that are valid now, as bytes to sign with: one, or two while they are exchanged."""

    name: str
    entry: Sender
    secrets: tuple[bytes, ...] = field(repr=False)


def known_senders(senders: Mapping[str, Sender]) -> dict[str, KnownSender]:
    """Every sender with its secrets. Raises ConfigurationError where one is missing, too short or no secret."""
    return {name: KnownSender(name, entry, _secrets(name, entry.secrets, entry)) for name, entry in senders.items()}


def _secrets(name: str, places: Sequence[SecretPlace], entry: Sender) -> tuple[bytes, ...]:
    key_of = SCHEMES[entry.scheme].key_of
    found = []
    for place in places:
        text, where = _read(name, place)
        try:
            key = key_of(text)
        except ValueError:
            raise ConfigurationError(
                f"the secret of sender {name} in {where} is none of the scheme {entry.scheme}. "
                "A secret of Standard Webhooks is `whsec_` and base64; copy it anew."
            ) from None
        if len(key) < FEWEST_BYTES:
            raise ConfigurationError(
                f"the secret of sender {name} in {where} has less than {FEWEST_BYTES} bytes, which can be guessed. "
                "Make one with `openssl rand -base64 32`."
            )
        found.append(key)
    return tuple(found)


def _read(name: str, place: SecretPlace) -> tuple[str, str]:
    """The secret and where it lies; never empty."""
    if place.file is not None:
        where = place.file
        try:
            text = Path(place.file).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ConfigurationError(
                f"the secret of sender {name} cannot be read from {where}: {why}. Put it there, or drop the sender."
            ) from None
    else:
        where = f"the environment variable {place.env}"
        text = os.environ.get(str(place.env), "")
    if not text.strip():
        raise ConfigurationError(
            f"sender {name} has no secret in {where}: anybody could start its deployment. Set it, or drop the sender."
        )
    return remember_secret(text), where
