"""Reason codes read back: the stored features and sizes in the contract's wording, with their direction.

The one place where stored reasons become words; `reasons` documents what is stored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from decisionloop.errors import IntegrityError
from decisionloop.predict.arrow_values import encoded_texts
from decisionloop.predict.reasons.codes import APPROXIMATE, ReasonCatalogue

Direction = Literal["raises", "lowers", "decides"]


@dataclass(frozen=True)
class WordedReason:
    """One reason as people read it. ``size`` is the distance that the score was moved, on the margin scale.

    Words that are no feature's (those of the rules) have no ``feature`` and no ``size``; they decide by themselves.
    """

    feature: str
    wording: str
    direction: Direction
    size: float | None
    is_exact: bool = True

    @property
    def contribution(self) -> float | None:
        """The size with its direction as the sign: above zero raises the score."""
        return None if self.size is None else -self.size if self.direction == "lowers" else self.size


def read_reasons(text: str, catalogue: ReasonCatalogue) -> tuple[WordedReason, ...]:
    """The reasons of one stored ``text``, in its order; a feature that ``catalogue`` does not word keeps its name.

    Give an empty catalogue for a decision under another version of the contract. Text that is not JSON is taken as
    words. Raises IntegrityError for JSON that is no list of reasons.
    """
    try:
        content = json.loads(text)
    except ValueError:
        content = [text]
    if not isinstance(content, list):
        raise _unreadable(text, content)
    return tuple(_worded(text, entry, catalogue) for entry in content)


def in_words(words: np.ndarray) -> pa.DictionaryArray:
    """Words (n,) of the rules as stored reason codes: JSON lists of one text each, every different one once."""
    encoded = encoded_texts(words)
    entries = [json.dumps([text], ensure_ascii=False) for text in encoded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(entries, pa.string()))


class ReasonSentences:
    """The reasons of stored texts as sentences: `sentence_of` each of :func:`read_reasons`.

    Features are few and their sentences the same each time, so that those of a model are made once.
    """

    def __init__(self, catalogue: ReasonCatalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[tuple[str, bool], str] = {}

    def of(self, text: str) -> list[str]:
        """The sentences of one stored ``text``, in its order. Raises what :func:`read_reasons` raises."""
        try:
            content = json.loads(text)
            if isinstance(content, list):
                return [self._known[feature, size > 0] for feature, size in content]
        except (KeyError, TypeError, ValueError):
            pass  # no pairs of a feature and a size, or of one that was not told before
        return self._read(text)

    def _read(self, text: str) -> list[str]:
        reasons = read_reasons(text, self._catalogue)
        sentences = [sentence_of(one) for one in reasons]
        for one, sentence in zip(reasons, sentences, strict=True):
            if one.is_exact and one.feature in self._catalogue.reasons:
                self._known[one.feature, one.direction == "raises"] = sentence
        return sentences


def sentence_of(reason: WordedReason) -> str:
    """A reason as people read it in an answer."""
    if reason.direction == "decides":
        return reason.wording
    about = "" if reason.is_exact else " (approximately)"
    return f"{reason.wording} {reason.direction} the score{about}"


def _worded(text: str, entry: Any, catalogue: ReasonCatalogue) -> WordedReason:
    match entry:
        case str():
            return WordedReason("", entry, "decides", None)
        case [str(feature), int() | float() as size, *rest] if rest in ([], [APPROXIMATE]):
            reason = catalogue.reasons.get(feature)
            wording = feature if reason is None else reason.wording
            return WordedReason(feature, wording, "raises" if size > 0 else "lowers", abs(float(size)), not rest)
    raise _unreadable(text, entry)


def _unreadable(text: str, entry: Any) -> IntegrityError:
    return IntegrityError(
        f"the reason codes {text!r} cannot be read: {entry!r} is neither words nor a feature with its size. "
        "Restore the ledger from its backup, or read it with the version of decisionloop that wrote it."
    )
