"""Passwords of several words, and those that a sentence tells: what looks chosen, and no word of the sentence.

`password: correct horse battery` is one, and `password: is missing here` is none, nor is `password: Connection
refused`, which a system says; so is `the password is wrong`, and `the password is hunter tiger` tells one.
"""

from __future__ import annotations

import errno
import functools
import os
import re
from http import HTTPStatus

_ENTRY = re.compile(r"(?P<word>(?:[^\s;,\"'\\}\])]|[ \t](?=\S)|'(?=\w)|\\(?!['\"n]))+)")
"""Up to the next entry of a mapping."""
_LINE = re.compile(r"(?P<word>(?:[^\s\"'\\]|[ \t](?=\S)|'(?=\w)|\\(?!['\"n]))+)")
_STAMP = (
    r"[\[(]?(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ]\d{1,2}:\d{2}(?::\d{2})?)?|\d{1,2}:\d{2}(?::\d{2})?)"
    r"(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?[\])]?"
)
_LEVEL = r"[\[(]?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)[\])]?"
_BEFORE_NAME = re.compile(rf"[ \t]*(?:- +)?(?:{_STAMP}[ \t]+)?(?:{_LEVEL}[ \t]+)?(?:[\[(][^\])\n]*[\])][ \t]*)?[\w-]*")
_LOGGED = re.compile(rf"(?:^|[\s\[(])(?:{_STAMP}|{_LEVEL})\Z|[\])>]\Z", re.MULTILINE)
"""What a log writes before what it tells: a time, a level, something in brackets."""
_LONGEST_STAMP = 40
_SAID_OF_NAME = re.compile(r"[\w-]{1,100}[ \t]{0,3}:[ \t]{1,3}(?P<word>[A-Za-z]{1,40})(?=[.,;!)\]]|\s*\Z|[ \t]*\n)")
_MOST_BEFORE = 200
_OPENS_SENTENCE = (
    r"is|was|are|were|be|been|has|have|had|must|may|might|can|cannot|could|should|shall|will|would|does|do|did|not|no|"
    r"never|needs?|please|the|an?|of|for|in|from|to|at|on|by|as|with|without|and|or|if|see|use|say|set|put|give|write|"
    r"read|enter|field|input|extra|value|expected|expects|required|missing|invalid|unknown|wrong|incorrect|empty|too|"
    r"only|authentication|failed|where|which|what|who|why|how|one|every|each|this|that|it|its|there|text|string"
)
_BEGINS_SENTENCE = re.compile(rf"(?:{_OPENS_SENTENCE})\b", re.IGNORECASE)
_FAILED = re.compile(
    r"[A-Za-z]+(?:[ -][A-Za-z]+)?[ ](?:refused|failed|denied|error|timed?[ -]?out|not[ ]\w+|unavailable|expired|"
    r"exceeded|unreachable|closed|rejected|aborted|mismatch|reset|invalid|required)\b",
    re.IGNORECASE,
)
"""What a driver or a server says of it: two words or three, the last of which is a failure."""
LOOKS_CHOSEN = re.compile(r"[^a-z.:]")
"""What no word of a sentence is made of."""
PLAIN_WORD = re.compile(r"[A-Z]?[a-z.:/]+")
"""Of a sentence that follows a name, as an operating system says what is wrong with a file: No such file."""
_SAID = re.compile(
    r"\b(?:(?P<password>password|passphrase|passwd|pwd)|secret|token|api[ -]key)[ \t]{1,3}"
    r"(?:(?P<set>(?:(?:(?:has|have|had) been|is now|will be|is|was)[ \t]{1,3})?(?:set|reset|changed)[ \t]{1,3}to)|"
    r"is now|is|was|will be):?[ \t]{1,3}(?P<quote>['\"`(“]{0,2})",
    re.IGNORECASE,
)
_VALUE = re.compile(r"[^\s'\"`<>]{1,200}?(?=[.,;:!?)'\"`]{0,3}(?:\s|$))")
_CLOSES = {"(": ")", "“": "”"}
_LONGEST_QUOTED = 200
_IS_CLOSING = re.compile(r"['\"`][\s,.;:)\]}]")
"""A quote after which nothing is quoted ends a text, and begins no value."""
_NEXT_WORD = re.compile(r"[ \t]{1,3}(?P<word>[a-z]{1,40})(?=[.,;:!?)'\"`]{0,3}(?:\s|$))")
_MOST_WORDS = 8
_NOTHING = re.compile(r"(?:null|none|true|false|undefined)\b|\$[\{(]|\{\{|\*\*\*", re.IGNORECASE)
_SHORTEST_TOKEN = 8
_OF_A_SENTENCE = re.compile(
    rf"(?:{_OPENS_SENTENCE}|"
    # what it is done with, and how it is
    r"\w+(?:ed|ing|en|able|ible|less|ful|ly|ive|ous|ory|ary|ant|ent|al|ic|id)|ok|okay|kept|lost|left|built|found|held|"
    r"told|due|gone|got|cut|shown|known|made|reset|unset|correct|right|short|long|weak|strong|safe|unsafe|secure|"
    r"insecure|secret|private|old|new|fresh|stale|blank|bad|good|fine|equal|same|plain|clear|free|open|ready|live|"
    r"dead|similar|unique|obsolete|default|null|none|nothing|nobody|something|anything|everything|enough|true|false|"
    r"longer|shorter|weaker|stronger|older|newer|better|worse|more|less|fewer|least|most|mine|yours|his|hers|ours|theirs|"
    # the small words of a sentence
    r"still|now|also|already|just|very|so|here|there|once|again|yet|soon|always|often|almost|up|out|off|over|under|"
    r"about|after|before|between|per|via|like|than|then|but|when|while|until|because|since|into|onto|both|all|any|"
    r"some|many|few|such|other|another|neither|either|our|your|my|his|her|their|you|we|they|he|she|i|"
    r"part|case|subject|base|password|passwords|secret|token|key|user|users|yes|expire|rotate|rotated|match|"
    r"mandatory|change|work|\w+n't)",
    re.IGNORECASE,
)


