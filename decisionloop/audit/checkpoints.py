"""Checkpoints: what the last link of the chain was, signed with Ed25519, to be kept out of reach of the ledger's owner.

Who verifies holds the public key; the private one signs, and nothing else.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from decisionloop.audit.chain import canonical
from decisionloop.errors import ConfigurationError, IntegrityError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORMAT = "decisionloop-checkpoint-1"
PRIVATE_KEY, PUBLIC_KEY = "audit_private_key.pem", "audit_public_key.pem"


@dataclass(frozen=True)
class Checkpoint:
    """That a ledger's chain had ``seq`` links and ended with ``hash``, at a time; ``key`` names who signed it."""

    ledger: str
    seq: int
    hash: str
    at: str
    key: str
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """What the signature is of."""
        return canonical(
            {
                "format": FORMAT,
                "ledger": self.ledger,
                "seq": self.seq,
                "hash": self.hash,
                "at": self.at,
                "key": self.key,
            }
        )

    def to_json(self) -> str:
        """The checkpoint as its file holds it."""
        return json.dumps({**json.loads(self.signed_bytes()), "signature": self.signature}, indent=2) + "\n"


def parse_checkpoint(text: str, where: str) -> Checkpoint:
    """A checkpoint from its file. Raises IntegrityError for what is none."""
    try:
        said = json.loads(text)
        if said["format"] != FORMAT:
            raise ValueError(f"its format is {said['format']}")
        return Checkpoint(
            str(said["ledger"]),
            int(said["seq"]),
            str(said["hash"]),
            str(said["at"]),
            str(said["key"]),
            str(said["signature"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{where} is no checkpoint ({error}). Name a file that `audit checkpoint` wrote."
        ) from error


def make_keys(folder: Path) -> Path:
    """Make a pair of keys in a folder, the private one readable by its owner alone; returns the file of the public one.

    Raises UsageError where there are keys already: what they signed could be verified by nobody any more.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = folder / PRIVATE_KEY
    folder.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    pem, raw = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    written = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(
            f"{private} is there already. Keep it: what it signed is verified with its public key. To change keys, "
            "move both files away, and keep the public one."
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(written)
        file.flush()
        os.fsync(file.fileno())
    public = folder / PUBLIC_KEY
    public.write_bytes(key.public_key().public_bytes(pem, raw))
    return public


def private_key(file: Path) -> Ed25519PrivateKey:
    """The key that signs. Raises ConfigurationError where it is missing, no such key, or readable by others."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        if os.name != "nt" and file.stat().st_mode & 0o077:
            raise ConfigurationError(f"{file} can be read by others than its owner. Run `chmod 600 {file}`.")
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except FileNotFoundError:
        raise ConfigurationError(f"there is no key to sign with in {file}. Run `decisionloop audit keys`.") from None
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{file} cannot be read as a key: {error}.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{file} is no Ed25519 key. Run `decisionloop audit keys`.")
    return key


def public_key(file: Path) -> Ed25519PublicKey:
    """The key that verifies. Raises ConfigurationError where it is missing or no such key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = serialization.load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the public key {file} cannot be read: {error}. Name it with --key.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"{file} is no Ed25519 key. Name the public key with --key.")
    return key


def key_name(key: Ed25519PublicKey) -> str:
    """What a key is called: the first half of the SHA-256 of its bytes."""
    return sha256(key.public_bytes_raw()).hexdigest()[:32]


def signed(ledger: str, seq: int, link_hash: str, at: datetime, key: Ed25519PrivateKey) -> Checkpoint:
    """A new checkpoint with its signature."""
    name = key_name(key.public_key())
    said = Checkpoint(ledger, seq, link_hash, at.isoformat(timespec="seconds").replace("+00:00", "Z"), name)
    signature = base64.b64encode(key.sign(said.signed_bytes())).decode()
    return Checkpoint(said.ledger, said.seq, said.hash, said.at, said.key, signature)


def check_signature(checkpoint: Checkpoint, key: Ed25519PublicKey, where: str) -> None:
    """Raises IntegrityError unless the key signed the checkpoint as it stands."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(base64.b64decode(checkpoint.signature), checkpoint.signed_bytes())
    except (InvalidSignature, ValueError):
        raise IntegrityError(
            f"{where} was not signed by the key {key_name(key)}: it was changed, or another key signed it "
            f"(it says {checkpoint.key}). Name that key's file with --key, or trust nothing of it."
        ) from None
