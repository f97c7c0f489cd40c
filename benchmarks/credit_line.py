"""What models do on the bundled credit data, all outcomes known: skill, money beside the rules, score shift, feedback.

Money is NTD a decision. "Approvals alone": in July the riskiest 20 % by the model of May are declined, the next model
learns from the rest, and is judged on everyone in August; "exploration": 5 % of decisions swapped, and weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.figures import Figure
from decisionloop.act.economics import realised_values
from decisionloop.contract import load_use_case
from decisionloop.contract.code import load_code
from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline, scorecard_pipeline
from decisionloop.monitor.compare.score_shift import reference_scores, score_shift
from decisionloop.predict.features import build_frame
from decisionloop.predict.rules import apply_rules
from decisionloop.sources import ReplaySource, open_source

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FOLDER = Path(__file__).parents[1] / "usecases" / "credit_line"
BREAK_EVEN = 0.03 / 0.48
"""Risk at which an increase earns nothing: margin / (margin + loss)."""
ROWS_A_BATCH = 7_500


@dataclass(frozen=True)
class Month:
    """Everybody's decisions of one month: model inputs, the rules' choice, arrears, money of an increase."""

    inputs: pd.DataFrame
    is_increase: np.ndarray
    arrears: np.ndarray
    value: np.ndarray


def measure(is_quick: bool) -> Iterator[Figure]:
    """The scorecard, and gradient boosting unless quick (about a minute on two cores)."""
    months = read_months()
    columns = [InputColumn(name) for name in months[5].inputs.columns]
    makers: dict[str, Callable[[], Pipeline]] = {"scorecard": lambda: scorecard_pipeline(columns, 0, "class")}
    if not is_quick:
        makers["boosting"] = lambda: gradient_boosting_pipeline(columns, 0, "class")
    for name, make in makers.items():
        yield from _later_months(name, _trained(make(), months[5]), months)
        yield from _feedback(name, make, months)


def read_months() -> dict[int, Month]:
    """The five months of decisions, through the source and the functions of the use case."""
    folder = load_use_case(FOLDER)
    use_case, code, source = folder.use_case, load_code(folder), open_source(folder)
    assert isinstance(source, ReplaySource)
    truth = source.hidden_truth().set_index(["as_of", "entity_id"])["outcome_class"]
    increase = use_case.action_names.index("increase")
    parts: dict[int, list[Month]] = {}
    for as_of in source.calendar():
        entities = source.due(as_of, use_case.schedule.covers_days)
        known = source.known(entities, as_of)
        frame = build_frame(use_case, code.features, known, entities, as_of, source.time_column)
        action, _ = apply_rules(use_case, code, frame)
        arrears = truth.loc[as_of].reindex(frame[use_case.entity.key]).to_numpy()
        value = realised_values(use_case, frame, np.full(len(frame), increase), arrears, None)
        inputs = frame[[feature.name for feature in use_case.model_inputs]]
        parts.setdefault(as_of.month, []).append(Month(inputs, action == increase, arrears, value))
    return {month: _joined(batches) for month, batches in parts.items()}


def _joined(batches: list[Month]) -> Month:
    return Month(
        pd.concat([batch.inputs for batch in batches], ignore_index=True),
        np.concatenate([batch.is_increase for batch in batches]),
        np.concatenate([batch.arrears for batch in batches]),
        np.concatenate([batch.value for batch in batches]),
    )


def _trained(
    pipeline: Pipeline, month: Month, shown: np.ndarray | None = None, weight: np.ndarray | None = None
) -> Pipeline:
    """The pipeline fitted to the ``shown`` rows of a month (None: all) with their ``weight`` (None: 1)."""
    rows = np.ones(len(month.arrears), dtype=bool) if shown is None else shown
    weights = np.ones(len(month.arrears)) if weight is None else weight
    return pipeline.fit(month.inputs[rows], month.arrears[rows], model__sample_weight=weights[rows])


def _scores(model: Pipeline, month: Month) -> np.ndarray:
    return np.asarray(model.predict_proba(month.inputs)[:, 1])


def _auc(model: Pipeline, month: Month) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(month.arrears, _scores(model, month)))


def _later_months(name: str, model: Pipeline, months: dict[int, Month]) -> Iterator[Figure]:
    """A model of May in the months after it."""
    at_home, reference = _auc(model, months[5]), reference_scores(_scores(model, months[5]))
    for number in (6, 7, 8, 9):
        month = months[number]
        label, scores = f"{name} of May, month {number}", _scores(model, month)
        is_other_outcome = number == 9
        auc_goal, better = (0.72, "lower") if is_other_outcome else (0.86, "higher")
        yield Figure(f"{label}: AUC", _auc(model, month), "AUC", "in May", at_home, auc_goal, better)  # type: ignore[arg-type]
        earned = float((month.value * (scores < BREAK_EVEN)).mean())
        by_rules = float((month.value * month.is_increase).mean())
        yield Figure(f"{label}: money", earned, "NTD", "rules", by_rules, by_rules - 10)
        shift = score_shift(scores[:ROWS_A_BATCH], reference).distance or 0.0
        yield Figure(f"{label}: score shift", shift, "TV", "halts at", 0.25, 0.25, "lower")


def _feedback(name: str, make: Callable[[], Pipeline], months: dict[int, Month]) -> Iterator[Figure]:
    """What approvals alone, and exploration with weights, leave of the next model's skill."""
    july, august = months[7], months[8]
    scores = _scores(_trained(make(), months[5]), july)
    is_declined = scores >= np.quantile(scores, 0.8)
    is_explored = np.random.default_rng(0).random(len(scores)) < 0.05
    is_shown = np.where(is_declined, is_explored, ~is_explored)
    weight = np.where(is_declined, 1 / 0.05, 1 / 0.95)
    whole = _auc(_trained(make(), july), august)
    alone = _auc(_trained(make(), july, ~is_declined), august)
    explored = _auc(_trained(make(), july, is_shown, weight), august)
    yield Figure(f"{name} of July's approvals alone", alone, "AUC", "all outcomes", whole, 0.9, "lower", True)
    yield Figure(f"{name} of July with exploration", explored, "AUC", "all outcomes", whole, 0.98, "higher", True)
