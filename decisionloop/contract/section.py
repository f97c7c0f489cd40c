"""The base of every section of a contract, and the field helper that makes documentation compulsory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.fields import FieldInfo

from decisionloop.masking import holds_secret

CENTURY = 36_525
"""Days beyond which no window, maturity or schedule means anything."""
MOST = 1_000_000_000
"""Rows, versions and other counts beyond which a number is a slip of the pen."""
MOST_MONEY = 1e15

AsWritten = Annotated[str, StringConstraints(strip_whitespace=False)]
"""Text that is compared with data, so that a space in it means a space."""


def _without_secret(url: str) -> str:
    """Whoever reads the contract, its copies in the ledger or an alert would read it too."""
    if holds_secret(url):
        raise ValueError("holds a password or a token, and a contract is no place for one")
    return url


PublicUrl = Annotated[str, AfterValidator(_without_secret)]
"""A URL that holds nothing by which its place is opened."""


class Section(BaseModel):
    """A frozen part of a contract; an unknown key is a fault, not a silence."""

    # YAML reads `reference: 1` as a number where the contract means the text "1".
    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )

    @classmethod
    def example(cls) -> dict[str, object]:
        """What must be given at least, with the examples of its fields; it validates."""
        return {
            part.alias or name: part.examples[0]
            for name, part in cls.model_fields.items()
            if part.is_required() and part.examples
        }


_REQUIRED: Any = ...
_MARK = "changes_meaning"


def field(
    description: str, example: object, default: Any = _REQUIRED, *, changes_meaning: bool = True, **constraints: Any
) -> Any:
    """A pydantic field that cannot be declared without a description and an example.

    ``changes_meaning`` False: it is said to people only, and may change without a new version of the contract.
    """
    mark: dict[str, Any] | None = None if changes_meaning else {_MARK: False}
    return Field(default, description=description, examples=[example], json_schema_extra=mark, **constraints)


def without_usual(section: type[Section], written: dict[str, object], names: Sequence[str]) -> dict[str, object]:
    """A written section without those of the fields ``names`` that say what is usual: they came after its digest."""
    usual = {name: section.model_fields[name].default for name in names}
    return {name: value for name, value in written.items() if name not in usual or value != usual[name]}


def has_meaning(part: FieldInfo) -> bool:
    """Whether a change of this field changes what the contract means."""
    extra = part.json_schema_extra
    return not (isinstance(extra, dict) and extra.get(_MARK) is False)
