"""On which grounds a release is moved: who decided it, why, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from decisionloop.release.stages import Decider

Evidence = Mapping[str, str | int | float | bool | None]
GATE = Decider("gate", "gate")
GUARD = Decider("guard", "guard")


@dataclass(frozen=True)
class Grounds:
    """Who moves releases, why, as of when; ``evidence`` names what it rests on, such as a verdict of the gate."""

    by: Decider
    reason: str
    as_of: datetime
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """A verdict of the gate, as far as a promotion rests on it.

    ``attempt``: which attempt of the challenger it judged, from 1; another one begins when it comes back into shadow.
    """

    verdict_id: str
    decision: str
    challenger_id: str
    champion_id: str
    attempt: int
