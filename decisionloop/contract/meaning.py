"""What a contract means, and whether another text of the same version means something else.

Words for people, whom to tell and who answers may change at any time. Everything else decides something: a change of it
is another contract, and needs another version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from decisionloop.contract.loading import parse_use_case
from decisionloop.contract.section import has_meaning
from decisionloop.contract.usecase import UseCase
from decisionloop.contract.written import Path, read_yaml
from decisionloop.errors import ContractError

Meaning = dict[Path, object]


def meaning_of(use_case: UseCase) -> Meaning:
    """Every single value that decides something, by its path; items of a list by their ``name`` where they have one."""
    return dict(_values(use_case, ()))


def changes_of_meaning(before: str, after: str) -> tuple[str, ...]:
    """Paths at which the YAML ``after`` means something else than ``before``, whatever their layout and defaults.

    The version is no meaning. A text that this version of decisionloop cannot read any more is compared as it is
    written; one that is no mapping at all says nothing that could change.
    """
    try:
        one, other = (meaning_of(parse_use_case(text, "usecase.yaml")) for text in (before, after))
    except ContractError:
        contents = [read_yaml(text).content for text in (before, after)]
        if not all(isinstance(content, dict) for content in contents):
            return ()
        one, other = (dict(_values(content, ())) for content in contents)
    changed = [path for path in {**one, **other} if one.get(path, ...) != other.get(path, ...) and path != ("version",)]
    return tuple(".".join(str(step) for step in path) for path in changed)


def _values(content: Any, path: Path) -> Iterator[tuple[Path, object]]:
    if isinstance(content, BaseModel):
        for name, part in type(content).model_fields.items():
            if has_meaning(part):
                yield from _values(getattr(content, name), (*path, part.serialization_alias or part.alias or name))
    elif isinstance(content, Mapping):
        yield (*path, "(names)"), tuple(sorted(map(str, content)))
        for name, value in content.items():
            yield from _values(value, (*path, str(name)))
    elif isinstance(content, list | tuple) and any(isinstance(value, BaseModel | Mapping) for value in content):
        # The order counts: actions and features are told apart by their place.
        names = [_name(value) or str(i) for i, value in enumerate(content)]
        yield (*path, "(order)"), tuple(names)
        for name, value in zip(names, content, strict=True):
            yield from _values(value, (*path, name))
    else:
        yield path, tuple(content) if isinstance(content, list) else content


def _name(item: object) -> str:
    return str(item.get("name", "") if isinstance(item, Mapping) else getattr(item, "name", ""))
