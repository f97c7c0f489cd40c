"""What is fitted of a candidate: a pipeline, or the two of an amount in two parts, and what they become to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from decisionloop.errors import CompileError
from decisionloop.predict.pipeline_model import PipelineScorer
from decisionloop.predict.release_model import ReleaseScorer
from decisionloop.predict.scorer.compile import compile_pipeline
from decisionloop.predict.two_part import TwoPartScorer, expected_amount

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

REFERENCE = "training decisions, weighted by the inverse of the probability of being revealed"
"""Whom a score's reasons compare with; the scorer's file says so."""


@dataclass(frozen=True)
class FittedPipeline:
    """A fitted pipeline that scores frames; what decides is its compiled form.

    ``inputs`` and ``weight`` are of the n decisions that its reasons compare with.
    """

    pipeline: Pipeline
    inputs: pd.DataFrame
    weight: np.ndarray
    left_out: Mapping[str, str]

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        """Probability of class 1 (n,), or the amount (n,)."""
        if hasattr(self.pipeline, "predict_proba"):
            return np.asarray(self.pipeline.predict_proba(frame)[:, 1])
        return np.asarray(self.pipeline.predict(frame))

    def pipelines(self, part: str) -> dict[str, Pipeline]:
        """The pipeline by the name of its ``part`` of the outcome."""
        return {part: self.pipeline}

    def deployable(self, contract_version: str) -> ReleaseScorer:
        """The compiled scorer or, where that is refused, the pipeline itself with the reason of the refusal.

        Raises CompileError when it can neither be compiled nor kept.
        """
        try:
            return compile_pipeline(
                self.pipeline,
                self.inputs,
                self.weight,
                contract_version=contract_version,
                reference_name=REFERENCE,
            )
        except CompileError as refusal:
            return PipelineScorer.of(self.pipeline, self.inputs, self.weight, str(refusal))


@dataclass(frozen=True)
class FittedTwoPart:
    """The pipelines of an amount in two parts, as `predict.two_part.TwoPartScorer` holds their compiled forms."""

    size: FittedPipeline
    occurs: FittedPipeline | None
    zero_class: Literal[0, 1] | None

    @property
    def left_out(self) -> Mapping[str, str]:
        """What neither part learns from, with the reason."""
        if self.occurs is None:
            return self.size.left_out
        return {name: why for name, why in self.occurs.left_out.items() if name in self.size.left_out}

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        """The expected amount (n,)."""
        return expected_amount(self.occurs, self.size, self.zero_class, frame)

    def pipelines(self, part: str) -> dict[str, Pipeline]:
        """The pipelines by the names of ``part`` and what they say of it; the size of it last."""
        occurs = {} if self.occurs is None else self.occurs.pipelines(f"{part}_occurs")
        return occurs | self.size.pipelines(f"{part}_size")

    def deployable(self, contract_version: str) -> TwoPartScorer:
        """What decides; raises CompileError as `FittedPipeline.deployable`."""
        occurs = None if self.occurs is None else self.occurs.deployable(contract_version)
        return TwoPartScorer(self.size.deployable(contract_version), occurs, self.zero_class)


Fitted = FittedPipeline | FittedTwoPart
