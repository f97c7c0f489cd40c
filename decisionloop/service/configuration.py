"""The file of the service: who may send webhooks, what each starts, and who may read. It holds no secret itself.

It is TOML, because that refuses a key given twice and keeps text and numbers apart.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from decisionloop.errors import ConfigurationError

SchemeName = Literal["standard", "github", "mlflow"]
Scope = Literal["decide", "outcome", "read", "flag", "release"]
Constant = str | int | float | bool
BodyPath = Annotated[str, Field(pattern=r"^[^.]+(\.[^.]+)*$")]
"""Names joined by dots, such as ``release.tag_name``."""
SenderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class SecretPlace(_Part):
    """Where a secret lies: in an environment variable or in a file, whose last line end is no part of it."""

    env: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("name either env or file")
        return self


class FromBody(_Part):
    """A value that is taken from the body of the request, at this path."""

    body: BodyPath


class Sender(_Part):
    """Who may send to ``/v1/webhooks/<name>``, and which deployment its events start.

    ``start`` is ``flow/deployment``. ``time``: where the body says when the event happened, ISO 8601 with a zone or
    seconds since 1970. ``about``: the parameters that say what an event is about; of two events about the same the
    older one never takes effect after the newer one.
    """

    scheme: SchemeName
    secrets: tuple[SecretPlace, ...] = Field(min_length=1, max_length=2, strict=False)
    events: tuple[str, ...] = Field(min_length=1, strict=False)
    start: str = Field(pattern=r"^[^/]+/[^/]+$")
    parameters: Mapping[str, Constant | FromBody]
    time: BodyPath | None = None
    about: tuple[str, ...] = Field(default=("use_case",), min_length=1, strict=False)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        missing = [name for name in ("use_case", *self.about) if name not in self.parameters]
        if missing:
            raise ValueError(f"parameters lack {missing[0]}")
        if self.scheme == "github" and self.time is None:
            raise ValueError("GitHub signs no time: name where the body says when the event happened, as `time`")
        return self

    @property
    def time_path(self) -> str:
        """Where the body says when the event happened."""
        return self.time or "timestamp"


class Key(_Part):
    """An API key by its SHA-256 in hexadecimal; whose it is, and what it may do."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: tuple[Scope, ...] = Field(min_length=1, strict=False)


class ServiceFile(_Part):
    """What the file says."""

    senders: Mapping[SenderName, Sender] = Field(default_factory=dict)
    keys: Mapping[str, Key] = Field(default_factory=dict)


def load_service_file(path: Path | None) -> ServiceFile:
    """Read the file; without one there are neither senders nor keys.

    Raises ConfigurationError that names each fault and its place, and never what stands there.
    """
    if path is None:
        return ServiceFile()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"the file of the service cannot be read: {error}"
        raise ConfigurationError(f"{problem}. Correct DECISIONLOOP_SERVICE_FILE.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no TOML: {error}. docs/webhooks.md shows a file.") from error
    try:
        return ServiceFile.model_validate(content)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)]
        raise ConfigurationError(f"{path}: {'; '.join(faults)}. docs/webhooks.md explains every key.") from None
