"""From a contract to the way out that it names."""

from __future__ import annotations

from pathlib import Path

from decisionloop.contract import UseCase
from decisionloop.contract.operation import HttpActuator as HttpSection
from decisionloop.dispatch.messages import Actuator


def open_actuator(use_case: UseCase, home: Path, timeout_seconds: float, authorization: str = "") -> Actuator:
    """The actuator of a use case; a relative folder starts at ``home``, ``authorization`` is an HTTP header, or ""."""
    section = use_case.actuator
    if isinstance(section, HttpSection):
        from decisionloop.dispatch.http import HttpActuator

        return HttpActuator(section.url, timeout_seconds, authorization)
    from decisionloop.dispatch.files import FileActuator

    return FileActuator(home / section.folder)
