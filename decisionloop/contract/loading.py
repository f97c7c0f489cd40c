"""From a folder to a contract: YAML in, one frozen ``UseCase`` out, or every fault with its path, line and remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from pydantic import ValidationError

from decisionloop.contract.consistency import inconsistencies
from decisionloop.contract.credentials import credential_faults
from decisionloop.contract.problem import NAME
from decisionloop.contract.schema_faults import mended, schema_faults
from decisionloop.contract.usecase import UseCase
from decisionloop.contract.written import Written, named, read_yaml
from decisionloop.errors import ContractError, Fault, UsageError

FILE_NAME = "usecase.yaml"


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
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8: {error.reason} at byte {error.start}"
        raise ContractError(str(path), [Fault("the file", "-", problem, "Save it as UTF-8.")]) from error
    use_case = parse_use_case(text, str(path), folder.resolve().name)
    return UseCaseFolder(folder.resolve(), use_case, text)


def parse_use_case(text: str, where: str, folder_name: str | None = None) -> UseCase:
    """Parse YAML text; ``folder_name`` is the name that it must have, None where it has no folder.

    Raises ContractError with one fault for each thing wrong in it: in its form, in single values, and between its
    sections, as far as those are readable.
    """
    written = read_yaml(text)
    if not isinstance(written.content, dict):
        if not written.faults:
            problem = "is no mapping of names to values"
            written.faults.append(Fault("the file", "-", problem, "Write `name: …` and the other sections."))
        raise ContractError(where, written.faults)
    faults = list(written.faults)
    content, unknown = written.content, set[str]()
    try:
        use_case = UseCase.model_validate(content)
    except ValidationError as error:
        faults += schema_faults(error, written)
        content, unknown = mended(content, error)
        try:
            use_case = UseCase.model_validate(content)
        except ValidationError:  # nothing more can be told before these are mended
            raise ContractError(where, faults + _credentials(text, written, faults, folder_name)) from error
    faults += _between_sections(use_case, unknown, written)
    faults += _credentials(text, written, faults, folder_name)
    if folder_name is not None and "name" not in unknown and use_case.name != folder_name:
        problem, remedy = f"differs from the folder's name, {folder_name}", "Rename one of them."
        faults.append(Fault("name", repr(use_case.name), problem, remedy, written.line_of(("name",))))
    if faults:
        raise ContractError(where, faults)
    return use_case


def _credentials(text: str, written: Written, faults: list[Fault], folder_name: str | None) -> list[Fault]:
    """What opens a place in the file of a folder: what was recorded once must stay readable."""
    told = {one.line for one in faults if "a password or a token" in one.problem}
    return [] if folder_name is None else list(credential_faults(text, written, told))


def _between_sections(use_case: UseCase, unknown: set[str], written: Written) -> list[Fault]:
    return [
        Fault(named(one.path, written.content), repr(one.value), one.problem, one.remedy, written.line_of(one.path))
        for one in inconsistencies(use_case, unknown)
    ]
