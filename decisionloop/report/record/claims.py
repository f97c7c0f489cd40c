"""What a sentence claims, so that two sentences about one thing can be compared without reading prose.

A key names the thing and whom it is of: "decisions", "money.difference[2005-05..2005-09]", "at_stake". Whoever says
a figure that something else says too gives it the same key; tests collect the claims of the page, of the terminal and
of ``decisionloop status`` and hold them against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from decisionloop.report.record.estimate import Estimate

Claimed = int | float | str | Estimate | None


class Said(str):
    """A sentence with what it claims, by key. It is text wherever text is wanted."""

    __slots__ = ("claims",)
    claims: Mapping[str, Claimed]

    def __new__(cls, text: str, claims: Mapping[str, Claimed] | None = None) -> Self:
        """The text, and its claims."""
        made = super().__new__(cls, text)
        made.claims = dict(claims or {})
        return made

    def __add__(self, more: str) -> Said:
        """Text added at the end; the claims of both."""
        return Said(str(self) + str(more), {**self.claims, **claims_of(more)})

    @classmethod
    def joined(cls, sentences: Iterable[str], by: str = " ") -> Said:
        """Sentences as one, with all their claims."""
        kept = [one for one in sentences if one]
        return cls(by.join(kept), {key: value for one in kept for key, value in claims_of(one).items()})


@dataclass(frozen=True)
class Disagreement:
    """A key that two statements give two values."""

    key: str
    values: tuple[Claimed, ...]


def claims_of(sentence: str) -> Mapping[str, Claimed]:
    """What a sentence claims; plain text claims nothing."""
    return sentence.claims if isinstance(sentence, Said) else {}


def disagreements(sentences: Iterable[str]) -> tuple[Disagreement, ...]:
    """Every key to which some of the sentences give different values."""
    found: dict[str, list[Claimed]] = {}
    for sentence in sentences:
        for key, value in claims_of(sentence).items():
            if value not in (known := found.setdefault(key, [])):
                known.append(value)
    return tuple(Disagreement(key, tuple(values)) for key, values in sorted(found.items()) if len(values) > 1)


def over(periods: Iterable[str]) -> str:
    """The part of a key that says of which periods: "[2005-05..2005-09: 5]"."""
    names = sorted(periods)
    return f"[{names[0]}..{names[-1]}: {len(names)}]" if names else "[none]"
