"""The bill of materials as CycloneDX JSON: the same lock gives the same bytes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from hashlib import sha256

from supply.locked import LOCK, Locked


def bill_of(found: Sequence[Locked]) -> str:
    """The bill of these distributions, by name, version, hashes of their files and licence."""
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=sha256(LOCK.read_bytes()).digest()[:16], version=4)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "decisionloop",
                "name": "decisionloop",
                "version": _version(),
            },
        },
        "components": [_component(one) for one in found],
        "dependencies": [{"ref": "decisionloop", "dependsOn": [_purl(one) for one in found]}],
    }
    return json.dumps(content, indent=2) + "\n"


def _component(one: Locked) -> dict[str, object]:
    told: dict[str, object] = {
        "type": "library",
        "bom-ref": _purl(one),
        "name": one.name,
        "version": one.version,
        "purl": _purl(one),
        # One hash a file that may be installed: a wheel for each system, and the source.
        "externalReferences": [
            {"type": "distribution", "url": _purl(one), "hashes": [{"alg": "SHA-256", "content": of}]}
            for of in one.hashes
        ],
    }
    return {**told, "licenses": [{"expression": one.licence}]} if one.licence else told


def _purl(one: Locked) -> str:
    return f"pkg:pypi/{one.name.lower().replace('_', '-')}@{one.version}"


def _version() -> str:
    from importlib.metadata import version

    return version("decisionloop")
