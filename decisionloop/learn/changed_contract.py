"""What a changed contract means for the log, what is learnt from it, and what watches: in plain words, by subject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from decisionloop.contract import UseCase
from decisionloop.contract.loading import parse_use_case
from decisionloop.errors import ContractError

Subject = Literal["log", "training", "gate", "monitors", "next batch"]


@dataclass(frozen=True)
class Consequence:
    """What changes for a subject, in a sentence."""

    subject: Subject
    words: str


def consequences(before: str, now: str, paths: Sequence[str], decided: Mapping[str, int]) -> tuple[Consequence, ...]:
    """What it means that ``paths`` mean something else in the YAML ``now`` than in ``before``.

    ``decided``: how many decisions of the log took each action. What an older decisionloop could read and this one
    cannot is told by its paths alone. Raises ContractError where the present contract cannot be read.
    """
    present = parse_use_case(now, "usecase.yaml")
    try:
        earlier: UseCase | None = parse_use_case(before, "usecase.yaml")
    except ContractError:
        earlier = None
    found = [*_of_actions(present, decided), *_of_features(earlier, present), *_of_sections(paths, decided)]
    return (*found, *_always())


def _of_actions(present: UseCase, decided: Mapping[str, int]) -> Iterator[Consequence]:
    gone = {name: many for name, many in decided.items() if name not in present.action_names}
    all_in_all, left_out = sum(decided.values()), sum(gone.values())
    if gone:
        names = ", ".join(gone)
        yield Consequence(
            "log",
            f"{left_out:,} of {all_in_all:,} decisions took {names}, which the contract does not name any more: they "
            "count neither for training nor for the gate. What was measured of them stays; what is "
            "still to come of them is refused meanwhile.",
        )
    elif all_in_all:
        yield Consequence("log", f"All {all_in_all:,} decisions still count for training and for the gate.")
    new = [name for name in present.action_names if name not in decided]
    if new and decided:
        yield Consequence(
            "training", f"Nothing is known yet of {', '.join(new)}: it is tried within the budget of exploring."
        )


def _of_features(earlier: UseCase | None, present: UseCase) -> Iterator[Consequence]:
    if earlier is None:
        return
    new = [name for name in present.feature_names if name not in earlier.feature_names]
    gone = [name for name in earlier.feature_names if name not in present.feature_names]
    if new:
        yield Consequence(
            "training", f"Of all earlier decisions {', '.join(new)} is missing; the next training reads it."
        )
    if gone:
        yield Consequence("training", f"{', '.join(gone)} is read by nobody any more, of earlier decisions neither.")


def _of_sections(paths: Sequence[str], decided: Mapping[str, int]) -> Iterator[Consequence]:
    touched = {path.partition(".")[0] for path in paths}
    if "economics" in touched:
        yield Consequence("gate", "Earlier decisions are valued by the present economics, for training and the gate.")
        yield Consequence("monitors", "What was measured of money stays at the economics of the day.")
    if "outcome" in touched and decided:
        yield Consequence(
            "log",
            "Outcomes that have been read keep the meaning that they had, and are not read again by the present one.",
        )
    if touched & {"economics", "policy", "actions"}:
        yield Consequence("next batch", "Exploring is priced anew by the first batch that is decided under it.")
    rest = sorted(touched - {"economics", "outcome", "actions", "features"})
    if rest:
        yield Consequence(
            "next batch", f"{', '.join(rest)}: holds from the next batch on; one under way ends as it began."
        )


def _always() -> Iterator[Consequence]:
    yield Consequence(
        "monitors",
        "The rules become another release: what is usual of their actions, and their money over the default action, "
        "begins anew. What watches a model that stays goes on.",
    )
