"""An application of which a worker may be asked to end, with the exit code that uvicorn takes for a failed start."""

from __future__ import annotations

import os

from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE


def app() -> FastAPI:
    """`/` tells which process answers, `/end` ends it."""
    told = FastAPI()

    @told.get("/")
    def who() -> int:
        return os.getpid()

    @told.get("/end")
    def end() -> None:
        os._exit(STARTUP_FAILURE)

    return told
