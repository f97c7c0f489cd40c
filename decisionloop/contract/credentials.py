"""A contract is copied into the ledger, into backups and alerts: what opens a place must stand nowhere in its file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from decisionloop.contract.written import Written
from decisionloop.errors import Fault
from decisionloop.masking import SHOWN, holds_secret, masked
from decisionloop.secret_forms import masked_by_form

REMEDY = "Take it out, and change it where it was given out; docs/operations.md says where secrets lie."
_OPENS = re.compile(
    r"(?:^|_)(?:password|passwd|pwd|passphrase|secret|token|api_?key|access_?key|private_?key|credentials?|authorization)$",
    re.IGNORECASE,
)
"""A name that ends so holds the thing itself; `token_file` and `password_env` say where it lies."""
_SHOWN_CHARACTERS = 60
_NAMING = frozenset({"name", "column", "action", "key"})
"""What holds the name of an action, a feature or a column in a contract."""
_A_SUM = re.compile(r"[+-]?[\d_]{1,12}(?:\.\d{1,6})?")


def credential_faults(text: str, written: Written, told: Collection[int | None]) -> Iterator[Fault]:
    """A fault for each line of a contract that holds a password or a token, comments included; not for lines ``told``.

    One that takes more than a line, such as a private key, is told where it begins. Options of a source of one's own
    are told by their names as well. What the contract itself names so, such as an action `let_pass` or a feature
    `gift_token`, is a name and opens nothing; what it is set to is read as that of any other name.
    """
    written_lines = text.splitlines()
    lines = _without_names(text, written.content).splitlines()
    holding = [number for number, line in enumerate(lines, start=1) if holds_secret(line)] or _beginnings(lines)
    for number in holding:
        if number not in told:
            shown = masked(written_lines[number - 1].strip())[:_SHOWN_CHARACTERS]
            yield Fault(f"line {number}", shown, "holds a password or a token", REMEDY, number)
    for name, value in _options(written.content).items():
        line_of = written.line_of(("source", "options", name))
        if line_of not in told and value not in (None, "") and _OPENS.search(name):
            yield Fault(f"source.options.{name}", SHOWN, "holds a password or a token", REMEDY, line_of)


def _without_names(text: str, content: object) -> str:
    """The text in which what the contract names actions, features and columns is read as an ordinary name."""
    names = sorted(filter(_is_masked_after, set(_names(content))), key=len, reverse=True)
    if not names:
        return text
    named = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, names))})(?=['\"]?[ \t]*:)")
    return named.sub("named", text)


def _is_masked_after(name: str) -> bool:
    """Whether what follows this name would be masked."""
    return holds_secret(f'{name}: "Ab1-Cd2-Ef3"')


def _names(content: object) -> Iterator[str]:
    """Every name that a contract gives; options of a source are no names of its own."""
    if isinstance(content, list):
        for one in content:
            yield from _names(one)
    elif isinstance(content, Mapping):
        for key, value in content.items():
            if key in _NAMING and isinstance(value, str) and value.isidentifier():
                yield value
            elif key == "constants" and isinstance(value, Mapping):  # money by its name, as `cost_of_pass: 63`
                yield from (name for name, said in value.items() if _A_SUM.fullmatch(str(said)))
            elif key != "options":
                yield from _names(value)


def _beginnings(lines: list[str]) -> list[int]:
    """The line (from 1) before which a text and the text without its secrets are the same."""
    shown = masked_by_form("\n".join(lines)).splitlines()
    pairs = enumerate(zip(lines, shown, strict=False), start=1)
    return [max(number - 1, 1) for number, (line, told) in pairs if line != told][:1]


def _options(content: object) -> Mapping[str, object]:
    source = content.get("source") if isinstance(content, Mapping) else None
    options = source.get("options") if isinstance(source, Mapping) else None
    return options if isinstance(options, Mapping) else {}
