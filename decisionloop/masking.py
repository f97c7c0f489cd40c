"""Passwords and tokens in what people are told: a URL keeps its place, and not what opens it.

What opens a place is known in two ways: by its form, in a URL, a pair or a header, and by its value, where this process
has read it from a setting, a secret's file or a variable of its environment that is named like one.
"""

from __future__ import annotations

import functools
import os
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from urllib.parse import quote, unquote

_SECRET_NAME = (
    r"[\w.\-%]*(?:token|secret|passw|pwd|[a-z]+[_-]key|apikey|accesskey|signature|credential|auth(?!or))[\w.\-%]*"
    r"|sig|key"
)
_PAIR_NAME = r"password|passwd|pwd|passphrase|(?:client|access|api|auth)[_-]?(?:secret|token|key)|secret[_-]?key|token"
_USER = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*:)?//"
    r"(?:[^/\s'\"<>@]*@(?=[\w\[%.-])|[^/\s'\"<>@.:]*/[^/\s'\"<>@:]*@(?=localhost\b|\[|(?:[\w-]+\.)+[a-z]{2,}\b))"
)
"""Who asks; with a `/` in it where what follows is surely a host, for else `host/package@version` would be one."""
_WILD_PASSWORD = re.compile(r"(?P<name>//[^/\s:@?#'\"<>]*:)(?!\d{1,5}(?:[/?#\s]|$))[^\s'\"<>]+@(?=[\w\[%.-])")
"""A password with `/`, `?` or `@` in it as it is: no URL may hold one, and people write it all the same."""
_IN_QUERY = re.compile(rf"(?P<name>[?&;](?:{_SECRET_NAME})=)[^&\s'\"<>#;]+", re.IGNORECASE)
_AS_PAIR = re.compile(
    rf"(?P<name>(?:(?<![a-z])|(?<=\bPG)|(?<=\bssl))(?:{_PAIR_NAME}|(?:shared)?access_?key|account_?key)['\"]?\s*=\s*)"
    r"(?:(?P<quote>['\"]).*?(?P=quote)|[^\s,;'\"]+)",
    re.IGNORECASE,
)
_IN_MAPPING = re.compile(
    rf"(?P<name>(['\"])(?:{_PAIR_NAME}|authorization|secret|(?:[\w-]*-)?(?:api|access|auth)[_-]?(?:key|token))\2\s*:\s*)"
    r"(?P<quote>['\"]).*?(?P=quote)",
    re.IGNORECASE,
)
_SCHEME = r"(?:token|bearer|basic|digest|apikey|api-key|negotiate|aws4-hmac-sha256)"
_HEADER = re.compile(
    r"(?P<name>\b(?:[Bb]earer\s+(?=\S*[0-9_.~%+/=-]|\S{20}|[a-z]+[A-Z])|[Tt]oken\s+(?=[0-9a-f]{20})))"
    r"[A-Za-z0-9+/_.~%-]{8,}=*"
)
_BASIC = re.compile(r"(?P<name>\b[Bb]asic\s+)(?P<code>[A-Za-z0-9+/_-]{4,}={0,2})(?![\w=])")
_AUTHORIZATION = re.compile(
    rf"(?P<name>\bauthorization['\"]?\s*[:=]\s*['\"]?(?:{_SCHEME}\s+|(?:[a-z][\w-]*\s+)?(?=\S*\d)))[A-Za-z0-9+/_.~%:-]{{4,}}=*",
    re.IGNORECASE,
)
_IN_YAML = re.compile(
    r"(?P<name>(?:^|[{,;:])[ \t]*(?:- +)?(?:[\w-]*[_-])?"
    r"(?:(?:password|passwd|pwd|passphrase):[ \t]+|(?:secret|token|(?:api|access|secret|private)[_-]?key):[ \t]+"
    r"(?![\d.]+[ \t]*(?:[,}#\n]|$))))"
    r"(?!['\"]?(?:\$\{|<|null\b|none\b|true\b|false\b|~|[|>][+-]?[ \t]*$))"
    r"(?:(?P<quote>['\"]).*?(?P=quote)|[^\s,}#'\"]+(?=[ \t]*(?:[,}#;]|$)))",
    re.IGNORECASE | re.MULTILINE,
)
"""A mapping without quotes around its names, a value of one word: what is more than that is a sentence."""
_VARIABLE = re.compile(
    r"TOKEN(?!I[SZ])|SECRET|PASSWORD|PASSWD|_PWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH_STRING|CREDENTIAL|PASSPHRASE",
    re.I,
)
_URL_PASSWORD = re.compile(r"//[^/\s:@]*:(?P<password>[^\s/]+)@")
_URLSAFE = str.maketrans("+/", "-_")
SHOWN = "***"
SHORTEST_KNOWN = 8
"""What is shorter may be a word that stands anywhere; only its form tells that it opens something."""
_read: set[str] = set()


