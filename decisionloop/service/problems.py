"""What is answered in place of what was asked for, as the OpenAPI page tells it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class FaultOfBody(BaseModel):
    """One thing that is wrong with a body; nothing of what was sent."""

    model_config = ConfigDict(frozen=True)

    where: str = Field(description="Its place: names joined by dots.")
    what: str = Field(description="What is wrong there.")


class Problem(BaseModel):
    """Why there is no other answer."""

    model_config = ConfigDict(frozen=True)

    detail: str | list[FaultOfBody] = Field(description="In words, or the first faults of the body.")


WHEN: dict[int, str] = {
    400: "No proper JSON, or a header that is none.",
    401: "No API key, or none that is known; of webhooks: not proved.",
    403: "The key may not; without keys: another name than that of this machine.",
    404: "There is no such thing.",
    409: "It came before, or is being answered.",
    413: "The body is larger than 1 MiB.",
    415: "It is not application/json.",
    422: "It does not fit.",
    500: "The rules failed; the log says where.",
    503: "It cannot be done now: nothing was stored. Ask again.",
}


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route with these codes besides its own."""
    return {code: {"model": Problem, "description": WHEN[code], **_again(code)} for code in codes}


def _again(code: int) -> dict[str, Any]:
    """When to ask again is in a header."""
    if code != 503:
        return {}
    header = {"description": "After so many seconds.", "schema": {"type": "integer", "minimum": 1}}
    return {"headers": {"Retry-After": header}}
