"""What opens a place, known by its form: where in a text a password, a token or a key stands, whatever wrote the text.

Two ways to look: patterns for what is told by itself (a URL with a password, a private key, a token of a known make),
and for what follows a name, such as `password=` or `"token": `, a scan to the end of the value, which knows how JSON,
Python, YAML and connection strings quote. What cannot be told from a sentence stays: `password: is missing here`.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode

SHOWN = "***"

_PASSWORD = r"password|passwd|passphrase|pwd|(?<=_)pass|(?<=_)pw"
_OTHER = (
    r"(?:client|refresh|access|auth|id|api)[_-]?(?:secret|token)|secret|token|authorization|cookie|"
    r"(?:api|access|account|private|secret|auth|signing|encryption)[_-]?key"
)
_NAMED = re.compile(
    rf"(?:(?P<password>{_PASSWORD})|(?P<other>{_OTHER}))"
    r"(?P<close>\\*['\"])?[ \t]*(?P<mark>:|=>|=(?!=))(?P<space>[ \t]*)",
    re.IGNORECASE,
)
"""The end of a name that holds the thing itself: `token_file` and `password_env` say where it lies."""
_QUOTED = re.compile(r"[bBrRuU]{0,2}(?P<escapes>\\*)(?P<quote>['\"])")
_NOTHING = re.compile(r"(?:null|none|true|false|undefined)\b|~|\$[\{(]|<|\{\{|\*\*\*", re.IGNORECASE)
_NUMBER = re.compile(r"[\d.]+(?=[ \t]*(?:[,}\])#\s]|$))")
_CHARACTER = r"(?:[^\s;'\"\\]|['\";](?=\w)|\\(?!['\"]))"
_WORD = re.compile(
    rf"(?:[&!][^\s,]*[ \t]+)?(?P<word>{_CHARACTER}+?)"
    r"(?=[,)\]}]*(?:[ \t]*(?:[;'\"]|\\['\"n]|$)|[ \t]+#)|,[ \t]|[)\]}]+\.?(?:[,\s]|$))",
    re.MULTILINE,
)
"""A value of one word; what is more than that is a sentence. An anchor or a type of YAML may stand before it."""
_TIGHT = re.compile(rf"{_CHARACTER}+?(?=[,.)\]}}]*(?:[\s;'\"]|\\['\"]|$))")
_PAIRED = re.compile(r"\{[^}]*\}|(?:[^\s;'\"&]|['\"&](?![\s,;)\]}]|$))+?(?=[,)\]}'\"]*(?:[\s;]|$))")
_BLOCK_HEAD = re.compile(r"(?:[|>][-+0-9]*)?[ \t]*(?:#[^\n]*)?\n")
_AFTER_VALUE = re.compile(r"[ \t]*(?:[,:;}\])\n]|$)")
_HEADER_LIST = re.compile(r"\[[^\]]*(?:\]|\Z)")
_ALONE = re.compile(r"[^\s:{}\[\],|>-][^\s:{}\[\],|>]*")
_LOOKS_CHOSEN = re.compile(r"[^a-z.:]")

_QUERY_NAME = (
    r"[\w.\-%]*(?:token|secret|passw|pwd|[a-z]+[_-]key|apikey|accesskey|signature|credential|auth(?!or))[\w.\-%]*"
    r"|sig|key"
)
_USER = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*:)?(?P<slashes>//|\\/\\/)"
    r"(?P<user>[^/\s'\"<>@]*@(?=[\w\[%.-])|[^/\s'\"<>@.:]*/[^/\s'\"<>@:]*@(?=localhost\b|\[|(?:[\w-]+\.)+[a-z]{2,}\b))"
)
"""Who asks; with a `/` in it where what follows is surely a host, for else `host/package@version` would be one."""
_WILD_PASSWORD = re.compile(
    r"(?P<name>(?://|\\/\\/)[^/\s:?#'\"<>]*:)(?!\d{1,5}(?:[/?#\s'\"<>),]|\\/|$))(?!//)[^\s]+@(?=[\w\[%.-])"
)
"""A password with `/`, `?` or `@` in it as it is: no URL may hold one, and people write it all the same."""
_ENCODED_USER = re.compile(r"(?P<name>%3A%2F%2F(?:(?!%3A|%2F|%40)[^\s&])*%3A)(?:(?!%40)[^\s&])+(?=%40)", re.IGNORECASE)
_IN_QUERY = re.compile(rf"(?P<name>[?&;#](?:{_QUERY_NAME})=)[^&\s'\"<>#;]+", re.IGNORECASE)
_PRIVATE_KEY = re.compile(
    r"(?P<name>-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----).*?(?P<end>-----END [A-Z0-9 ]*KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_SCHEME = r"(?:token|bearer|basic|apikey|api-key|negotiate)"
_BEARER = re.compile(
    r"(?P<name>\b(?:[Bb]earer\s+(?=\S*[0-9_.~%+/=-]|\S{20}|[a-z]+[A-Z])|[Tt]oken\s+(?=[0-9a-f]{20})))"
    r"[A-Za-z0-9+/_.~%-]{8,}=*"
)
_BASIC = re.compile(r"(?P<name>\b[Bb]asic\s+)(?P<code>[A-Za-z0-9+/_-]{4,}={0,2})(?![\w=])")
_AUTHORIZATION = re.compile(
    rf"(?P<name>\bauthorization['\"]?\s*[:=,]\s*b?['\"]?(?:{_SCHEME}\s+|(?:[a-z][\w-]*\s+)?(?=\S*\d)))"
    r"[A-Za-z0-9+/_.~%:-]{4,}=*",
    re.IGNORECASE,
)
_WITH_PARAMETERS = re.compile(
    r"(?P<name>\bauthorization['\"]?\s*[:=,]\s*b?['\"]?(?:digest|aws4-hmac-sha256|oauth|hawk)\s+)[^\n]+", re.IGNORECASE
)
_COOKIE = re.compile(r"(?P<name>\b(?:set-)?cookie2?:[ \t]*)[^\s=;]+=[^\r\n]*", re.IGNORECASE)
_HEADER_PAIR = re.compile(
    r"(?P<name>(?P<open>\\{0,15}['\"])(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]{0,40}(?:key|token|secret|signature))"
    r"(?P=open)\s*,\s*)(?=b?\\*['\"])",
    re.IGNORECASE,
)
"""A header as a pair of a list, as HTTP libraries keep it."""
_X_HEADER = re.compile(r"(?P<name>\bx-[\w-]{0,40}(?:key|token|secret|signature):[ \t]*)[^\s,'\"]+", re.IGNORECASE)
_OPTION = re.compile(
    r"(?P<name>(?:^|\s)--?[\w-]{0,40}(?:password|passwd|passphrase|secret|token|api-key)[ \t]+)(?!-)\S*[^a-z\s]\S*",
    re.IGNORECASE,
)
_CURL_USER = re.compile(r"(?P<name>\s(?:-u|--user)[ =]['\"]?[^\s:'\"]+:)[^\s'\"]+")
_ELEMENT = re.compile(rf"(?P<name><[\w.:-]*(?:{_PASSWORD}|{_OTHER})>)[^<]+(?=</)", re.IGNORECASE)
_OF_A_MAKE = re.compile(
    r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}|\bxox[abeprs]-[\w-]{10,}|"
    r"\bwhsec_[A-Za-z0-9+/]{16,}=*|\bsk-[A-Za-z0-9_-]{20,}|(?<=hooks\.slack\.com/services/)[\w/]{10,}"
)
_URLSAFE = str.maketrans("+/", "-_")


def masked_by_form(text: str) -> str:
    """The text with `***` for everything that opens a place, as far as its form tells."""
    text = _PRIVATE_KEY.sub(rf"\g<name>{SHOWN}\g<end>", text)
    if "//" in text or "\\/" in text:
        text = _WILD_PASSWORD.sub(rf"\g<name>{SHOWN}@", text)
        text = _USER.sub(_shown_user, text)
    for pattern in (_ENCODED_USER, _WITH_PARAMETERS, _COOKIE, _ELEMENT):
        text = pattern.sub(rf"\g<name>{SHOWN}", text)
    text = _IN_QUERY.sub(_shown_in_query, text)
    text = _with_values_masked(text)
    for pattern in (_AUTHORIZATION, _BEARER, _X_HEADER, _OPTION, _CURL_USER):
        text = pattern.sub(rf"\g<name>{SHOWN}", text)
    return _OF_A_MAKE.sub(SHOWN, _BASIC.sub(_shown_basic, text))


def _with_values_masked(text: str) -> str:
    """The text with `***` for each value that follows a name of what opens a place."""
    for pattern, place_of in ((_HEADER_PAIR, _quoted_place), (_NAMED, _value_place)):
        told, at = [], 0
        while found := pattern.search(text, at):
            start, end = place_of(text, found) or (found.end(), found.end())
            told += [text[at:start], SHOWN if end > start else ""]
            at = end
        text = "".join((*told, text[at:]))
    return text


def _value_place(text: str, found: re.Match[str]) -> tuple[int, int] | None:
    """From where to where the value of a name stands; None where there is none, or it is a number or a sentence."""
    start, is_password = found.end(), found["password"] is not None
    if _NOTHING.match(text, start):
        return None
    if _QUOTED.match(text, start):
        is_of_a_sentence = found["mark"] == ":" and not found["close"] and not _begins_entry(text, found.start())
        return None if is_of_a_sentence and not is_password else _quoted_place(text, found)
    if not is_password and _NUMBER.match(text, start):
        return None
    if found["mark"] != ":":
        return _place(_PAIRED.match(text, start)) if _is_pair(text, found) else None
    if block := _BLOCK_HEAD.match(text, start):
        return _block_place(text, found, block)
    if found["close"]:
        return _place(_HEADER_LIST.match(text, start) or _WORD.match(text, start), not_of="{")
    return _plain_place(text, found, is_password)


def _plain_place(text: str, found: re.Match[str], is_password: bool) -> tuple[int, int] | None:
    """The one word after `name:`, in YAML or in a line of a log."""
    word, is_cookie = _WORD.match(text, found.end()), found[0].lower().startswith("cookie")
    if not found["space"]:
        word = _TIGHT.match(text, found.end())
    elif word is not None and not _begins_entry(text, found.start()):
        word = word if is_password and _LOOKS_CHOSEN.search(word["word"]) else None
    if word is None or (is_cookie and "=" not in word[0]) or found[0].lower().startswith("authorization"):
        return None
    return _place(word, not_of="{[/|>")


def _place(found: re.Match[str] | None, not_of: str = "") -> tuple[int, int] | None:
    if found is None or found[0][0] in not_of:
        return None
    return (found.start("word") if "word" in found.re.groupindex else found.start()), found.end()


def _is_pair(text: str, found: re.Match[str]) -> bool:
    """A parameter of a URL is none: where it ends is known better there."""
    before = text[: found.start()].rstrip("_-.%abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    return not before.endswith(("?", "&", "#"))


def _begins_entry(text: str, start: int) -> bool:
    """Whether a name begins a line or an entry of a mapping, and is no word of a sentence."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    before = re.sub(r"[\w-]*$", "", line).rstrip(" \t")
    return before in ("", "-") or before[-1] in "{,;:"


