"""Passwords and tokens in what people are told: a URL keeps its place, and not what opens it."""

from __future__ import annotations

import re

_USER = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/\s'\"<>@]*(?:/[^/\s'\"<>@:]*)?@(?=[\w\[%.-])")
_NAMED = (
    r"[\w.\-%]*(?:token|secret|passw|pwd|[a-z]+[_-]key|apikey|accesskey|signature|credential|auth)[\w.\-%]*|sig|key"
)
_IN_QUERY = re.compile(rf"(?P<name>[?&;](?:{_NAMED})=)[^&\s'\"<>#;]+", re.IGNORECASE)
_AS_PAIR = re.compile(r"(?P<name>\b(?:password|passwd|pwd)\s*=\s*)(?:'[^']*'|\"[^\"]*\"|[^\s,;'\"]+)", re.IGNORECASE)
_HEADER = re.compile(r"(?P<name>\b(?:Bearer|Basic)\s+)[A-Za-z0-9+/_.~-]{8,}=*")
SHOWN = "***"


def masked(text: str) -> str:
    """The text with every password and token in it as `***`: of URLs, of connection strings, of headers."""
    text = _USER.sub(lambda found: f"{found['scheme'] or ''}//{_shown_user(found[0])}@", text)
    for pattern in (_IN_QUERY, _AS_PAIR, _HEADER):
        text = pattern.sub(rf"\g<name>{SHOWN}", text)
    return text


def holds_secret(url: str) -> bool:
    """Whether a URL holds a password or a token."""
    return masked(url) != url


def _shown_user(written: str) -> str:
    """Who, where a password followed; where none did it is the name alone, which is no secret."""
    user = written.rpartition("//")[2].rstrip("@") if "/" not in written.partition("//")[2] else ""
    name, has_password, _ = user.partition(":")
    if written.lower().startswith("http") and not has_password:  # there it is as likely a token
        return SHOWN
    return f"{name}:{SHOWN}" if has_password else (name or SHOWN)
