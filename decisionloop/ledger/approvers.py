"""Who may lift a kill switch and let go what it holds: known also while a contract, its code or a model is broken."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from decisionloop.contract.loading import FILE_NAME, load_use_case, use_case_folder
from decisionloop.errors import DecisionLoopError, UsageError
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.use_cases import contracts


def approvers_named(source: Ledger | Connection, usecases: Path, use_case: str) -> tuple[str, ...]:
    """Whom the contract below ``usecases`` names, or while that is broken the last one that the ledger recorded.

    Raises UsageError where neither can be read.
    """
    folder = use_case_folder(usecases, use_case)
    try:
        return load_use_case(folder).use_case.approval.approvers
    except (DecisionLoopError, OSError, ValueError, RecursionError):
        for recorded in reversed(contracts(source, use_case)):
            if named := _approvers_in(recorded.contract_yaml):
                return named
    raise UsageError(
        f"nobody can tell who may lift the kill switch of {use_case}: its contract cannot be read, and none was ever "
        f"recorded. Mend {folder / FILE_NAME}; `decisionloop usecase check {folder}` says where."
    )


def _approvers_in(contract_yaml: str) -> tuple[str, ...]:
    """``approval.approvers`` of a contract of whatever version; () where it says nothing of the kind."""
    import yaml

    try:
        content = yaml.safe_load(contract_yaml)
    except (yaml.YAMLError, RecursionError):
        return ()
    approval = content.get("approval") if isinstance(content, dict) else None
    named = approval.get("approvers") if isinstance(approval, dict) else None
    return tuple(str(one).strip() for one in named) if isinstance(named, list) else ()
