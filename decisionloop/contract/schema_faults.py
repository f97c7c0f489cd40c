"""Values of a contract that are not what their field asks for: said as faults, and mended so that checking goes on."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from decisionloop.contract.credentials import REMEDY as CREDENTIAL_REMEDY
from decisionloop.contract.retired import FLAT_SHARE, as_written
from decisionloop.contract.section import Section, has_meaning
from decisionloop.contract.usecase import UseCase
from decisionloop.contract.written import Path, Written, named
from decisionloop.errors import Fault

_REMEDIES = {
    "missing": "Add it.",
    "extra_forbidden": "Remove it or correct its name; docs/contract.md lists every field.",
    "string_pattern_mismatch": "Use lower-case letters, digits and underscores, starting with a letter.",
    "string_type": "Write text; quote what would otherwise be empty or a list.",
    "union_tag_invalid": "Set `kind` to one of the values that docs/contract.md lists.",
    "union_tag_not_found": "Add `kind`; docs/contract.md lists the values.",
    "finite_number": "Write a number.",
}


def schema_faults(error: ValidationError, written: Written) -> Iterator[Fault]:
    """One fault for each value that is missing, unknown or not what its field asks for."""
    for detail in error.errors():
        path: Path = as_written(detail["loc"], written.content)
        value = "nothing" if detail["type"] == "missing" else _shortened(repr(detail["input"]))
        remedy = _REMEDIES.get(detail["type"], "Correct the value; docs/contract.md shows an example.")
        problem = detail["msg"].removeprefix("Value error, ")
        if "password or a token" in problem:
            remedy = CREDENTIAL_REMEDY
        if path == FLAT_SHARE and detail["type"] == "extra_forbidden":
            problem, remedy = "stands beside `exploration`, which says it too", "Keep one of them."
        yield Fault(named(path, written.content), value, problem, remedy, written.line_of(path))


def mended(content: dict[str, Any], error: ValidationError) -> tuple[dict[str, Any], set[str]]:
    """The contract without these faults, and the sections of it that are not the user's any more.

    What is unknown goes, words that only people read are made up, and every other section with a fault gives way to
    its example: between the rest, contradictions can still be found.
    """
    content, unknown = deepcopy(content), set[str]()
    for detail in sorted(error.errors(), key=lambda one: len(one["loc"]), reverse=True):
        if not _is_harmless(detail, content):
            unknown.add(str(detail["loc"][0]) if detail["loc"] else "")
    for name in unknown & set(UseCase.model_fields):
        content[name] = UseCase.model_fields[name].examples[0]  # type: ignore[index]
    return content, unknown


def _is_harmless(detail: ErrorDetails, content: dict[str, Any]) -> bool:
    """Take the fault out of ``content`` if that changes nothing that other sections could contradict."""
    path = detail["loc"]
    inside, part = _place(path, content)
    if inside is None:
        return False
    if detail["type"] == "extra_forbidden":
        inside.pop(path[-1], None)
        return True
    if part is None or has_meaning(part):
        return False
    inside[path[-1]] = part.examples[0]  # type: ignore[index]
    return True


def _place(path: Path, content: object) -> tuple[dict[Any, Any] | None, FieldInfo | None]:
    """The mapping that holds the last step of ``path``, and the field that the step is, if the schema has it."""
    types: tuple[type[Section], ...] = (UseCase,)
    part: FieldInfo | None = None
    for i, step in enumerate(path):
        part = next((one.model_fields[str(step)] for one in types if str(step) in one.model_fields), None)
        if i == len(path) - 1:
            return (content if isinstance(content, dict) else None), part
        if isinstance(content, list) and isinstance(step, int):
            content = content[step]
        elif isinstance(content, dict):
            content = content.get(step, content)  # the tag of a choice between sections is no step
        if part is not None:
            types = tuple(_sections_of(part.annotation))
    return None, None


def _sections_of(type_: Any) -> Iterator[type[Section]]:
    if isinstance(type_, type) and issubclass(type_, Section):
        yield type_
    for argument in get_args(type_):
        yield from _sections_of(argument)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
