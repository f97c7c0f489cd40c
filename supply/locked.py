"""The distributions of requirements.lock, and what licences those that are installed here say that they have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
SPDX = {
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "GPL-3.0": "GPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "GNU General Public License (GPL)": "GPL-2.0-or-later",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "Artistic License": "Artistic-1.0",
}
"""What earlier metadata calls a licence, by its present name."""
LOOKED_UP = {
    "async-timeout": "Apache-2.0",
    "axe-playwright-python": "MIT",
    "huey": "MIT",
    "pywin32": "PSF-2.0",
    "skops": "MIT",
    "waitress": "ZPL-2.1",
    "whenever": "MIT",
}
"""Of what says nothing in its metadata, or is not installed on every system: as its project says."""


@dataclass(frozen=True)
class Locked:
    """One pinned distribution; ``licence`` is an SPDX expression, "" where nobody knows it."""

    name: str
    version: str
    hashes: tuple[str, ...]
    licence: str


def locked(lock: Path = LOCK) -> tuple[Locked, ...]:
    """Every distribution of a lock, in its order."""
    found = []
    for line in lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        said = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", line)
        if said is not None:
            hashes = tuple(sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", line)))
            found.append(Locked(said[1], said[2], hashes, licence_of(said[1])))
    return tuple(found)


def licence_of(name: str) -> str:
    """The licence of an installed distribution, by its expression, its classifiers or its own word, in that order."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return LOOKED_UP.get(name, "")
    if told.get("License-Expression"):
        return str(told["License-Expression"])
    classifiers = [
        one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or [] if one.startswith("License ::")
    ]
    named = sorted({SPDX[one] for one in classifiers if one in SPDX})
    if named:
        return " OR ".join(named) if len(named) > 1 else named[0]
    word = (told.get("License") or "").strip().partition("\n")[0]
    return LOOKED_UP.get(name) or SPDX.get(word) or (word if re.fullmatch(r"[A-Za-z0-9.+ ()-]{2,60}", word) else "")
