"""Which use cases of an installation are decided one at a time, and what is opened for each when it is needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from decisionloop.contract import UseCase, load_use_case
from decisionloop.errors import ContractError
from decisionloop.service.answer_times import AnswerTimes
from decisionloop.service.deciding import OnlineUseCase
from decisionloop.service.decision_bodies import DecisionBodies
from decisionloop.settings import Settings
from decisionloop.stream.decider import Decider
from decisionloop.stream.desk import Desk, open_desk

LOG = logging.getLogger("decisionloop.service")


@dataclass(frozen=True)
class Online:
    """The use cases that are decided one at a time, and the names of those whose contract cannot be read."""

    found: tuple[OnlineUseCase, ...] = ()
    unreadable: tuple[str, ...] = ()


def online_use_cases(settings: Settings, prepare: Callable[[str], None], times: AnswerTimes | None = None) -> Online:
    """Every use case of the installation that is decided one at a time; one whose contract is faulty is told of."""
    found, unreadable, folder = [], [], settings.usecases_dir
    for contract in sorted(folder.glob("*/usecase.yaml")):
        try:
            use_case = load_use_case(contract.parent).use_case
        except ContractError as error:
            LOG.error("a contract that cannot be read; nobody is decided by it", extra={"detail": str(error)})
            unreadable.append(contract.parent.name)
            continue
        if use_case.online is not None:
            decider = Decider(use_case.name, _opening(settings, prepare, use_case))
            found.append(OnlineUseCase(use_case, DecisionBodies(use_case), decider, times=times))
    return Online(tuple(found), tuple(unreadable))


def _opening(settings: Settings, prepare: Callable[[str], None], use_case: UseCase) -> Callable[[], Desk]:
    def opened() -> Desk:
        prepare(use_case.name)
        return open_desk(use_case.name, settings)

    return opened
