"""From a folder to a contract: YAML in, one frozen ``UseCase`` out, or every fault with its path and remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from decisionloop.contract.problem import NAME
from decisionloop.contract.usecase import InconsistentContract, UseCase
from decisionloop.errors import ContractError, Fault, UsageError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FILE_NAME = "usecase.yaml"
_REMEDIES = {
    "missing": "Add it.",
    "extra_forbidden": "Remove it or correct its name; docs/contract.md lists every field.",
    "string_pattern_mismatch": "Use lower-case letters, digits and underscores, starting with a letter.",
    "union_tag_invalid": "Set `kind` to one of the values that docs/contract.md lists.",
    "union_tag_not_found": "Add `kind`; docs/contract.md lists the values.",
}


@dataclass(frozen=True)
class UseCaseFolder:
    """A use case and the folder that it was read from."""

    folder: Path
    use_case: UseCase
    text: str


def use_case_folder(usecases: Path, name: str) -> Path:
    """The folder of the use case ``name`` below ``usecases``, whether or not it is there.

    A use case has one name, or a switch set under one spelling would not hold under another. Raises UsageError for
    anything else that leads to a folder (``att/``, ``./att``, ``ATT``, a link to it), naming the right spelling.
    """
    folder = usecases / name
    if re.fullmatch(NAME, name) and folder.resolve().name == name:
        return folder
    existing = {path.parent.name for path in usecases.glob(f"*/{FILE_NAME}") if not path.parent.is_symlink()}
    spelled = re.sub(r"[\s-]+", "_", PurePath(name.strip()).name.strip().lower())
    meant = [one for one in (spelled, folder.resolve().name if re.fullmatch(NAME, name) else "") if one in existing]
    remedy = f"Write {meant[0]}." if meant else "Name an existing use case, or run `decisionloop usecase new`."
    raise UsageError(f"{name!r} is not the name of a use case, which is its folder's, as it is written there. {remedy}")


def load_use_case(folder: Path) -> UseCaseFolder:
    """Read ``folder/usecase.yaml``.

    Raises UsageError when there is no such file, ContractError with one fault for each thing wrong in it.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise UsageError(f"no {FILE_NAME} in {folder}. Name an existing use case, or run `decisionloop usecase new`.")
    text = path.read_text(encoding="utf-8")
    use_case = parse_use_case(text, str(path))
    if use_case.name != folder.resolve().name:
        raise ContractError(
            str(path),
            [Fault("name", repr(use_case.name), "differs from the folder's name", "Rename one of them.")],
        )
    return UseCaseFolder(folder.resolve(), use_case, text)


def parse_use_case(text: str, where: str) -> UseCase:
    """Parse YAML text. Raises ContractError with one fault for each thing wrong in it."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else "the file"
        problem = str(getattr(error, "problem", error))
        raise ContractError(where, [Fault(line, "-", f"not valid YAML: {problem}", "Correct the YAML.")]) from error
    try:
        return UseCase.model_validate(content)
    except ValidationError as error:
        raise ContractError(where, [fault for detail in error.errors() for fault in _faults(detail)]) from error


def _faults(detail: ErrorDetails) -> list[Fault]:
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, InconsistentContract):
        return [Fault(one.path, repr(one.value), one.problem, one.remedy) for one in cause.found]
    path = ".".join(str(step) for step in detail["loc"]) or "(top)"
    value = "nothing" if detail["type"] == "missing" else _shortened(repr(detail["input"]))
    remedy = _REMEDIES.get(detail["type"], "Correct the value; docs/contract.md shows an example.")
    return [Fault(path, value, detail["msg"], remedy)]


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
