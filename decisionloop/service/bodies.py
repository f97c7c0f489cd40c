"""What a request's body may be: JSON that every reader understands alike. Anything else is refused with a reason."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

LARGEST_BYTES = 1_048_576
DEEPEST = 32

Json = Mapping[str, object]


class BadBody(Exception):
    """The body is no JSON object that can be taken in. The text names no value of it."""


def read_object(body: bytes) -> Json:
    """The JSON object of a body.

    Raises BadBody for anything else, for NaN and infinities, keys given twice, text that is no Unicode (lone
    surrogates) or holds NUL, and for what is nested deeper than `DEEPEST`.
    """
    try:
        content = json.loads(
            body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite
        )
    except RecursionError:
        raise BadBody(f"is nested deeper than {DEEPEST}") from None
    except UnicodeDecodeError:
        raise BadBody("is no UTF-8") from None
    except ValueError as error:  # a number of thousands of digits is one as well
        raise BadBody(f"is no JSON at character {getattr(error, 'pos', 0)}") from None
    if not isinstance(content, dict):
        raise BadBody("is no JSON object")
    _require_plain(content)
    return content


def value_at(body: Json, path: str) -> object:
    """What stands at a path of names joined by dots; None where nothing does."""
    found: object = body
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def text_at(body: Json, path: str) -> str:
    """The text that stands at a path; "" where there is none."""
    found = value_at(body, path)
    return found if isinstance(found, str) else ""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise BadBody("gives a key twice")
    return content


def _no_number(_: str) -> object:
    raise BadBody("holds a number that JSON does not have")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadBody("holds a number that is too large")
    return number


def _require_plain(content: dict[str, object]) -> None:
    """Go through everything without recursion: its depth, and that each text can be written anywhere."""
    todo: list[tuple[object, int]] = [(content, 1)]
    while todo:
        one, depth = todo.pop()
        if isinstance(one, str):
            if "\0" in one or (not one.isascii() and any("\ud800" <= letter <= "\udfff" for letter in one)):
                raise BadBody("holds text that is no Unicode, or NUL")
        elif isinstance(one, dict | list):
            if depth > DEEPEST:
                raise BadBody(f"is nested deeper than {DEEPEST}")
            parts = [*one.keys(), *one.values()] if isinstance(one, dict) else one
            todo.extend((part, depth + 1) for part in parts)
