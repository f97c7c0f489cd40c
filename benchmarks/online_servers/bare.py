"""A bare FastAPI endpoint: it reads the same body with pydantic, and answers it. ``python FILE PORT WORKERS``."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, create_model

_NUMBERS: dict[str, Any] = {f"number_{i:02d}": (float | None, None) for i in range(16)}
_CATEGORIES: dict[str, Any] = {f"category_{i}": (str | None, None) for i in range(4)}
Features = create_model("Features", **_NUMBERS, **_CATEGORIES)


class Body(BaseModel):
    """What our service takes as well."""

    entity: str
    features: Features  # type: ignore[valid-type]


app = FastAPI()


@app.post("/v1/large_batch/decisions")
async def decide(body: Body) -> Body:
    """The body itself."""
    return body


@app.get("/ready")
def ready() -> dict[str, bool]:
    """Always."""
    return {"ready": True}


if __name__ == "__main__":
    uvicorn.run(
        "benchmarks.online_servers.bare:app", port=int(sys.argv[1]), workers=int(sys.argv[2]), log_level="warning"
    )
