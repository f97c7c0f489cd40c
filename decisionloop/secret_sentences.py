"""Passwords of several words, and those that a sentence tells: what looks chosen, and no word of the sentence.

`password: correct horse battery` is one, and `password: is missing here` is none; so is `the password is wrong`.
"""

from __future__ import annotations

import re

_ENTRY = re.compile(r"(?P<word>(?:[^\s;,\"'\\}\])]|[ \t](?=\S)|'(?=\w)|\\(?!['\"n]))+)")
"""Up to the next entry of a mapping."""
_LINE = re.compile(r"(?P<word>(?:[^\s\"'\\]|[ \t](?=\S)|'(?=\w)|\\(?!['\"n]))+)")
_BEFORE_NAME = re.compile(r"[ \t]*(?:- +)?[\w-]*")
_MOST_BEFORE = 200
_BEGINS_SENTENCE = re.compile(
    r"(?:is|was|are|were|be|been|has|have|had|must|may|might|can|cannot|could|should|shall|will|would|does|do|did|not|no|"
    r"never|needs?|please|the|an?|of|for|in|from|to|at|on|by|as|with|without|and|or|if|see|use|say|set|put|give|write|"
    r"read|enter|field|input|extra|value|expected|expects|required|missing|invalid|unknown|wrong|incorrect|empty|too|"
    r"only|authentication|failed|where|which|what|who|why|how|one|every|each|this|that|it|its|there|text|string)\b",
    re.IGNORECASE,
)
LOOKS_CHOSEN = re.compile(r"[^a-z.:]")
"""What no word of a sentence is made of."""
PLAIN_WORD = re.compile(r"[A-Z]?[a-z.:/]+")
"""Of a sentence that follows a name, as an operating system says what is wrong with a file: No such file."""
_SAID = re.compile(
    r"(?P<name>\b(?:(?P<password>password|passphrase|passwd|pwd)|secret|token|api[ -]key)[ \t]{1,3}"
    r"(?:is|was|will be|has been set to|is set to|was set to|set to):?[ \t]{1,3}(?P<quote>['\"`(]{0,2}))"
    r"(?P<value>[^\s'\"`<>]{1,200}?)(?=[.,;:!?)'\"`]{0,3}(?:\s|$))",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"(?:null|none|true|false|undefined)\b|\$[\{(]|\{\{|\*\*\*", re.IGNORECASE)
_SHORTEST_TOKEN = 8


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
    """The text with ``shown`` for what a sentence says that a password, secret, token or API key is.

    A password that looks chosen or is quoted; of the others what is long and has digits.
    """

    def told(found: re.Match[str]) -> str:
        value, is_password = found["value"], found["password"] is not None
        is_long = len(value) >= _SHORTEST_TOKEN and any(one.isdigit() for one in value)
        is_chosen = (LOOKS_CHOSEN.search(value) or found["quote"]) if is_password else is_long
        return found[0] if _NOTHING.match(value) or not is_chosen else f"{found['name']}{shown}"

    return _SAID.sub(told, text)
