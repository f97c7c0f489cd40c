"""What opens a place, known by its form: where in a text a password, a token or a key stands, whatever wrote the text.

Two ways to look: patterns for what is told by itself (a URL with a password, a private key, a token of a known make),
and for what follows a name, such as `password=` or `"token": `, a scan to the end of the value, which knows how JSON,
Python, YAML and connection strings quote. What cannot be told from a sentence stays (`password: is missing here`);
what a sentence tells, and passwords of several words, are in secret_sentences.py.

The work grows with the text and not with its square, also where all of it is one line: what looks ahead or behind stops
at a bound, or takes what it has looked at whether or not it was a secret.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode

from decisionloop.ordinary_names import MONEY, is_ordinary_pass
from decisionloop.secret_sentences import (
    LOOKS_CHOSEN,
    PLAIN_WORD,
    begins_entry,
    says_what_is_wrong,
    several_words,
    without_told,
)

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
    r"(?=[,)\]}]{0,20}(?:[ \t]*(?:;|['\"](?!\w)|\\['\"n]|$)|[ \t]+#)|,[ \t]|[)\]}]{1,20}\.?(?:[,\s]|$))",
    re.MULTILINE,
)
"""A value of one word; what is more than that is a sentence. An anchor or a type of YAML may stand before it.

