"""A release as it decides: one or two scorers, and what they predict for every action."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from decisionloop.errors import IntegrityError
from decisionloop.predict.predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from decisionloop.contract import UseCase
    from decisionloop.predict.scorer.engine import EngineName
    from decisionloop.predict.support_rule import SupportRule

ACTION_COLUMN = "action"
CLASS_COLUMN = "outcome_class"


class ReleaseScorer(Protocol):
    """What a release decides with: a compiled scorer, the pipeline itself where that is refused, or two in one."""

    @property
    def features(self) -> tuple[str, ...]: ...
    @property
    def link(self) -> Literal["logit", "identity"]: ...
    @property
    def base_margin(self) -> float: ...
    @property
    def digest(self) -> str: ...
    def margin(self, frame: pd.DataFrame) -> NDArray[np.float64]: ...
    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]: ...
    def contributions(self, frame: pd.DataFrame) -> NDArray[np.float64]: ...
    def to_bytes(self) -> bytes: ...


def read_scorer(data: bytes) -> ReleaseScorer:
    """The scorer that ``data`` holds, of whichever kind. Raises IntegrityError when it is damaged or none."""
    from decisionloop.predict import pipeline_bytes, two_part
    from decisionloop.predict.pipeline_model import PipelineScorer
    from decisionloop.predict.scorer.scorer import CompiledScorer

    if data[:8] == two_part.MAGIC:
        return two_part.TwoPartScorer.from_bytes(data)
    if data[:8] == pipeline_bytes.MAGIC:
        return PipelineScorer.from_bytes(data)
    return CompiledScorer.from_bytes(data)


@dataclass(frozen=True)
class ReleaseManifest:
    """Digests of the files that make a release; its own bytes are what the ledger names.

    ``support_digest``: of the rule that says where the model may decide, None where it may everywhere.
    """

    class_digest: str | None
    amount_digest: str | None
    support_digest: str | None = None

    def to_bytes(self) -> bytes:
        """Deterministic JSON; of version 1 without a support rule, so that a release keeps the digest that it had."""
        scorers = {"class": self.class_digest, "amount": self.amount_digest}
        if self.support_digest is None:
            return json.dumps({"version": 1, **scorers}).encode()
        return json.dumps({"version": 2, **scorers, "support": self.support_digest}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> ReleaseManifest:
        """Read a manifest. Raises IntegrityError when it is not one, or of a version that may restrict the model."""
        try:
            content = json.loads(data)
            if content["version"] not in (1, 2):
                raise ValueError(f"of version {content['version']}")
            return cls(content["class"], content["amount"], content["support"] if content["version"] == 2 else None)
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"a release manifest cannot be read ({error}). Restore it from the snapshot store's backup."
            ) from error


@dataclass(frozen=True)
class ReleaseModel:
    """The scorers of a release: of the outcome's class, of its amount, or both.

    ``support``: where the model may decide; None: everywhere.
    """

    class_scorer: ReleaseScorer | None
    amount_scorer: ReleaseScorer | None
    support: SupportRule | None = None

    @property
    def leading(self) -> ReleaseScorer:
        """The scorer whose number is logged as the score and explained by reason codes."""
        scorer = self.class_scorer or self.amount_scorer
        if scorer is None:
            raise IntegrityError("a release holds no scorer at all. Retrain it.")
        return scorer

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why pipelines of this release were not compiled and decide themselves; empty where all are compiled."""
        from decisionloop.predict.pipeline_model import PipelineScorer
        from decisionloop.predict.two_part import single_parts

        scorers = [scorer for scorer in (self.class_scorer, self.amount_scorer) if scorer is not None]
        singles = [one for scorer in scorers for one in single_parts(scorer)]
        return tuple(one.header.refusal for one in singles if isinstance(one, PipelineScorer))

    @property
    def has_exact_reasons(self) -> bool:
        """Whether the score's contributions are exact Shapley values; a pipeline's and a product's approximate."""
        from decisionloop.predict.scorer.scorer import CompiledScorer

        return isinstance(self.leading, CompiledScorer)

    @property
    def engine(self) -> EngineName:
        """The engine that the leading scorer is on, which writes its reasons too; "auto" for a pipeline."""
        from decisionloop.predict.scorer.scorer import CompiledScorer
        from decisionloop.predict.two_part import single_parts

        one = single_parts(self.leading)[-1]
        return one.engine if isinstance(one, CompiledScorer) else "auto"