def _block_place(text: str, found: re.Match[str], head: re.Match[str]) -> tuple[int, int] | None:
    """The lines below a name of YAML that are further in than it; without `|` or `>` only a word of the next one."""
    line = text.rfind("\n", 0, found.start()) + 1
    indent = len(re.compile(r"[ \t]*(?:- +)?").match(text, line)[0])  # type: ignore[index]
    body = re.compile(rf"(?:[ \t]{{{indent + 1},}}[^\n]*(?:\n|\Z)|[ \t]*\n)+").match(text, head.end())
    if body is None or not body[0].strip():
        return None
    start, end = head.end() + len(body[0]) - len(body[0].lstrip()), head.end() + len(body[0].rstrip())
    if head[0][:1] in "|>" or (_begins_entry(text, found.start()) and _ALONE.fullmatch(text, start, end)):
        return start, end
    return None


def _quoted_place(text: str, found: re.Match[str]) -> tuple[int, int]:
    """From the opening quote to the closing one, or to the end of the line where it was cut off.

    In a text of which ``k`` backslashes escape the quotes, ``n`` backslashes before one close it where
    ``n mod (2k + 2) = k``: others belong to the value. A quote that is doubled belongs to it too, and one after
    backslashes that no mark follows: Python shows a text of `"` within `'` with its backslashes doubled alone.
    """
    opening = _QUOTED.match(text, found.end())
    assert opening is not None
    start, depth, quote = opening.end(), len(opening["escapes"]), re.compile(rf"(\\*){opening['quote']}")
    at = start
    while one := quote.search(text, at):
        at = one.end()
        if len(one[1]) % (2 * depth + 2) != depth or (len(one[1]) > depth and not _AFTER_VALUE.match(text, at)):
            continue
        if not depth and at - 1 > start and text[at : at + 1] == opening["quote"]:
            at += 1
            continue
        return start, one.end() - 1 - depth
    line = text.find("\n", start)
    return start, len(text) if line < 0 else line


