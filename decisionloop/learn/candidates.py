"""Train candidates of the kinds that the contract names, and compile them into what would decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.learn.amount_form import AmountForm, amount_form
from decisionloop.learn.fitted import Fitted
from decisionloop.learn.fitting import Kind, fit, fit_amount
from decisionloop.learn.folds import leakproof_folds
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.support_of_log import Reach, reach_in_log, support_rule
from decisionloop.learn.training_set import TrainingSet
from decisionloop.observe.estimate import weighted_mean
from decisionloop.predict.predictions import Predictions
from decisionloop.predict.release_model import CLASS_COLUMN, ReleaseModel, predict_parts

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FOLDS = 3


@dataclass(frozen=True)
class Candidate:
    """A trained candidate: its pipelines (by outcome part) and the model that would decide.

    ``reach``: where the log supports what it would do, of a candidate that is kept within that. ``left_out``: features
    of the contract that teach nothing in this training set, with the reason by name.
    ``amounts``: in which form the amount was learnt; None where the outcome has none. ``originals``: what the model
    was compiled from, by part of the outcome.
    """

    kind: Kind
    pipelines: dict[str, Pipeline]
    model: ReleaseModel
    left_out: Mapping[str, str] = field(default_factory=dict)
    reach: Reach | None = None
    amounts: AmountForm | None = None
    originals: Mapping[str, Fitted] = field(default_factory=dict)


def train(use_case: UseCase, kind: Kind, rows: TrainingSet) -> Candidate:
    """Train one pipeline for each part of the outcome (class, amount) and compile it exactly.

    A pipeline that the compiled scorer refuses decides itself; the release says so in its ``refusals``.
    The amount is learnt with the class as an input where the outcome has both, so that the money of each class
    can be weighed by its probability; in two parts where it is mostly zero and they predict it better (`best_form`).
    Raises CompileError when a pipeline can neither be compiled nor kept.
    """
    form = best_form(use_case, kind, rows)
    fitted = fit(use_case, kind, rows, form)
    scorers = {part: one.deployable(str(use_case.version)) for part, one in fitted.items()}
    pipelines = {name: one for part, found in fitted.items() for name, one in found.pipelines(part).items()}
    left_out = {name: why for one in fitted.values() for name, why in one.left_out.items()}
    model = ReleaseModel(scorers.get("class"), scorers.get("amount"))
    return Candidate(kind, pipelines, model, left_out, amounts=form, originals=fitted)


def within_support(
    use_case: UseCase, candidate: Candidate, batches: LoggedBatches, predictions: Predictions
) -> Candidate | None:
    """The same candidate as another policy: it decides where the log supports that, and elsewhere copies the rules.

    ``predictions`` (out of fold) are of the n rows of ``batches``, which taught it. None where the log supports nowhere
    another action than the rules' own: such a candidate could only be the rules.
    """
    rule = support_rule(use_case, batches, predictions)
    reach = reach_in_log(use_case, batches, predictions, rule)
    if not reach.may_decide:
        return None
    return replace(candidate, model=replace(candidate.model, support=rule), reach=reach)


def best_form(use_case: UseCase, kind: Kind, rows: TrainingSet) -> AmountForm | None:
    """The form in which the amount is learnt; None where the outcome has none.

    Where it may be learnt in two parts (`amount_form`) that and one regression are compared on the rows that teach, by
    weighted square error out of fold. Parts of which each is learnt from few can be worse than one whole; where they
    surely are, it stays whole. In between two parts are taken: the noise of the amounts hides most differences, and in
    worlds whose truth is known they were the better ones there.
    """
    if rows.amount is None:
        return None
    form = amount_form(use_case, rows)
    if not form.is_two_part:
        return form
    fold = leakproof_folds(rows.entity, rows.frame[[one.name for one in use_case.model_inputs]], FOLDS)
    told = np.full((2, len(rows)), np.nan)
    asked = rows.frame if rows.outcome_class is None else rows.frame.assign(**{CLASS_COLUMN: rows.outcome_class})
    for one in np.unique(fold):
        others, where = subset(rows, fold != one), np.flatnonzero(fold == one)
        for line, taught in zip(told, (amount_form(use_case, others), form.as_one), strict=True):
            line[where] = fit_amount(use_case, kind, others, taught).score(asked.iloc[where])
    squares = (told - rows.amount) ** 2
    errors = np.sqrt(np.average(squares, axis=1, weights=rows.weight))
    worse = weighted_mean(squares[0] - squares[1], rows.weight, rows.entity)
    return form.judged((float(errors[0]), float(errors[1])), worse.low is not None and worse.low > 0)


@dataclass(frozen=True)
class Folds:
    """The fold, in 0..FOLDS-1, of each row that teaches (n,) and of each that is asked about (m,)."""

    taught: np.ndarray
    asked: np.ndarray


def folds_of(use_case: UseCase, rows: TrainingSet, frame: pd.DataFrame, entity: np.ndarray) -> Folds:
    """Folds of the rows that teach and of those of ``frame``, which are about ``entity`` (m,); nothing leaks through.

    No entity, and no two rows that look the same to a model, are on both sides of a split.
    """
    names = [one.name for one in use_case.model_inputs]
    looks = pd.concat([rows.frame[names], frame[names]], ignore_index=True)
    both = leakproof_folds(np.concatenate([rows.entity, entity]), looks, FOLDS)
    return Folds(both[: len(rows)], both[len(rows) :])


def out_of_fold(
    use_case: UseCase,
    kind: Kind,
    rows: TrainingSet,
    frame: pd.DataFrame,
    entity: np.ndarray,
    form: AmountForm | None = None,
) -> Predictions:
    """Predictions of every row of ``frame`` by a model that saw neither its entity nor a row that looks the same.

    The ``form`` of the amount is the candidate's, or the best one where it is not given.
    """
    form = form or best_form(use_case, kind, rows)
    return predicted_in_folds(use_case, kind, rows, frame, folds_of(use_case, rows, frame, entity), form)


def predicted_in_folds(
    use_case: UseCase, kind: Kind, rows: TrainingSet, frame: pd.DataFrame, folds: Folds, form: AmountForm | None
) -> Predictions:
    """Predictions of every row of ``frame`` by a model that the rows of the other folds have taught.

    The pipelines of the folds are not compiled: the compiled scorer would say the same, and none of them decides.
    """
    parts: list[tuple[np.ndarray, Predictions]] = []
    for fold in range(FOLDS):
        others = subset(rows, folds.taught != fold)
        # In two parts where the rows of this fold allow it.
        fitted = fit(use_case, kind, others, amount_form(use_case, others) if form and form.is_two_part else form)
        where = np.flatnonzero(folds.asked == fold)
        predictions = predict_parts(use_case, fitted.get("class"), fitted.get("amount"), frame.iloc[where])
        parts.append((where, predictions))
    return _assembled(parts, len(frame))


def predicted_by(use_case: UseCase, kind: Kind, rows: TrainingSet, frame: pd.DataFrame) -> Predictions:
    """What a model of these rows says of ``frame``; it is not compiled, for it never decides."""
    fitted = fit(use_case, kind, rows, None if rows.amount is None else amount_form(use_case, rows))
    return predict_parts(use_case, fitted.get("class"), fitted.get("amount"), frame)


def _assembled(parts: list[tuple[np.ndarray, Predictions]], rows: int) -> Predictions:
    def gather(name: str) -> np.ndarray | None:
        pieces = [(where, getattr(predictions, name)) for where, predictions in parts]
        if pieces[0][1] is None:
            return None
        whole = np.full((rows, *pieces[0][1].shape[1:]), np.nan)
        for where, piece in pieces:
            whole[where] = piece
        return whole

    return Predictions(gather("probability"), gather("amount"))


def subset(rows: TrainingSet, keep: np.ndarray) -> TrainingSet:
    """Some of the rows that teach: a mask (n,)."""
    return replace(
        rows,
        frame=rows.frame.loc[keep].reset_index(drop=True),
        outcome_class=None if rows.outcome_class is None else rows.outcome_class[keep],
        amount=None if rows.amount is None else rows.amount[keep],
        weight=rows.weight[keep],
        entity=rows.entity[keep],
        decision_id=rows.decision_id[keep],
        inverse=None if rows.inverse is None else rows.inverse[keep],
        as_of=None if rows.as_of is None else rows.as_of[keep],
    )