def begins_entry(text: str, start: int) -> bool:
    """Whether a name begins a line or an entry of a mapping, and is no word of a sentence.

    What a log writes before it does not count. Read backwards: that ends at the mark of the name before this one at
    the latest.
    """
    at = start
    while at and (text[at - 1] in "_-" or text[at - 1].isalnum()):
        at -= 1
    while at and text[at - 1] in " \t":
        at -= 1
    if at and text[at - 1] == "-":
        at -= 1
        return not at or text[at - 1] == "\n"
    if not at or text[at - 1] in "\n{,;:":
        return True
    said = _SAID_OF_NAME.match(text, start)
    is_said = said is not None and _OF_A_SENTENCE.fullmatch(said["word"]) is not None
    return not is_said and _LOGGED.search(text[max(0, at - _LONGEST_STAMP) : at]) is not None


def says_what_is_wrong(text: str, start: int) -> bool:
    """Whether what begins at ``start`` is what a system, a server or a driver says of a failure."""
    line = text.find("\n", start, start + _MOST_BEFORE)
    told = text[start : start + _MOST_BEFORE if line < 0 else line].casefold()
    return told.startswith(_failures()) or _FAILED.match(text, start) is not None


@functools.cache
def _failures() -> tuple[str, ...]:
    """The words of this operating system and of HTTP for what has failed."""
    of_system = (os.strerror(number) for number in errno.errorcode)
    of_http = (one.phrase for one in HTTPStatus if one >= HTTPStatus.BAD_REQUEST)
    by_name = ("name or service not known", "temporary failure in name resolution", "no route to host")
    return tuple(dict.fromkeys((*(one.casefold() for one in (*of_system, *of_http)), *by_name)))


def several_words(text: str, name_at: int, start: int) -> re.Match[str] | None:
    """The words from ``start`` on, after a name at ``name_at`` that begins a line or an entry; None of a sentence.

    Of a line they are all of it, of an entry those up to the next one.
    """
    if _BEGINS_SENTENCE.match(text, start):
        return None
    line = text.rfind("\n", max(0, name_at - _MOST_BEFORE), name_at) + 1
    is_line = (line or name_at <= _MOST_BEFORE) and _BEFORE_NAME.fullmatch(text, line, name_at)
    return (_LINE if is_line else _ENTRY).match(text, start)


def without_told(text: str, shown: str) -> str:
    """The text with ``shown`` for what a sentence says that a password, secret, token or API key is, or was set to.

    A password that is quoted, looks chosen, or is no word that says how a password is; of the others what is long and
    has digits, or whatever they were set to.
    """
    told, at = [], 0
    while found := _SAID.search(text, at):
        is_over = _IS_CLOSING.match(text, found.end() - 1) is not None
        nowhere = found.end(), found.end()
        start, end = nowhere if is_over else _quoted(text, found) or _unquoted(text, found) or nowhere
        told += [text[at:start], shown if end > start else ""]
        at = end
    return "".join((*told, text[at:]))


def _quoted(text: str, found: re.Match[str]) -> tuple[int, int] | None:
    """All that is in quotes, however many words; None where nothing is, or it is of one that need not be hidden."""
    start, quote = found.end(), found["quote"][-1:]
    if not quote or _NOTHING.match(text, start):
        return None
    end = text.find(_CLOSES.get(quote, quote), start, start + _LONGEST_QUOTED)
    if end < 0 or "\n" in text[start:end]:
        return None
    is_value = found["password"] is not None or found["set"] is not None or _is_long(text[start:end])
    return (start, end) if is_value and end > start else (end, end)


def _unquoted(text: str, found: re.Match[str]) -> tuple[int, int] | None:
    """One word that looks chosen, or plain ones that say nothing of what a password is like."""
    value = _VALUE.match(text, found.end())
    if value is None or _NOTHING.match(value[0]):
        return None
    is_password, is_set = found["password"] is not None, found["set"] is not None
    if not is_password and not is_set:
        return value.span() if _is_long(value[0]) else None
    *_, last = value[0].strip(".:").split("-")
    if last.isalpha() and _OF_A_SENTENCE.fullmatch(last):
        return value.span() if found["quote"] else None
    end = value.end()
    if is_password and not LOOKS_CHOSEN.search(value[0]):
        for _ in range(_MOST_WORDS):
            more = _NEXT_WORD.match(text, end)
            if more is None or _OF_A_SENTENCE.fullmatch(more["word"]):
                break
            end = more.end()
    return value.start(), end


def _is_long(value: str) -> bool:
    return len(value) >= _SHORTEST_TOKEN and any(one.isdigit() for one in value)
