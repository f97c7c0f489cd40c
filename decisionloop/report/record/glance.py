"""The first screen: questions that a manager asks, with their answers, and what is to be done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """A question, and the sentences that answer it."""

    question: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class ToDo:
    """Something for a person to do: what it is about, and what to do. ``severity``: as the ledger has it, or ""."""

    title: str
    what: str
    severity: str = ""


@dataclass(frozen=True)
class Glance:
    """``owner``: who answers for the use case and so for all ``to_do``; ``more``: how many more wait further down."""

    answers: tuple[Answer, ...]
    to_do: tuple[ToDo, ...]
    owner: str = ""
    more: int = 0
