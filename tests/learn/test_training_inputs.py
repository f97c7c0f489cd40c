"""What varies teaches, what does not is named; more categories than codes are supported, online as in a batch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import UseCase, load_use_case
from decisionloop.errors import UsageError
from decisionloop.learn.candidates import FOLDS, Candidate, out_of_fold, train
from decisionloop.learn.folds import fold_of
from decisionloop.learn.model_card import MeasuredCandidate, model_card
from decisionloop.learn.training_inputs import training_inputs
from decisionloop.learn.training_set import TrainingSet
from decisionloop.predict.online.scorer import RowScorer
from decisionloop.predict.pipeline_model import PipelineScorer
from decisionloop.predict.release_model import read_scorer
from decisionloop.predict.scorer.codes import CategoryBins
from decisionloop.predict.scorer.scorer import CompiledScorer
from tests.small_use_case import write_small

KINDS = pytest.mark.parametrize("kind", ["scorecard", "gradient_boosting"])
TRADES = [f"k{i:03d}" for i in range(400)]
ROWS = 3000

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def use_case(tmp_path_factory) -> UseCase:
    features = [
        {"name": "turnover", "type": "number", "wording": "turnover", "purpose": "It pays back."},
        {"name": "debt", "type": "number", "wording": "debt", "is_nullable": True, "purpose": "It comes first."},
        {"name": "trade", "type": "category", "wording": "trade", "categories": TRADES, "purpose": "Trades differ."},
    ]
    return load_use_case(write_small(tmp_path_factory.mktemp("usecases"), features=features).folder).use_case


def shops(seed: int = 0) -> pd.DataFrame:
    """The first trades are common, the last ones hardly ever seen, and some are unknown."""
    chance = np.random.default_rng(seed)
    trade = np.array(TRADES, dtype=object)[np.minimum(chance.exponential(60, ROWS).astype(int), 399)]
    trade[chance.random(ROWS) < 0.05] = None
    return pd.DataFrame(
        {
            "shop_id": [f"s{i}" for i in range(ROWS)],
            "turnover": chance.gamma(4, 25, ROWS),
            "debt": chance.uniform(0, 10, ROWS),
            "trade": pd.Series(trade, dtype="str"),
        }
    )


def training_set(frame: pd.DataFrame) -> TrainingSet:
    number = pd.to_numeric(frame["trade"].str[1:], errors="coerce").fillna(400.0).to_numpy()
    risk = 0.1 + 0.05 * frame["debt"].fillna(5.0).to_numpy() + 0.3 * (number > 150)
    outcome = (np.random.default_rng(1).random(len(frame)) < risk).astype(np.float64)
    ids = frame["shop_id"].to_numpy(dtype=object)
    return TrainingSet(frame, outcome, None, np.ones(len(frame)), ids, ids, float(len(frame)))


@pytest.fixture(scope="module", params=["scorecard", "gradient_boosting"])
def candidate(request, use_case) -> Candidate:
    return train(use_case, request.param, training_set(shops()))


def strangers(seed: int = 5) -> pd.DataFrame:
    """Rows with categories that training never saw and missing ones."""
    frame = shops(seed).head(400)
    trade = frame["trade"].astype(object)
    trade.iloc[::7], trade.iloc[1::7] = "of no contract", None
    return frame.assign(trade=trade.astype("str").where(trade.notna()))


def test_more_categories_than_codes_are_compiled_and_the_mapping_is_in_the_file(candidate):
    scorer = candidate.model.class_scorer
    assert isinstance(scorer, CompiledScorer)
    again = CompiledScorer.from_bytes(scorer.to_bytes())
    (bins,) = [item for item in again.bins if isinstance(item, CategoryBins)]
    assert bins.has_rest
    assert bins.size <= 256
    counts = shops()["trade"].value_counts()
    assert counts[list(bins.categories)].min() >= counts[counts.index.difference(bins.categories)].max()
    np.testing.assert_array_equal(again.score(strangers()), scorer.score(strangers()))


def test_what_is_compiled_says_what_the_pipeline_says(candidate):
    scorer = candidate.model.class_scorer
    expected = candidate.pipelines["class"].predict_proba(strangers())[:, 1]
    np.testing.assert_allclose(scorer.score(strangers()), expected, atol=1e-12)


@pytest.mark.parametrize("storage", ["python", "pyarrow"])
def test_a_trade_never_seen_counts_as_a_rare_one_and_not_as_a_missing_one(candidate, storage):
    (bins,) = [item for item in candidate.model.class_scorer.bins if isinstance(item, CategoryBins)]
    rare = next(one for one in TRADES if one not in bins.categories)
    values = pd.Series([rare, "of no contract", None, bins.categories[0]], dtype=pd.StringDtype(storage))
    assert bins.encode(values).tolist() == [bins.unseen, bins.unseen, bins.size - 1, 0]
    assert bins.unseen != bins.size - 1


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_one_row_is_answered_as_in_a_batch_to_the_bit(candidate, engine):
    scorer, frame = candidate.model.class_scorer, strangers()
    one = RowScorer(scorer, engine)
    rows = [{k: None if pd.isna(v) else v for k, v in row.items()} for row in frame.to_dict("records")]
    assert [one.score(row) for row in rows] == scorer.on(engine).score(frame).tolist()
    contributions = scorer.contributions(frame)
    for row, expected in zip(rows[:50], contributions[:50], strict=True):
        np.testing.assert_array_equal(one.contributions_of(one.prepare(row)), expected)


def test_a_pipeline_that_decides_itself_merges_them_too(candidate):
    frame = shops()
    pipeline = candidate.pipelines["class"]
    known = frame[list(pipeline.feature_names_in_)]
    scorer = PipelineScorer.of(pipeline, known, None, "for the test.")
    again = read_scorer(scorer.to_bytes())
    np.testing.assert_array_equal(again.score(strangers()), pipeline.predict_proba(strangers())[:, 1])


def test_few_categories_leave_the_file_as_it_was(tmp_path):
    few = load_use_case(write_small(tmp_path).folder).use_case
    frame = shops().assign(trade=pd.Series(np.array(["craft", "farm", "retail"])[np.arange(ROWS) % 3], dtype="str"))
    scorer = train(few, "scorecard", training_set(frame)).model.class_scorer
    assert b"has_rest" not in scorer.to_bytes()


MISSING = pd.Series([np.nan] * ROWS)


@KINDS
@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("debt", MISSING, "missing in every row"),
        ("debt", pd.Series([3.0] * ROWS), "3.0 in every row"),
        ("trade", MISSING.astype("str").where(MISSING.notna()), "missing in every row"),
        ("trade", pd.Series(["k001"] * ROWS, dtype="str"), "k001 in every row"),
    ],
)
def test_what_teaches_nothing_is_left_out_and_named(use_case, kind, name, values, why):
    rows = training_set(shops().assign(**{name: values}))
    candidate = train(use_case, kind, rows)
    assert candidate.left_out == {name: why}
    assert name not in candidate.model.leading.features
    card = model_card(use_case, "r1", "2024", MeasuredCandidate(candidate, rows, {}))
    assert f"Left out of this training, because it teaches nothing: `{name}` ({why})" in card
    inputs = card[card.index("**Inputs.**") : card.index("**Not inputs.**")]
    assert f"`{name}`" not in inputs
    # The whole row of the contract is taken all the same.
    assert np.isfinite(candidate.model.leading.score(shops(3))).all()


@KINDS
def test_what_teaches_nothing_to_one_fold_alone_stops_nothing(use_case, kind):
    frame = shops()
    fold = fold_of(frame["shop_id"].to_numpy(dtype=object), FOLDS)
    frame["debt"] = frame["debt"].where(fold == 0)
    rows = training_set(frame)
    told = out_of_fold(use_case, kind, rows, frame, rows.entity)
    lend = use_case.action_names.index("lend")
    assert np.isfinite(told.probability[:, lend]).all()


def test_known_or_missing_is_something_to_learn_from(use_case):
    frame = shops()
    frame["debt"] = np.where(frame["turnover"] > 100, 3.0, np.nan)
    assert training_inputs(use_case, frame, 255).left_out == {}


def test_where_nothing_varies_the_error_names_everything(use_case):
    frame = shops().assign(turnover=1.0, debt=np.nan, trade=pd.Series(["k001"] * ROWS, dtype="str"))
    with pytest.raises(UsageError, match=r"turnover is 1\.0 in every row; debt is missing in every row; trade is k001"):
        train(use_case, "scorecard", training_set(frame))


def test_outcomes_of_one_class_are_a_clear_error(use_case):
    rows = training_set(shops())
    rows.outcome_class[:] = 0.0
    with pytest.raises(UsageError, match="every outcome that would teach small is 0"):
        train(use_case, "gradient_boosting", rows)
