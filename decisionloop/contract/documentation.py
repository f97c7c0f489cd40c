"""docs/contract.md, written from the contract's own descriptions and examples; a test keeps the file equal.

``python -m decisionloop.contract.documentation > docs/contract.md``
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from decisionloop.contract.code import SIGNATURES
from decisionloop.contract.expressions import FUNCTIONS
from decisionloop.contract.section import Section
from decisionloop.contract.usecase import UseCase

_OPENING = f"""# The contract of a use case

Everything that makes a decision problem is in `usecases/<name>/usecase.yaml`; `decisionloop usecase check PATH` names
every fault in it with its path, value and remedy, and `decisionloop usecase new NAME` writes a working one to start
from. A field without a default must be given. This page is generated: `decisionloop/contract/documentation.py`.

## The code beside it

| file | function | returns |
|---|---|---|
| `features.py` | `{SIGNATURES["features"].removeprefix("def ")}` | one row an entity of `known`: the entity key, the \
features, the protected attributes |
| `rules.py` | `{SIGNATURES["rules"].removeprefix("def ")}` | the name of an action for each row, missing features \
included |
| `rules.py` | `{SIGNATURES["reasons"].removeprefix("def ")}` | optional: why, in words: \
a text for each row, missing features included |
| `source.py` | `{SIGNATURES["source"].removeprefix("def ")}` | only for `kind: custom`: what \
`decisionloop.sources.Source` asks for |

`known` holds every source row of the entities to decide whose time is at or before `as_of`, sorted by entity and
time; later rows are gone before the call. Ids and categories are text as written, in CSV, Parquet and SQL alike: `007`,
`7.0`, `NA`, `true` and ` x` stay what they are; a number 7 or 7.0 is `7`, a truth value `true` or `false`, and what is
empty is missing. In a column named as a number or boolean feature `NA`, `null`, `?`, `-` or nothing is missing, which
`is_nullable` admits or not. Of other columns a CSV file says numbers where every cell is a plain one (no leading zero),
else text; name codes under `text` of the table.
Rules see the features alone, neither the entity nor a protected attribute. A file may import installed packages and,
as `from .world import World`, a package beside it (a folder with an `__init__.py`), but no single file beside it.

## Expressions

Money, costs, due times and `allowed_if` are expressions: numbers, `'text'`, names of features and constants,
`+ - * / **`, comparisons, `& | ~` and {", ".join(f"`{name}()`" for name in FUNCTIONS)}.
`where(condition, a, b)` chooses. They are evaluated in floating point; text can be compared by `==` and `!=` and is no
number. `usecase check` tries each of them on rows of the data and on every edge that the features' ranges admit (zero,
negative, huge, smallest, largest, missing, each category): one that is no finite number there is a fault. At run time
such a row has no value, and the rules decide it.

## One version, one meaning

Titles, wordings, purposes, explanations, notifications, known events and `approval` may change at any time.
Everything else decides something: changed under the same `version`, the contract is refused as soon as the ledger
knows the version.
"""


def contract_documentation() -> str:
    """The whole page, Markdown."""
    return "\n".join([_OPENING, *(line for section in sections() for line in _section(section))])


def sections() -> tuple[type[Section], ...]:
    """Every section of the contract, in the order in which the contract mentions them."""
    return tuple(dict.fromkeys(_sections_in(UseCase)))


def yaml_name(name: str, part: FieldInfo) -> str:
    """What the field is called in YAML."""
    return part.serialization_alias or part.alias or name


def _sections_in(type_: Any) -> Iterator[type[Section]]:
    if isinstance(type_, type) and issubclass(type_, Section):
        yield type_
        for part in type_.model_fields.values():
            yield from _sections_in(part.annotation)
    for argument in get_args(type_):
        yield from _sections_in(argument)


def _section(section: type[Section]) -> Iterator[str]:
    yield f"## {section.__name__}\n" if section is UseCase else f"### {section.__name__}\n"
    yield re.sub(r":\w+:", "", (section.__doc__ or "").strip().split("\n")[0]).replace("``", "`") + "\n"
    yield "| field | type | default | what it says | example |"
    yield "|---|---|---|---|---|"
    for name, part in section.model_fields.items():
        cells = (
            f"`{yaml_name(name, part)}`",
            _type(part.annotation) + _bounds(part),
            _default(part),
            part.description or "",
            f"`{_shown((part.examples or [None])[0])}`",
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _type(type_: Any) -> str:
    """The type in words; sections are links."""
    origin, arguments = get_origin(type_), get_args(type_)
    if isinstance(type_, type) and issubclass(type_, Section):
        return f"[{type_.__name__}](#{type_.__name__.lower()})"
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(argument) for argument in arguments)
    if origin is tuple:
        listed = [_type(argument) for argument in arguments if argument is not Ellipsis]
        return f"list of {listed[0]}" if Ellipsis in arguments else f"[{', '.join(listed)}]"
    if origin is dict:
        return f"{_type(arguments[0])} to {_type(arguments[1])}"
    names = {str: "text", float: "number", int: "whole number", bool: "true or false", date: "date", type(None): "null"}
    return names.get(type_, str(type_))


def _default(part: FieldInfo) -> str:
    if part.is_required():
        return "**required**"
    default = part.default
    if isinstance(default, Section):
        return "its defaults"
    return f"`{_shown(list(default) if isinstance(default, tuple) else default)}`"


def _bounds(part: FieldInfo) -> str:
    """The limits that the field declares, such as ", > 0, <= 1"."""
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    found = [(sign, getattr(one, name)) for one in part.metadata for name, sign in signs.items() if hasattr(one, name)]
    return "".join(f", {sign} {value:g}" for sign, value in found)


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=lambda section: section.model_dump(by_alias=True))


if __name__ == "__main__":
    print(contract_documentation(), end="")
