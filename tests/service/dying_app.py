"""An application of which a worker may be asked to end, with the exit code that uvicorn takes for a failed start."""

from __future__ import annotations

import os

from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE

from decisionloop.service.supervisor import Answering, RollCall


def app(calls: RollCall) -> Answering:
    """`/` tells which process answers, `/end` ends it."""
    told = FastAPI()

    @told.get("/")
    def who() -> int:
        return os.getpid()

    @told.get("/end")
    def end() -> None:
        os._exit(STARTUP_FAILURE)

    return Answering(told, calls)


def nothing(calls: RollCall) -> Answering:
    """What ends before it has answered anybody, with that code."""
    os._exit(STARTUP_FAILURE)