def remember_secret(text: str) -> str:
    """Mask this text wherever it stands from now on, whatever is around it; returns it."""
    _read.update(_spellings(text))
    return text


def remember_password_of(url: str) -> None:
    """Mask the password of a URL wherever it stands from now on; a URL without one changes nothing."""
    for found in _URL_PASSWORD.finditer(url):
        remember_secret(found["password"])


def masked(text: str) -> str:
    """The text with every password and token in it as `***`: of URLs, connection strings, headers; and known ones."""
    for secret in sorted(_known(), key=len, reverse=True):
        if secret in text:
            text = _alone(secret).sub(SHOWN, text) if secret.isalpha() else text.replace(secret, SHOWN)
    return _masked_by_form(text)


def holds_secret(text: str) -> bool:
    """Whether a text, such as a URL, holds a password or a token, by its form."""
    return _masked_by_form(text) != text


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


def _masked_by_form(text: str) -> str:
    if "//" in text:
        text = _WILD_PASSWORD.sub(rf"\g<name>{SHOWN}@", text)
        text = _USER.sub(lambda found: f"{found['scheme'] or ''}//{_shown_user(found[0])}@", text)
    for pattern in (_AS_PAIR, _IN_MAPPING, _IN_YAML):
        text = pattern.sub(lambda found: f"{found['name']}{found['quote'] or ''}{SHOWN}{found['quote'] or ''}", text)
    for pattern in (_AUTHORIZATION, _HEADER):
        text = pattern.sub(rf"\g<name>{SHOWN}", text)
    text = _IN_QUERY.sub(_shown_in_query, text)
    return _BASIC.sub(
        lambda found: f"{found['name']}{SHOWN}" if _is_user_and_password(found["code"]) else found[0], text
    )


def _shown_in_query(found: re.Match[str]) -> str:
    """A count of tokens is none."""
    is_count = found["name"].lower().endswith("tokens=") and found[0].rpartition("=")[2].isdigit()
    return found[0] if is_count else f"{found['name']}{SHOWN}"


def _is_user_and_password(code: str) -> bool:
    """Whether a word is what HTTP makes of `user:password`, and no word of a sentence."""
    try:
        return b":" in urlsafe_b64decode(f"{code.translate(_URLSAFE).rstrip('=')}{'=' * (-len(code.rstrip('=')) % 4)}")
    except ValueError:
        return False


def _shown_user(written: str) -> str:
    """Who, where a password followed; where none did it is the name alone, which is no secret."""
    user = written.rpartition("//")[2].rstrip("@") if "/" not in written.partition("//")[2] else ""
    name, has_password, _ = user.partition(":")
    if written.lower().startswith("http") and not has_password:  # there it is as likely a token
        return SHOWN
    return f"{name}:{SHOWN}" if has_password else (name or SHOWN)


def _known() -> set[str]:
    """What this process has read, and what its environment holds now."""
    return _read.union(*(_spellings(one) for one in _of_environment()))


def _of_environment() -> Iterator[str]:
    for name, text in os.environ.items():
        if "://" in text:
            yield from (found["password"] for found in _URL_PASSWORD.finditer(text))
        elif _opens(name) and not _is_count(name, text) and not text.startswith(("/", ".")):  # that is where it lies
            yield text
            yield text.rpartition(":")[2].rpartition(" ")[2]  # `user:password`, `Bearer token`


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
