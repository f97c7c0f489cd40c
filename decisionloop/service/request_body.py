"""The bytes of a request, no more of them than may be."""

from __future__ import annotations

from fastapi import HTTPException, Request

from decisionloop.service.bodies import LARGEST_BYTES
from decisionloop.service.keys import header_of


async def whole_body(request: Request) -> bytes:
    """The bytes as they came; no more of them are read than may be. Answers 413, and 400 where they are not whole."""
    chunks, size, is_whole = [], 0, False
    while not is_whole:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "the body is not whole")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > LARGEST_BYTES:
            raise HTTPException(413, f"send at most {LARGEST_BYTES} bytes")
        is_whole = not message.get("more_body", False)
    return b"".join(chunks)


async def json_body(request: Request) -> bytes:
    """The same of a request that says that it is JSON: a page of another site cannot say so unasked. Answers 415."""
    kind = header_of(request, b"content-type").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "send application/json")
    return await whole_body(request)
