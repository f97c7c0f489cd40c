"""The contract that a use case is told by: the present one, or while that is broken the last that can be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from decisionloop.contract import UseCase, load_use_case, use_case_folder
from decisionloop.errors import DecisionLoopError
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.use_cases import last_readable_contract


@dataclass(frozen=True)
class ReadableContract:
    """A contract to tell a use case by, None where there is none; ``fault``: why it is not the present one."""

    use_case: UseCase | None
    fault: str = ""


def readable_contract(source: Ledger | Connection, usecases: Path, name: str) -> ReadableContract:
    """The contract of a use case below ``usecases``; where it cannot be read, the newest of the ledger that can."""
    try:
        return ReadableContract(load_use_case(use_case_folder(usecases, name)).use_case)
    except (DecisionLoopError, OSError, ValueError, RecursionError) as error:
        return ReadableContract(last_readable_contract(source, name), str(error))
