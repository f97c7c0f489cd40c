"""A small decision problem, changed by each test where it matters."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from decisionloop.contract import UseCase

MakeUseCase = Callable[..., UseCase]


def _contract() -> dict[str, object]:
    return {
        "name": "offers",
        "version": 1,
        "title": "Whom to send an offer",
        "description": "Each week.",
        "entity": {"key": "client_id", "noun": "client"},
        "features": [
            {"name": "spend", "type": "number", "wording": "spend", "purpose": "worth", "is_nullable": True},
            {
                "name": "channel",
                "type": "category",
                "categories": ["web", "shop"],
                "wording": "channel",
                "purpose": "cost",
            },
        ],
        "outcome": {"class": {"column": "bought", "wording": "bought"}, "window_days": 14, "maturity_days": 14},
        "actions": [
            {"name": "call", "wording": "call", "reveals_outcome": True},
            {"name": "nothing", "wording": "do nothing", "is_default": True, "reveals_outcome": False},
            {"name": "mail", "wording": "mail", "reveals_outcome": True},
        ],
        "model": {"action_as": "input"},
        "economics": {
            "currency": "EUR",
            "constants": {"margin": 0.1, "postage": 2.0},
            "value": {
                "call": "margin * spend * outcome - 5",
                "nothing": "0",
                "mail": "margin * spend * outcome - where(channel == 'web', 0, postage)",
            },
            "explanation": "A tenth of the spend of those who buy.",
        },
        "guardrails": {},
        "data_quality": {"rows": [1, 1000], "maximum_age_days": 30},
        "schedule": {"cron": "0 6 * * 1"},
        "actuator": {"kind": "file"},
        "source": {"kind": "custom"},
        "approval": {"owner": "owner@example.com", "approvers": ["head@example.com"]},
    }


@pytest.fixture(scope="session")
def make_use_case() -> MakeUseCase:
    """Build the use case with some policy changed, or other sections replaced."""

    def make(policy: dict[str, object] | None = None, **sections: object) -> UseCase:
        contract = _contract() | sections
        contract["policy"] = {"exploration": {"kind": "uniform", "share": 0.1}, "holdout_share": 0.0, "salt": "1"} | (
            policy or {}
        )
        return UseCase.model_validate(contract)

    return make


@pytest.fixture(scope="session")
def make_frame() -> Callable[..., pd.DataFrame]:
    """A canonical frame of n clients."""

    def make(rows: int, spend: object = 100.0, channel: object = "web") -> pd.DataFrame:
        frame = pd.DataFrame({"client_id": [f"c{i:06d}" for i in range(rows)]}, dtype="str")
        return frame.assign(
            spend=pd.Series(spend, index=frame.index, dtype="float64"),
            channel=pd.Series(channel, index=frame.index, dtype="str"),
        )

    return make
