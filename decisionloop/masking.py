"""Passwords and tokens in what people are told: a URL keeps its place, and not what opens it.

What opens a place is known in two ways: by its form (secret_forms.py), and by its value, where this process has
read it from a setting, a secret's file or a variable of its environment that is named like one.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

from decisionloop.secret_forms import SHOWN, masked_by_form

_VARIABLE = re.compile(
    r"TOKEN(?!I[SZ])|SECRET|PASSWORD|PASSWD|_PWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH_STRING|CREDENTIAL|PASSPHRASE",
    re.I,
)
_URL_PASSWORD = re.compile(r"//[^/\s:@]*:(?=(?P<whole>(?!\d{1,5}/)[^\s]+)@|)(?P<password>[^\s/@]+)@?")
"""With `@` or `/` in it as it is, it ends no earlier than the last `@`."""
SHORTEST_KNOWN = 8
"""What is shorter may be a word that stands anywhere; only its form tells that it opens something."""
_read: set[str] = set()


def remember_secret(text: str) -> str:
    """Mask this text wherever it stands from now on, whatever is around it; returns it."""
    _read.update(_spellings(text))
    return text


def remember_password_of(url: str) -> None:
    """Mask the password of a URL wherever it stands from now on; a URL without one changes nothing."""
    for password in _passwords_of(url):
        remember_secret(password)


def masked(text: str) -> str:
    """The text with every password and token in it as `***`: of URLs, connection strings, headers; and known ones."""
    for secret in sorted(_known(), key=len, reverse=True):
        if secret in text:
            text = _alone(secret).sub(SHOWN, text) if secret.isalpha() else text.replace(secret, SHOWN)
    return masked_by_form(text)


def holds_secret(text: str) -> bool:
    """Whether a text, such as a URL, holds a password or a token, by its form."""
    return masked_by_form(text) != text


def without_secrets(error: BaseException, deepest: int = 20) -> BaseException:
    """The same error, whose words and those of what it came of hold no password or token.

    One that words itself otherwise than by its arguments is told by a RuntimeError in its place.
    """
    came_of = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    told = _worded_without(error)
    if came_of is not None and deepest:
        clean = without_secrets(came_of, deepest - 1)
        if clean is not came_of or told is not error:
            told.__cause__ = clean
    return told


def _worded_without(error: BaseException) -> BaseException:
    if masked(str(error)) == str(error):
        return error
    error.args = tuple(masked(one) if isinstance(one, str) else one for one in error.args)
    if masked(str(error)) == str(error):
        return error
    return RuntimeError(f"{type(error).__name__}: {masked(str(error))}").with_traceback(error.__traceback__)


def _known() -> set[str]:
    """What this process has read, and what its environment holds now."""
    return _read.union(*(_spellings(one) for one in _of_environment()))


def _of_environment() -> Iterator[str]:
    for name, text in os.environ.items():
        if "://" in text:
            yield from _passwords_of(text)
        elif _opens(name) and not _is_count(name, text) and not text.startswith(("/", ".")):  # that is where it lies
            yield text
            yield text.rpartition(":")[2].rpartition(" ")[2]  # `user:password`, `Bearer token`


def _passwords_of(url: str) -> Iterator[str]:
    for found in _URL_PASSWORD.finditer(url):
        yield from (one for one in (found["password"], found["whole"]) if one)


@functools.lru_cache(maxsize=1024)
def _alone(word: str) -> re.Pattern[str]:
    """A word where it is no part of another: who chose `postgres` as a password keeps `postgresql://`."""
    return re.compile(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])")


def _is_count(variable: str, text: str) -> bool:
    """Whether it says how many tokens, as `MAX_TOKENS` does."""
    return "TOKENS" in variable.upper() and text.replace(".", "").isdigit()


@functools.lru_cache(maxsize=1024)
def _opens(variable: str) -> bool:
    return _VARIABLE.search(variable) is not None


def _spellings(secret: str) -> set[str]:
    """It as it is, and as it is written in a URL; nothing of what is too short to be told from a word."""
    ways = {secret, secret.rpartition(" ")[2], unquote(secret), quote(secret, safe=""), quote(secret)}
    return {one for one in ways if len(one) >= SHORTEST_KNOWN}
