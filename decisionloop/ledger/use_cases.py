"""Contracts as they were, word for word: any decision can be traced to the text that it was made under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, union

from decisionloop.contract import UseCase, parse_use_case
from decisionloop.contract.meaning import changes_of_meaning
from decisionloop.errors import ContractError, Fault
from decisionloop.ledger.schema import flag, use_case_version, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import EVERYTHING


@dataclass(frozen=True)
class UseCaseVersion:
    """One contract of a use case. ``contract_digest`` is the sha256 of ``contract_yaml``."""

    contract_digest: str
    use_case: str
    contract_version: int
    contract_yaml: str
    recorded_at: datetime


def record_use_case(
    target: Ledger | Connection,
    use_case: str,
    contract_digest: str,
    contract_version: int,
    contract_yaml: str,
    at: datetime | None = None,
) -> bool:
    """Keep a contract under its digest; returns whether it is new. Batches and releases refer to it.

    Raises ContractError where a contract of the same version was kept before that means something else.
    """
    version = UseCaseVersion(contract_digest, use_case, contract_version, contract_yaml, at or utc_now())
    with facts.writing(target) as connection:
        if contract(connection, contract_digest) is None:
            _require_same_meaning(version, contracts(connection, use_case))
        return facts.add(connection, use_case_version, [version]) == 1


def require_same_meaning(source: Ledger | Connection, use_case: UseCase, contract_yaml: str) -> None:
    """Raises ContractError where `record_use_case` would refuse the contract; nothing is recorded."""
    if contract(source, use_case.digest) is None:
        new = UseCaseVersion(use_case.digest, use_case.name, use_case.version, contract_yaml, utc_now())
        _require_same_meaning(new, contracts(source, use_case.name))


def _require_same_meaning(new: UseCaseVersion, known: Sequence[UseCaseVersion]) -> None:
    """A version of a contract means one thing; raises ContractError with one fault for each thing that changed."""
    same = [one for one in known if one.contract_version == new.contract_version]
    changes = changes_of_meaning(same[-1].contract_yaml, new.contract_yaml) if same else ()
    if changes:
        highest = max(one.contract_version for one in known)
        problem = f"means something else than version {new.contract_version} did on {same[-1].recorded_at:%Y-%m-%d}"
        remedy = f"Set `version: {highest + 1}`, or put it back."
        faults = [Fault(path, f"version {new.contract_version}", problem, remedy) for path in changes]
        raise ContractError(f"the contract of {new.use_case}", faults)


def contract(source: Ledger | Connection, contract_digest: str) -> UseCaseVersion | None:
    """The contract of a digest, or None."""
    digest = use_case_version.c.contract_digest
    return facts.one(source, UseCaseVersion, use_case_version, digest == contract_digest)


def contracts(source: Ledger | Connection, use_case: str) -> tuple[UseCaseVersion, ...]:
    """Every contract that a use case ever had, oldest first."""
    table = use_case_version.c
    return facts.every(
        source,
        UseCaseVersion,
        use_case_version,
        table.use_case == use_case,
        order_by=[table.recorded_at, table.contract_digest],
    )


def last_readable_contract(source: Ledger | Connection, use_case: str) -> UseCase | None:
    """The newest contract of a use case that this version can read; None where it never had one."""
    for recorded in reversed(contracts(source, use_case)):
        try:
            return parse_use_case(recorded.contract_yaml, f"contract {recorded.contract_digest[:12]} in the ledger")
        except ContractError:
            continue
    return None


def known_names(source: Ledger | Connection) -> tuple[str, ...]:
    """Every use case that the ledger has heard of: it had a contract, or its switch was set; by name."""
    flagged = select(flag.c.use_case).where(flag.c.use_case != EVERYTHING)
    statement = union(select(use_case_version.c.use_case), flagged)
    with facts.reading(source) as connection:
        return tuple(sorted(connection.execute(statement).scalars()))