More than twenty brackets after it belong to it, here and below.
"""
_TIGHT = re.compile(rf"{_CHARACTER}+?(?=[,.)\]}}]{{0,20}}(?:[\s;'\"]|\\['\"]|$))")
_PAIRED = re.compile(r"\{[^}]{0,1000}\}|(?:[^\s;'\"&]|['\"&](?![\s,;)\]}]|$))+?(?=[,)\]}'\"]{0,20}(?:[\s;]|$))")
_BLOCK_HEAD = re.compile(r"(?:[|>][-+0-9]*)?[ \t]*(?:#[^\n]{0,1000})?\n")
_AFTER_VALUE = re.compile(r"[ \t]*(?:[,:;}\])\n]|$)")
_HEADER_LIST = re.compile(r"\[[^\]]*(?:\]|\Z)")
_ALONE = re.compile(r"[^\s:{}\[\],|>-][^\s:{}\[\],|>]*")
_COLUMN = re.compile(r"[a-z_]+")
_NAMES_A_COOKIE = re.compile(r"[^\s=]{0,256}=")

_QUERY_NAME = (
    r"[\w.\-%]{0,60}(?:token|secret|passw|pwd|[a-z]+[_-]key|apikey|accesskey|signature|credential|auth(?!or))[\w.\-%]{0,60}"
    r"|sig|key|code|otp|assertion|samlresponse"
)
_USER = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]{0,40}+:)?(?P<slashes>//|\\/\\/)"
    r"(?P<user>[^/\s'\"<>@]*@(?=[\w\[%.-])|[^/\s'\"<>@.:]*/[^/\s'\"<>@:]*@(?=localhost\b|\[|(?:[\w-]+\.)+[a-z]{2,}\b))"
)
"""Who asks; with a `/` in it where what follows is surely a host, for else `host/package@version` would be one."""
_WILD_PASSWORD = re.compile(
    r"(?P<name>(?://|\\/\\/)[^/\s:?#'\"<>]*:)(?!\d{1,5}(?:[/?#\s'\"<>),]|\\/|$))(?!//)"
    r"(?:\S+@(?=[\w\[%.-])|(?P<none>\S+))"
)
"""A password with `/`, `?` or `@` in it as it is: no URL may hold one, and people write it all the same."""
_ENCODED_USER = re.compile(
    r"(?P<name>%3A%2F%2F(?:(?!%3A|%2F|%40)[^\s&])*+%3A)(?:(?!%40)[^\s&])++(?P<none>(?!%40))?", re.IGNORECASE
)
_CODE, _SHORTEST_CODE = re.compile(r"[?&;#](?:code|otp)=", re.IGNORECASE), 6
"""What is shorter is the code of a country, a currency or an answer, unless letters and digits are mixed in it."""
_MIXED = re.compile(r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z\d]{5}")
_OF_A_LOGIN = re.compile(r"[?&;#](?:state|session_state|iss|grant_type|code_verifier)=", re.IGNORECASE)
"""What stands in a URL beside the code that a login hands over."""
_LONGEST_URL = 500
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
    rf"(?P<name>\bauthorization['\"]?\s*[:=,]\s*b?['\"]?(?:{_SCHEME}\s+|(?:[a-z][\w-]*\s+)?(?=[^\s\d]{{0,1000}}\d)))"
    r"[A-Za-z0-9+/_.~%:-]{4,}=*",
    re.IGNORECASE,
)
_WITH_PARAMETERS = re.compile(
    r"(?P<name>\bauthorization['\"]?\s*[:=,]\s*b?['\"]?(?:digest|aws4-hmac-sha256|oauth|hawk)\s+)[^\n]+", re.IGNORECASE
)
_COOKIE = re.compile(r"(?P<name>\b(?:set-)?cookie2?:[ \t]*)[^\s=;]{1,256}=[^\r\n]*", re.IGNORECASE)
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
_SIGNED = re.compile(r"\beyJ[\w-]{8,}+(?:\.eyJ[\w-]{8,}+\.[\w-]+|(?P<none>))")
_OF_A_MAKE = re.compile(
    r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}|\bxox[abeprs]-[\w-]{10,}|"
    r"\bwhsec_[A-Za-z0-9+/]{16,}=*|\bsk-[A-Za-z0-9_-]{20,}|(?<=hooks\.slack\.com/services/)[\w/]{10,}"
)
_NO_WORDS = re.compile(r"[A-Z0-9]")
"""A token of a make has digits or capitals: `sk-learn-is-a-library-that-we-use` is none."""
_URLSAFE = str.maketrans("+/", "-_")


def masked_by_form(text: str) -> str:
    """The text with `***` for everything that opens a place, as far as its form tells."""
    text = _PRIVATE_KEY.sub(rf"\g<name>{SHOWN}\g<end>", text)
    if "//" in text or "\\/" in text:
        text = _WILD_PASSWORD.sub(lambda found: _shown_unless_none(found, "@"), text)
        text = _USER.sub(_shown_user, text)
    text = _ENCODED_USER.sub(_shown_unless_none, text)
    for pattern in (_WITH_PARAMETERS, _COOKIE, _ELEMENT):
        text = pattern.sub(rf"\g<name>{SHOWN}", text)
    text = without_told(_IN_QUERY.sub(_shown_in_query, text), SHOWN)
    text = _with_values_masked(text)
    for pattern in (_AUTHORIZATION, _BEARER, _X_HEADER, _OPTION, _CURL_USER):
        text = pattern.sub(rf"\g<name>{SHOWN}", text)
    text = _SIGNED.sub(lambda found: SHOWN if found["none"] is None else found[0], _BASIC.sub(_shown_basic, text))
    return _OF_A_MAKE.sub(lambda found: SHOWN if _NO_WORDS.search(found[0]) else found[0], text)


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
    if _NOTHING.match(text, start) or MONEY.match(text, start) or is_ordinary_pass(text, found):
        return None
    if _QUOTED.match(text, start):
        is_of_a_sentence = found["mark"] == ":" and not found["close"] and not begins_entry(text, found.start())
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
    name, start = found[0].lower(), found.end()
    if name.startswith("authorization") or (name.startswith("cookie") and not _NAMES_A_COOKIE.match(text, start)):
        return None
    if text[start : start + 1] in "{[/|>" or says_what_is_wrong(text, start):
        return None
    word = (_WORD if found["space"] else _TIGHT).match(text, start)
    if word is None and is_password:
        return _several_place(text, found)
    if word is None or (name.startswith("cookie") and "=" not in word[0]):
        return None
    if found["space"] and not begins_entry(text, found.start()):
        return _place(word) if is_password and LOOKS_CHOSEN.search(word["word"]) else None
    if (
        name.startswith("account") and found["space"] and _COLUMN.fullmatch(word[0])
    ):  # whose key it is, as contracts and schemas say
        return None
    return _place(word)


def _several_place(text: str, found: re.Match[str]) -> tuple[int, int] | None:
    """The words after `password: `, or within a sentence the first of them, where it looks chosen and begins none."""
    is_quoted = text[found.start() - 1 : found.start()] in {"'", '"'}
    if is_quoted or begins_entry(text, found.start()):
        return _place(several_words(text, found.start(), found.end()))
    first = _TIGHT.match(text, found.end())
    return _place(first) if first is not None and not PLAIN_WORD.fullmatch(first[0]) else None


def _place(found: re.Match[str] | None, not_of: str = "") -> tuple[int, int] | None:
    if found is None or found[0][0] in not_of:
        return None
    return (found.start("word") if "word" in found.re.groupindex else found.start()), found.end()


def _is_pair(text: str, found: re.Match[str]) -> bool:
    """A parameter of a URL is none: where it ends is known better there."""
    at = found.start()
    while at and (text[at - 1] in "_-.%" or (text[at - 1].isascii() and text[at - 1].isalnum())):
        at -= 1
    return not at or text[at - 1] not in "?&#"


def _block_place(text: str, found: re.Match[str], head: re.Match[str]) -> tuple[int, int] | None:
    """The lines below a name of YAML that are further in than it; without `|` or `>` only a word of the next one."""
    line = text.rfind("\n", 0, found.start()) + 1
    indent = len(re.compile(r"[ \t]*(?:- +)?").match(text, line)[0])  # type: ignore[index]
    body = re.compile(rf"(?:[ \t]{{{indent + 1},}}[^\n]*(?:\n|\Z)|[ \t]*\n)+").match(text, head.end())
    if body is None or not body[0].strip():
        return None
    start, end = head.end() + len(body[0]) - len(body[0].lstrip()), head.end() + len(body[0].rstrip())
    if head[0][:1] in "|>" or (begins_entry(text, found.start()) and _ALONE.fullmatch(text, start, end)):
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
    start, depth, quote = opening.end(), len(opening["escapes"]), opening["quote"]
    at = start
    while (one := text.find(quote, at)) >= 0:
        escapes = one - at - len(text[at:one].rstrip("\\"))
        at = one + 1
        if escapes % (2 * depth + 2) != depth or (escapes > depth and not _AFTER_VALUE.match(text, at)):
            continue
        if not depth and one > start and text[at : at + 1] == quote:
            at += 1
            continue
        return start, one - depth
    line = text.find("\n", start)
    return start, len(text) if line < 0 else line


def _shown_unless_none(found: re.Match[str], end: str = "") -> str:
    """What was looked at in vain is taken as well: nothing that begins within it can end otherwise."""
    return found[0] if found["none"] is not None else f"{found['name']}{SHOWN}{end}"


def _shown_in_query(found: re.Match[str]) -> str:
    """A count of tokens is none, nor is a short code."""
    value = found[0][len(found["name"]) :]
    is_count = found["name"].lower().endswith("tokens=") and value.isdigit()
    is_code = _CODE.fullmatch(found["name"]) is not None
    is_short = is_code and len(value) < _SHORTEST_CODE and not _MIXED.fullmatch(value) and not _is_of_login(found)
    return found[0] if is_count or is_short else f"{found['name']}{SHOWN}"


def _is_of_login(found: re.Match[str]) -> bool:
    """Whether the rest of the URL says that a short code opens something."""
    before = found.string[max(0, found.start() - _LONGEST_URL) : found.start()].rpartition(" ")[2]
    after = found.string[found.end() : found.end() + _LONGEST_URL].partition(" ")[0]
    return _OF_A_LOGIN.search(f"{before}{after}") is not None


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