class ScoresFrames(Protocol):
    """Anything that turns n rows into n numbers: a compiled scorer, or a pipeline that is still being judged."""

    def score(self, frame: pd.DataFrame) -> np.ndarray: ...


def predict(use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame) -> Predictions:
    """What a release predicts of every row under every action; see :func:`predict_parts`."""
    return predict_parts(use_case, model.class_scorer, model.amount_scorer, frame)


def predict_parts(
    use_case: UseCase, class_scorer: ScoresFrames | None, amount_scorer: ScoresFrames | None, frame: pd.DataFrame
) -> Predictions:
    """Predict class probability (n, A) and amount (n, A, C) of every row under every action.

    Actions that the model knows nothing of (those that reveal no outcome, where the action is not an input)
    are NaN.
    """
    rows, actions = len(frame), len(use_case.actions)
    classes = 2 if use_case.outcome.class_ else 1
    probability = np.full((rows, actions), np.nan) if class_scorer else None
    amount = np.full((rows, actions, classes), np.nan) if amount_scorer else None
    for index, action in enumerate(use_case.actions):
        if not action.reveals_outcome:
            continue
        inputs = frame.assign(**{ACTION_COLUMN: action.name}) if _sees_action(use_case) else frame
        if probability is not None and class_scorer is not None:
            probability[:, index] = class_scorer.score(inputs)
        if amount is not None and amount_scorer is not None:
            for outcome_class in range(classes):
                known = inputs.assign(**{CLASS_COLUMN: float(outcome_class)}) if classes == 2 else inputs
                amount[:, index, outcome_class] = amount_scorer.score(known)
    return Predictions(probability, amount)


def supported_actions(
    use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame, rules_action: np.ndarray
) -> NDArray[np.bool_] | None:
    """Which actions (n, A) the log that taught the release supports, by what the rules choose (n,); None: all of them.

    Raises IntegrityError where the release knows other actions than the contract.
    """
    if model.support is None:
        return None
    return model.support.supported(use_case.action_names, frame, rules_action)


def explained_score(
    use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame, action: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The logged score (n,), and what :func:`explained` says of it."""
    contributions, features = explained(use_case, model, frame, action)
    return model.leading.score(_inputs(use_case, model, frame, action)), contributions, features


def explained(
    use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame, action: np.ndarray
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Contributions (n, F) to the margin of the logged score, and the features of their columns.

    They are exact where `ReleaseModel.has_exact_reasons` says so. Where the action is a model input the score is the
    one of ``action`` (n, index in contract order); elsewhere it is the score under the one revealing action. The
    action itself is never a reason.
    """
    scorer = model.leading
    contributions, features = scorer.contributions(_inputs(use_case, model, frame, action)), scorer.features
    kept = [i for i, name in enumerate(features) if name not in (ACTION_COLUMN, CLASS_COLUMN)]
    if len(kept) < len(features):
        contributions = contributions[:, kept]
    return contributions, tuple(features[i] for i in kept)


def explained_whole(
    use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame, action: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The margin (n,) of the logged score, and the contributions (n, F) to it of all that the scorer reads.

    Among them are those of the action and of the class where it reads these, which `explained` leaves out.
    """
    inputs = _inputs(use_case, model, frame, action)
    return model.leading.margin(inputs), model.leading.contributions(inputs)


def _inputs(use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame, action: np.ndarray) -> pd.DataFrame:
    """The frame as the leading scorer takes it, told of the action and of the class that it is about."""
    if _sees_action(use_case):
        frame = frame.assign(**{ACTION_COLUMN: np.asarray(use_case.action_names, dtype=object)[action]})
    return frame.assign(**{CLASS_COLUMN: 1.0}) if CLASS_COLUMN in model.leading.features else frame


def _sees_action(use_case: UseCase) -> bool:
    return use_case.is_action_modelled


def features_read(model: ReleaseModel) -> tuple[str, ...]:
    """The features that a model reads, without the columns that only scoring adds."""
    scorers = [scorer for scorer in (model.class_scorer, model.amount_scorer) if scorer is not None]
    read = dict.fromkeys(name for scorer in scorers for name in scorer.features)
    return tuple(name for name in read if name not in (ACTION_COLUMN, CLASS_COLUMN))
