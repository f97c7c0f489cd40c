"""Where checkpoints lie: files under an fsspec URL, best one that the ledger's owner cannot write to twice."""

from __future__ import annotations

from pathlib import Path

from decisionloop.audit.checkpoints import (
    PRIVATE_KEY,
    Checkpoint,
    check_signature,
    parse_checkpoint,
    private_key,
    signed,
)
from decisionloop.audit.checkpoints import public_key as read_public_key
from decisionloop.errors import ConfigurationError
from decisionloop.ledger.audit.links import links_of
from decisionloop.ledger.audit.verify import ledger_name
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.settings import Settings
from decisionloop.storage_place import StoragePlace, open_place

SUFFIX = ".checkpoint.json"
_SETTING = "DECISIONLOOP_AUDIT_CHECKPOINTS_URL"


def may_sign(settings: Settings) -> bool:
    """Whether this installation has a key to sign with."""
    return _key_file(settings).is_file()


def export_checkpoint(settings: Settings, ledger: Ledger) -> str | None:
    """Sign what the chain's last link is now and write it; returns the file, None where there is no chain yet.

    The same link is signed once. Raises ConfigurationError where there is no key, or no place to write to.
    """
    key, links = private_key(_key_file(settings)), links_of(ledger)
    if not links:
        return None
    name = ledger_name(links)
    place = open_place(settings.resolved_checkpoints_url(), _SETTING)
    # The hash, because a ledger that was restored goes on by other links under numbers that were signed before.
    path = f"{place.root}/{name[:12]}-{links[-1].seq:010d}-{links[-1].hash[:12]}{SUFFIX}"
    try:
        if not place.exists(path):
            _write_once(place, path, signed(name, links[-1].seq, links[-1].hash, utc_now(), key).to_json().encode())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error}. Check {_SETTING}.") from error
    return place.url_of(path)


def checkpoints_at(url: str, key_file: Path, name: str = "") -> tuple[Checkpoint, ...]:
    """The checkpoints in a file or below a URL, oldest first; ``name``: of that ledger alone.

    Raises IntegrityError for one that the key did not sign, ConfigurationError where none can be read.
    """
    place = open_place(url, _SETTING)
    try:
        paths = sorted(one for one in place.names(place.root) if one.endswith(SUFFIX) or one == place.root)
        texts = [(path, place.read(path).decode()) for path in paths]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"checkpoints at {url} cannot be read: {error}. Name a file or folder of them."
        ) from error
    found = []
    for path, text in texts:
        one = parse_checkpoint(text, path)
        check_signature(one, read_public_key(key_file), path)
        found.append(one)
    return tuple(sorted((one for one in found if name in ("", one.ledger)), key=lambda one: one.seq))


def _key_file(settings: Settings) -> Path:
    return settings.resolved_audit_keys() / PRIVATE_KEY


def _write_once(place: StoragePlace, path: str, data: bytes) -> None:
    """Under its name whole or not at all; others than its owner may read a file of this machine."""
    if not place.is_local:
        place.write(path, data)
        return
    place.filesystem.makedirs(place.root, exist_ok=True)
    place.filesystem.pipe_file(f"{path}.part", data)
    place.filesystem.mv(f"{path}.part", path)
