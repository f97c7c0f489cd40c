"""The scorer's file format: a header that says what follows, and aligned arrays. No pickle, nothing executable.

    offset  bytes  content
    0       8      magic ``DLSCORER``
    8       8      length H of the header, unsigned, little-endian
    16      32     SHA-256 of everything from offset 48 to the end
    48      H      the header: JSON in ASCII, keys sorted (``Header``)
    A              arrays, little-endian, C order, zeros between them; A is the first multiple of 64 after the
                   header, and each array begins at A plus its own offset, a multiple of 64

Arrays of kind "trees" (``TreeTables`` says what each holds): leaves, shape, feature, threshold, left, value, cover.
Arrays of kind "scorecard" (``ScorecardTables``): points, mean. Both: edges, those of all number features on end.
A scorer of 200 trees of 31 leaves over 20 features takes about 135 kB. The same scorer always gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from decisionloop.errors import IntegrityError

MAGIC = b"DLSCORER"
VERSION = 2
_START = 48
_ALIGNMENT = 64
_REMEDY = "Fetch the file again from where it is kept, or compile the release again from its pipeline."

Link = Literal["logit", "identity"]


class FeatureHeader(BaseModel):
    """A feature: its name and either its categories or how many of the flat ``edges`` array are its own.

    ``has_rest``: every other text has a code too (`codes.CategoryBins`). A file only names it where it is so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    categories: tuple[str, ...] | None = None
    edges: int | None = None
    has_rest: bool = False


class ArrayHeader(BaseModel):
    """Where an array lies: its numpy type, its shape, and its offset in bytes from the first array."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dtype: str = Field(pattern=r"^(<f8|<f4|<u2|\|u1)$")
    shape: tuple[int, ...]
    offset: int


class Reference(BaseModel):
    """The population that base margin and contributions are expectations over: its name and its number of rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    rows: int = 0


class Header(BaseModel):
    """What the file holds. ``baseline``: margin before any table (intercept of a scorecard)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    kind: Literal["trees", "scorecard"]
    link: Link
    baseline: float
    contract_version: str = ""
    reference: Reference = Reference()
    features: tuple[FeatureHeader, ...]
    arrays: dict[str, ArrayHeader] = {}


def write(header: Header, arrays: Mapping[str, np.ndarray]) -> bytes:
    """Lay out ``header`` and ``arrays`` as bytes; the header's own ``arrays`` are filled in here."""
    stored = {name: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    text = _header_text(header, stored)
    body = bytearray(text)
    for array in stored.values():
        body += bytes(-(_START + len(body)) % _ALIGNMENT)
        body += array.tobytes()
    return MAGIC + len(text).to_bytes(8, "little") + hashlib.sha256(body).digest() + bytes(body)


def read(data: bytes) -> tuple[Header, dict[str, np.ndarray]]:
    """Check and read a scorer's bytes; the arrays are read-only views. Raises IntegrityError on any fault."""
    if data[:8] != MAGIC:
        raise IntegrityError(f"these {len(data)} bytes are no compiled scorer: its mark is not there. {_REMEDY}")
    length = int.from_bytes(data[8:16], "little")
    if len(data) < _START + length:
        raise IntegrityError(f"the compiled scorer ends at {len(data)} bytes, inside its header. {_REMEDY}")
    if hashlib.sha256(data[_START:]).digest() != data[16:_START]:
        raise IntegrityError(f"the compiled scorer is damaged or cut short: its checksum differs. {_REMEDY}")
    header = _read_header(data[_START : _START + length])
    try:
        start = _aligned(_START + length)
        return header, {name: _view(data, start, array) for name, array in header.arrays.items()}
    except ValueError as error:
        raise IntegrityError(f"the compiled scorer lacks an array that it names: {error}. {_REMEDY}") from error


def _read_header(text: bytes) -> Header:
    try:
        header = Header.model_validate_json(text)
    except ValidationError as error:
        version = _version(text)
        if version not in (None, VERSION):
            raise IntegrityError(_other_version(version)) from error
        raise IntegrityError(f"the compiled scorer's header cannot be read: {error}. {_REMEDY}") from error
    if header.version != VERSION:
        raise IntegrityError(_other_version(header.version))
    return header


def _version(text: bytes) -> object:
    try:
        header = json.loads(text)
    except ValueError:
        return None
    return header.get("version") if isinstance(header, dict) else None


def _other_version(version: object) -> str:
    return (
        f"the compiled scorer has format version {version}, and this decisionloop reads version {VERSION}. "
        "Compile the release again with this version, or run the version that wrote it."
    )


def _aligned(offset: int) -> int:
    return offset + -offset % _ALIGNMENT


def _header_text(header: Header, arrays: Mapping[str, np.ndarray]) -> bytes:
    layout, start = {}, 0
    for name, array in arrays.items():
        layout[name] = ArrayHeader(dtype=array.dtype.str, shape=array.shape, offset=start)
        start = _aligned(start + array.nbytes)
    full = header.model_copy(update={"arrays": layout}).model_dump(mode="json")
    full["features"] = [
        {key: value for key, value in one.items() if key != "has_rest" or value} for one in full["features"]
    ]
    return json.dumps(full, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _view(data: bytes, start: int, array: ArrayHeader) -> np.ndarray:
    """A read-only view of one array, of the machine's own byte order."""
    view = np.frombuffer(data, dtype=array.dtype, count=math.prod(array.shape), offset=start + array.offset)
    return view.reshape(array.shape).astype(view.dtype.newbyteorder("="), copy=False)
