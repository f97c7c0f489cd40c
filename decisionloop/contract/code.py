"""The only code that a user writes: ``features.py``, ``rules.py`` and, where needed, ``source.py`` of a use case."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from decisionloop.contract.private_modules import digest_of, package_files, run_file
from decisionloop.contract.user_code import UserCodeFailed, guarded
from decisionloop.errors import ContractError, Fault

if TYPE_CHECKING:
    import pandas as pd

    from decisionloop.contract.loading import UseCaseFolder
    from decisionloop.contract.usecase import UseCase

FeaturesFunction = Callable[["pd.DataFrame", "pd.Timestamp"], "pd.DataFrame"]
RulesFunction = Callable[["pd.DataFrame"], "pd.Series"]
ReasonsFunction = Callable[["pd.DataFrame"], "pd.Series"]
SourceFunction = Callable[["UseCase", Path], object]

FEATURES_FILE, RULES_FILE, SOURCE_FILE = "features.py", "rules.py", "source.py"
SIGNATURES = {
    "features": "def features(known: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame",
    "rules": "def rules(features: pd.DataFrame) -> pd.Series",
    "reasons": "def reasons(features: pd.DataFrame) -> pd.Series",
    "source": "def source(use_case: UseCase, folder: Path) -> Source",
}
_ARGUMENTS = {"features": 2, "rules": 1, "reasons": 1, "source": 2}
T = TypeVar("T")


@dataclass(frozen=True)
class UseCaseCode:
    """The functions of a use case; ``digest`` is the sha256 of their files and of the packages beside them."""

    features: FeaturesFunction
    rules: RulesFunction
    reasons: ReasonsFunction | None
    digest: str


def load_code(folder: UseCaseFolder) -> UseCaseCode:
    """Read ``features.py`` and ``rules.py``.

    Raises ContractError with one fault for each file that cannot be imported and each function that is missing
    or has another signature.
    """
    faults: list[Fault] = []
    features_module = _import(folder.folder / FEATURES_FILE, faults)
    rules_module = _import(folder.folder / RULES_FILE, faults)
    features = _function(features_module, "features", faults)
    rules = _function(rules_module, "rules", faults)
    reasons = _function(rules_module, "reasons", faults, is_required=False)
    if faults or features is None or rules is None:
        raise ContractError(str(folder.folder), faults)
    files = (folder.folder / FEATURES_FILE, folder.folder / RULES_FILE, *package_files(folder.folder))
    return UseCaseCode(features, rules, reasons, digest_of(files, folder.folder))


def load_source_function(folder: UseCaseFolder) -> SourceFunction:
    """Read ``source(use_case, folder)`` of ``source.py``; raises ContractError when there is none."""
    faults: list[Fault] = []
    function = _function(_import(folder.folder / SOURCE_FILE, faults), "source", faults)
    if function is None:
        raise ContractError(str(folder.folder), faults)
    return function


def _import(path: Path, faults: list[Fault]) -> ModuleType | None:
    """Run a file under a private name; whatever goes wrong is a fault."""
    if not path.is_file():
        faults.append(Fault(path.name, "nothing", "there is no such file", f"Write {path}."))
        return None
    try:
        return guarded(lambda: run_file(path), path)
    except UserCodeFailed as failed:
        problem = f"cannot be imported: {failed.problem}"
        remedy = "Correct it; it may import installed packages and, as `from .name import …`, a package beside it."
        faults.append(Fault(path.name, failed.where or "its import", problem, remedy, failed.line))
        return None


def _function(
    module: ModuleType | None, name: str, faults: list[Fault], is_required: bool = True
) -> Callable[..., T] | None:
    """The function ``name`` of ``module``, if it takes what the framework will pass."""
    if module is None:
        return None  # its file has a fault already
    where = f"{Path(str(module.__file__)).name}: {name}"
    found = getattr(module, name, None)
    if found is None:
        if is_required:
            faults.append(Fault(where, "nothing", "there is no such function", f"Write `{SIGNATURES[name]}`."))
        return None
    if not callable(found) or inspect.iscoroutinefunction(found):
        problem, remedy = "is not a plain function", f"Write `{SIGNATURES[name]}`."
        faults.append(Fault(where, type(found).__name__, problem, remedy))
        return None
    try:
        inspect.signature(found).bind(*[None] * _ARGUMENTS[name])
    except TypeError as error:
        signature = f"{name}{inspect.signature(found)}"
        faults.append(Fault(where, signature, f"has the wrong signature: {error}", f"Use `{SIGNATURES[name]}`."))
        return None
    return found
