"""The first screen: questions that a manager asks, with their answers, and what is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args


@dataclass(frozen=True)
class Answer:
    """A question, and the sentences that answer it."""

    question: str
    sentences: tuple[str, ...]


Step = Literal["let", "stop", "check", "learn"]
"""Of what is to be done: let go what waits, stop a loss, see whether the data are right, learn anew."""
STEPS: tuple[Step, ...] = get_args(Step)
"""In the order in which to go."""


@dataclass(frozen=True)
class ToDo:
    """Something for a person to do: what it is about, and what to do. ``severity``: as the ledger has it, or "".

    ``place``: the heading of the page under which it stands whole; "" where none has it.
    """

    title: str
    what: str
    severity: str = ""
    step: Step = "check"
    place: str = ""


@dataclass(frozen=True)
class Glance:
    """``owner``: who answers for the use case and so for all ``to_do``, which are in the order in which to go.

    ``course``: why in that order, and ``more``: how many more there are and where they stand; "" where that says
    nothing.
    """

    answers: tuple[Answer, ...]
    to_do: tuple[ToDo, ...]
    owner: str = ""
    more: str = ""
    course: str = ""
