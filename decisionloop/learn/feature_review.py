"""What each feature earns: the model is fitted again without it, and both are valued as policies.

The same rows teach both, in the same folds, and the same logged decisions value them (`learn.evidence.policy_gain`), so
that only what differs between them carries noise. The feature is left to the rules, the economics and the limits, which
read it as before: what is valued is its use in the model. The interval is of the decisions, not of what another
training set would have taught. Two features that say the same are each worth nothing beside the other; `worth_of` says
what several are worth together.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.errors import UsageError
from decisionloop.learn.amount_form import AmountForm
from decisionloop.learn.candidates import Folds, best_form, folds_of, predicted_in_folds
from decisionloop.learn.evidence import policy_gain
from decisionloop.learn.fitting import MOST_CATEGORIES, Kind, fit
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.reviewed_features import FeatureWorth
from decisionloop.learn.serving_work import lookups_per_row
from decisionloop.learn.training_inputs import training_inputs
from decisionloop.learn.training_set import TrainingSet
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.predict.predictions import Predictions
from decisionloop.predict.release_model import ReleaseModel

CONFIDENCE = 0.95
ONLY_FEATURE = "without it there is no feature left to learn from"


def review_features(
    use_case: UseCase, kind: Kind, rows: TrainingSet, batches: LoggedBatches
) -> tuple[FeatureWorth, ...]:
    """What leaving out each model input, alone, would cost a decision; in the contract's order.

    Args:
        kind: of model that is fitted.
        rows: what teaches.
        batches: whole mature batches that value the policies, among them those that teach (each out of fold).

    Inputs that teach nothing in ``rows`` are left out of every model and have no line. Raises UsageError where not even
    the model with all features can be fitted.
    """
    model = _Model.of(use_case, kind, rows, batches)
    found = [FeatureWorth(name, model.worth([name])) for name in _used(use_case, kind, rows)]
    if not any(one.earns_nothing for one in found):
        return tuple(found)
    whole = model.lookups([])
    return tuple(
        replace(one, saved_lookups=whole - model.lookups([one.feature])) if one.earns_nothing else one for one in found
    )


def worth_of(
    use_case: UseCase, kind: Kind, rows: TrainingSet, batches: LoggedBatches, features: Collection[str]
) -> Estimate:
    """What leaving out all of ``features`` at once would cost a decision; otherwise as `review_features`."""
    return _Model.of(use_case, kind, rows, batches).worth(features)


def without_features(use_case: UseCase, frame: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    """The frame with some features missing in every row, which no model then learns from (`training_inputs`)."""
    missing = {
        one.name: pd.Series(np.nan, frame.index, dtype="str" if one.type == "category" else "float64")
        for one in use_case.features
        if one.name in names
    }
    return frame.assign(**missing)


def _used(use_case: UseCase, kind: Kind, rows: TrainingSet) -> list[str]:
    left_out = training_inputs(use_case, rows.frame, MOST_CATEGORIES[kind]).left_out
    return [one.name for one in use_case.model_inputs if one.name not in left_out]


@dataclass(frozen=True, eq=False)
class _Model:
    """A model of all features, out of fold on the batches, and what it takes to fit it again with fewer of them.

    The folds are those of all features: a row that looks like another only to a model that sees less is another case.
    """

    use_case: UseCase
    kind: Kind
    rows: TrainingSet
    batches: LoggedBatches
    form: AmountForm | None
    folds: Folds
    predictions: Predictions

    @classmethod
    def of(cls, use_case: UseCase, kind: Kind, rows: TrainingSet, batches: LoggedBatches) -> _Model:
        form = best_form(use_case, kind, rows)
        folds = folds_of(use_case, rows, batches.frame, batches.log["entity_id"].to_numpy(dtype=object))
        predictions = predicted_in_folds(use_case, kind, rows, batches.frame, folds, form)
        return cls(use_case, kind, rows, batches, form, folds, predictions)

    def worth(self, names: Collection[str]) -> Estimate:
        """What this model earns a decision more than one without some features."""
        if not set(_used(self.use_case, self.kind, self.rows)) - set(names):
            return cannot_say(ONLY_FEATURE, len(self.batches.log), CONFIDENCE)
        frame = without_features(self.use_case, self.batches.frame, names)
        try:
            fewer = predicted_in_folds(self.use_case, self.kind, self._taught(names), frame, self.folds, self.form)
        except UsageError as refusal:  # in a fold what is left teaches nobody
            return cannot_say(str(refusal), len(self.batches.log), CONFIDENCE)
        return policy_gain(self.use_case, self.batches, self.predictions, fewer)

    def lookups(self, names: Collection[str]) -> int:
        """Look-ups that serving a decision takes without some features."""
        fitted = fit(self.use_case, self.kind, self._taught(names), self.form)
        version = str(self.use_case.version)
        compiled = {part: one.deployable(version) for part, one in fitted.items()}
        return lookups_per_row(self.use_case, ReleaseModel(compiled.get("class"), compiled.get("amount")))

    def _taught(self, names: Collection[str]) -> TrainingSet:
        return replace(self.rows, frame=without_features(self.use_case, self.rows.frame, names))