def _shown_in_query(found: re.Match[str]) -> str:
    """A count of tokens is none."""
    is_count = found["name"].lower().endswith("tokens=") and found[0].rpartition("=")[2].isdigit()
    return found[0] if is_count else f"{found['name']}{SHOWN}"


def _shown_basic(found: re.Match[str]) -> str:
    return f"{found['name']}{SHOWN}" if _is_user_and_password(found["code"]) else found[0]


def _is_user_and_password(code: str) -> bool:
    """Whether a word is what HTTP makes of `user:password`, and no word of a sentence."""
    try:
        return b":" in urlsafe_b64decode(f"{code.translate(_URLSAFE).rstrip('=')}{'=' * (-len(code.rstrip('=')) % 4)}")
    except ValueError:
        return False


def _shown_user(found: re.Match[str]) -> str:
    """Who, where a password followed; where none did it is the name alone, which is no secret."""
    user = "" if "/" in found["user"] else found["user"].rstrip("@")
    name, has_password, _ = user.partition(":")
    if (found["scheme"] or "").lower().startswith("http") and not has_password:  # there it is as likely a token
        name = SHOWN
    elif has_password:
        name = f"{name}:{SHOWN}"
    return f"{found['scheme'] or ''}{found['slashes']}{name or SHOWN}@"
