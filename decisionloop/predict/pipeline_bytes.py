"""The file of a pipeline that decides: a header that says what it is, and the pipeline in skops format. No pickle.

    offset  bytes  content
    0       8      magic ``DLPIPELN``
    8       8      length H of the header, unsigned, little-endian
    16      32     SHA-256 of everything from offset 48 to the end
    48      H      the header: JSON in ASCII, keys sorted (``PipelineHeader``)
    48+H           a zip archive as skops writes it, whose object numbers and times are made the same for every run

skops builds only what its own list and ``TRUSTED_TYPES`` name; anything else is refused before it is built.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from decisionloop.errors import CompileError, IntegrityError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MAGIC = b"DLPIPELN"
VERSION = 1
_START = 48
_SCHEMA = "schema.json"
_REMEDY = "Fetch the file again from where it is kept, or train the release again."

TRUSTED_TYPES = frozenset(
    {
        "decisionloop.learn.binning.QuantileBinner",
        "decisionloop.learn.rare_categories.RareCategories",
        "functools.partial",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.utils.validation.check_array",
    }
)
"""What a pipeline may hold beyond the types that skops trusts by itself, here and in the model registry."""


class PipelineFeature(BaseModel):
    """A feature and the value that stands for knowing nothing of it: finite, or None for missing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    is_category: bool
    reference: float | str | None


class PipelineHeader(BaseModel):
    """What the file says before its pipeline. ``refusal``: why the pipeline was not compiled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = VERSION
    link: Literal["logit", "identity"]
    features: tuple[PipelineFeature, ...]
    refusal: str


def write(header: PipelineHeader, pipeline: Pipeline) -> bytes:
    """The file's bytes. Raises CompileError naming the types that could not be read back."""
    import skops.io

    try:
        archive = skops.io.dumps(pipeline)
    except Exception as error:  # skops raises whatever the object's own code does
        raise CompileError(
            f"{header.refusal} Nor can the pipeline be kept: {type(error).__name__}: {error}. "
            "Use transformers and estimators of scikit-learn."
        ) from error
    strangers = _strangers(archive)
    if strangers:
        raise CompileError(
            f"{header.refusal} Nor can the pipeline be kept: it holds {', '.join(strangers)}, which is not trusted. "
            "Use transformers and estimators of scikit-learn."
        )
    content = header.model_dump(mode="json")
    body = json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")
    rest = body + _repeatable(archive)
    return MAGIC + len(body).to_bytes(8, "little") + hashlib.sha256(rest).digest() + rest


def read(data: bytes) -> tuple[PipelineHeader, Pipeline]:
    """Check and read a file. Raises IntegrityError for damage, another version, and types that are not ours."""
    import skops.io

    if data[:8] != MAGIC:
        raise IntegrityError(f"these {len(data)} bytes are no kept pipeline: its mark is not there. {_REMEDY}")
    if hashlib.sha256(data[_START:]).digest() != data[16:_START]:
        raise IntegrityError(f"the kept pipeline is damaged or cut short: its checksum differs. {_REMEDY}")
    end = _START + int.from_bytes(data[8:16], "little")
    try:
        header = PipelineHeader.model_validate_json(data[_START:end])
    except ValidationError as error:
        raise IntegrityError(f"the kept pipeline's header cannot be read: {error}. {_REMEDY}") from error
    if header.version != VERSION:
        raise IntegrityError(
            f"the kept pipeline has format version {header.version}, and this decisionloop reads version {VERSION}. "
            "Run the version that wrote it, or train the release again."
        )
    archive = data[end:]
    try:
        strangers = _strangers(archive)
        if not strangers:
            return header, skops.io.loads(archive, trusted=sorted(TRUSTED_TYPES))
    except Exception as error:  # another scikit-learn's attributes fail in any way
        raise IntegrityError(
            f"the kept pipeline cannot be built: {type(error).__name__}: {error}. Use the locked versions."
        ) from error
    raise IntegrityError(
        f"the kept pipeline holds types that decisionloop does not trust: {', '.join(strangers)}. {_REMEDY}"
    )


def _strangers(archive: bytes) -> list[str]:
    import skops.io

    return sorted(set(skops.io.get_untrusted_types(data=archive)) - TRUSTED_TYPES)


def _repeatable(archive: bytes) -> bytes:
    """The same archive with objects numbered as they come and no times: skops numbers them by memory address."""
    with zipfile.ZipFile(pa.BufferReader(archive)) as source:
        files = {name: source.read(name) for name in source.namelist()}
    schema = files.pop(_SCHEMA).decode()
    numbers: dict[str, str] = {}
    for address in re.findall(r'"__id__": (\d+)', schema):
        numbers.setdefault(address, str(len(numbers) + 1))
    names = {name: _renumbered(name, numbers) for name in files}
    schema = re.sub(r'"__id__": (\d+)', lambda found: f'"__id__": {numbers[found[1]]}', schema)
    schema = re.sub(r'"(\d+\.\w+)"', lambda found: f'"{names.get(found[1], found[1])}"', schema)
    out = pa.BufferOutputStream()
    with zipfile.ZipFile(out, "w") as target:
        entries = sorted((names[name], content) for name, content in files.items())
        for name, content in [*entries, (_SCHEMA, schema.encode())]:
            target.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return bytes(out.getvalue())


def _renumbered(name: str, numbers: dict[str, str]) -> str:
    address, dot, suffix = name.partition(".")
    return numbers.get(address, address) + dot + suffix
