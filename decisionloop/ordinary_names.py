"""What looks like a name of what opens a place, or like a value of one, and is neither: `let_pass`, `"12.50"`."""

from __future__ import annotations

import re

_ORDINARY_PASS = re.compile(
    r"(?:^|[^a-z])(?:lets?|may|by|under|over|first|second|third|one|two|single|double|multi|day|week|month|year|season|"
    r"annual|daily|weekly|monthly|yearly|boarding|travel|rail|train|bus|tram|metro|ferry|flight|ski|lift|gym|pool|park|"
    r"parking|museum|city|tourist|visitor|press|event|festival|hall|free|fast|express|battle|low|high|band|soft|hard)_\Z",
    re.IGNORECASE,
)
"""Before `pass`: what lets somebody through."""
_LONGEST = 20
MONEY = re.compile(r"(?P<escapes>\\*)(?P<quote>['\"])[-+]?(?:\d{1,2}|\d{1,9}\.\d{1,2})(?P=escapes)(?P=quote)")
"""A sum or a share in quotes, as contracts write them: too short for a password, or a number that nobody chooses."""


def is_ordinary_pass(text: str, name: re.Match[str]) -> bool:
    """Whether a name that ends in `_pass` is one of an action or a column, and of no password."""
    start = name.start()
    is_pass = (name["password"] or "").lower() == "pass"
    return is_pass and _ORDINARY_PASS.search(text[max(0, start - _LONGEST) : start]) is not None
