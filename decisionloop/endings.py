"""How a run ends: the few names that tell what happened, a sentence that carries its name, and names of errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from decisionloop.errors import ApprovalAwaited, BatchHalted, DecisionLoopError, DeploymentStopped, UsageError

Ending = Literal[
    "Promoted",
    "Rolled back",
    "Stopped",
    "On trial",
    "Promoted to shadow",
    "Refused",
    "Approval awaited",
    "Not yet",
    "Completed",
]
"""What a run that did its work may have come to, the most telling first."""
FailedEnding = Literal["Halted", "Refused", "Approval awaited", "Failed"]
"""What a run that failed may have come to."""
ENDINGS: tuple[str, ...] = tuple(dict.fromkeys([*get_args(Ending), *get_args(FailedEnding)]))


class Told(str):
    """What was done, in a sentence, and how a run that did no more than that has ended."""

    ending: Ending

    def __new__(cls, words: str, ending: Ending = "Completed") -> Told:
        """``words`` as text that knows its ``ending``."""
        told = super().__new__(cls, words)
        told.ending = ending
        return told


def ending_of(words: object) -> Ending:
    """How a run that returns this has ended: a plain text or number says nothing of it."""
    return words.ending if isinstance(words, Told) else "Completed"


def joined(sentences: Iterable[str]) -> Told:
    """Sentences one after the other, empty ones left out; the most telling of their endings is that of all."""
    said = [one for one in sentences if one]
    endings: tuple[Ending, ...] = get_args(Ending)
    return Told(" ".join(said), min(map(ending_of, said), key=endings.index, default="Completed"))


def ending_of_error(error: DecisionLoopError) -> FailedEnding:
    """How a run that an error of ours ended is called."""
    if isinstance(error, BatchHalted):
        return "Halted"
    if isinstance(error, ApprovalAwaited):
        return "Approval awaited"
    return "Refused" if isinstance(error, DeploymentStopped | UsageError) else "Failed"
