"""The bytes of a request, no more of them than may be."""

from __future__ import annotations

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from decisionloop.service.bodies import LARGEST_BYTES


async def whole_body(request: Request) -> bytes:
    """The bytes as they came; no more of them are read than may be. Answers 413, and 400 where they are not whole."""
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > LARGEST_BYTES:
                raise HTTPException(413, f"send at most {LARGEST_BYTES} bytes")
            chunks.append(chunk)
    except ClientDisconnect:
        raise HTTPException(400, "the body is not whole") from None
    return b"".join(chunks)


async def json_body(request: Request) -> bytes:
    """The same of a request that says that it is JSON: a page of another site cannot say so unasked. Answers 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "send application/json")
    return await whole_body(request)
