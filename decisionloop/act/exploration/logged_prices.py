"""The prices that a batch explored at, written down with it: what is decided alone afterwards explores at the same."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from decisionloop.act.constraints import BatchTotals
from decisionloop.act.exploration.agreement import AgreedExploring
from decisionloop.act.exploration.budget import Chances
from decisionloop.act.exploration.figures import ExploringFigures
from decisionloop.contract import UseCase


@dataclass(frozen=True, eq=False)
class PricedBy:
    """How to explore, and the digest of the table of what had been seen when it was priced (None: nothing had)."""

    exploring: AgreedExploring
    seen_digest: str | None


def prices_text(use_case: UseCase, exploring: AgreedExploring | None, seen_digest: str | None) -> str | None:
    """What is to be written down of a batch; None where nothing was priced, or there was nothing to try in it."""
    if exploring is None or use_case.policy.exploration.kind != "priced" or exploring.figures.explored <= 0:
        return None
    chances = exploring.chances
    told = {"gamma": chances.gamma, "look_share": chances.look_share, "scale": chances.scale.tolist()}
    return json.dumps({**told, "seen": seen_digest, "figures": exploring.figures.to_json()})


def read_prices(use_case: UseCase, prices: str) -> PricedBy:
    """What :func:`prices_text` wrote under the same contract."""
    told = json.loads(prices)
    scale = np.array(told["scale"], dtype=np.float64)
    chances = Chances(use_case.policy.exploration, told["gamma"], told["look_share"], scale)
    figures = ExploringFigures.from_json(told["figures"])
    nothing_to_keep = BatchTotals(0, ())  # what is decided alone has no constraints
    return PricedBy(AgreedExploring(chances, (), nothing_to_keep, figures), told["seen"])
