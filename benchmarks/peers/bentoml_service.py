"""The reference model behind BentoML, in its own environment: `bentoml serve` finds ``Online`` in this file.

The environment variable ``PIPELINE`` names the joblib file. Nothing of decisionloop is imported here.
"""

from __future__ import annotations

import os
from typing import Any

import bentoml
import joblib
import pandas as pd


@bentoml.service(traffic={"timeout": 60})
class Online:
    """Scores one row."""

    def __init__(self) -> None:
        self.pipeline = joblib.load(os.environ["PIPELINE"])

    @bentoml.api
    def decide(self, entity: str, features: dict[str, Any]) -> dict[str, Any]:
        """The probability of one entity."""
        score = float(self.pipeline.predict_proba(pd.DataFrame([features]))[0, 1])
        return {"entity": entity, "score": score}
