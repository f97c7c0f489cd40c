"""An amount in two parts is scored as its pipelines say, in a batch and row by row, kept, read back and explained."""

from __future__ import annotations

import json
from functools import cache
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest

from decisionloop.errors import IntegrityError, UsageError
from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline, scorecard_pipeline
from decisionloop.predict.online.scorer import OnlineScorer, row_scorer
from decisionloop.predict.pipeline_model import PipelineScorer
from decisionloop.predict.reasons.codes import Reason, ReasonCatalogue, top_reasons
from decisionloop.predict.release_model import CLASS_COLUMN, ReleaseModel, read_scorer
from decisionloop.predict.scorer.compile import compile_pipeline
from decisionloop.predict.scorer.scorecard import ScorecardTables
from decisionloop.predict.scorer.scorer import CompiledScorer
from decisionloop.predict.two_part import TwoPartScorer
from tests.zero_heavy import shops, spent

COLUMNS = (InputColumn("turnover"), InputColumn("debt"), InputColumn("trade", True, ("craft", "farm", "retail")))
NAMES = [column.name for column in COLUMNS]
CATALOGUE = ReasonCatalogue({name: Reason(name) for name in NAMES})
KINDS = pytest.mark.parametrize("kind", ["scorecard", "gradient_boosting"])
ROWS = 2500


@cache
def pipelines(kind: str) -> tuple:
    build = scorecard_pipeline if kind == "scorecard" else gradient_boosting_pipeline
    frame, amount = shops(0, ROWS), spent(shops(0, ROWS), 0)
    has_one = amount != 0
    occurs = build(COLUMNS, 0, "class").fit(frame[NAMES], has_one.astype(float))
    return occurs, build(COLUMNS[:2], 0, "amount").fit(frame.loc[has_one, NAMES[:2]], amount[has_one])


@cache
def scorer(kind: str, zero_class: int | None = None) -> TwoPartScorer:
    occurs, size = pipelines(kind)
    frame = shops(0, ROWS)
    return TwoPartScorer(compile_pipeline(size, frame[NAMES[:2]]), compile_pipeline(occurs, frame[NAMES]), zero_class)


def strangers() -> pd.DataFrame:
    """Rows with what training never saw: unseen trades, missing and infinite numbers; of both classes."""
    frame = shops(7, 300)
    frame.loc[::9, "turnover"], frame.loc[1::9, "turnover"] = np.nan, np.inf
    trade = frame["trade"].astype(object)
    trade.iloc[2::9], trade.iloc[3::9] = "of no contract", None
    return frame.assign(
        trade=pd.Series(trade, dtype="str").where(trade.notna()), **{CLASS_COLUMN: np.arange(300) % 2.0}
    )


def rows_of(frame: pd.DataFrame) -> list[dict]:
    return [{k: None if pd.isna(v) else v for k, v in row.items()} for row in frame.to_dict("records")]


@KINDS
def test_scores_are_the_product_that_the_pipelines_say(kind):
    occurs, size = pipelines(kind)
    frame = strangers()
    expected = occurs.predict_proba(frame[NAMES])[:, 1] * size.predict(frame[NAMES[:2]])
    np.testing.assert_allclose(scorer(kind).score(frame), expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    in_class = scorer(kind, 0).score(frame)
    np.testing.assert_array_equal(in_class[::2], 0.0)
    np.testing.assert_array_equal(in_class[1::2], scorer(kind).score(frame)[1::2])


@KINDS
@pytest.mark.parametrize("zero_class", [None, 0, 1])
def test_what_is_kept_says_the_same_and_equal_scorers_have_equal_bytes(kind, zero_class):
    one = scorer(kind, zero_class)
    again = read_scorer(one.to_bytes())
    assert isinstance(again, TwoPartScorer)
    assert (again.digest, again.features, again.base_margin) == (one.digest, one.features, one.base_margin)
    np.testing.assert_array_equal(again.score(strangers()), one.score(strangers()))
    np.testing.assert_array_equal(again.contributions(strangers()), one.contributions(strangers()))


def test_a_damaged_a_short_and_a_wrongly_made_file_are_refused():
    data = scorer("scorecard").to_bytes()
    for wrong in (data[:-1], data[:60], data[:100] + b"?" + data[101:], data + b" "):
        with pytest.raises(IntegrityError):
            read_scorer(wrong)
    one = scorer("scorecard")
    swapped = TwoPartScorer(one.occurs, one.size, None)
    with pytest.raises(IntegrityError, match="others than this decisionloop reads"):
        read_scorer(swapped.to_bytes())
    with pytest.raises(IntegrityError, match="others than this decisionloop reads"):
        read_scorer(TwoPartScorer(one.size, None, None).to_bytes())


@KINDS
@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("zero_class", [None, 0])
def test_one_row_is_answered_as_in_a_batch_to_the_bit(kind, engine, zero_class):
    one, frame = scorer(kind, zero_class).on(engine), strangers()
    single = row_scorer(one, engine)
    assert [single.score(row) for row in rows_of(frame)] == one.score(frame).tolist()
    contributions = one.contributions(frame)
    for row, expected in zip(rows_of(frame)[:40], contributions[:40], strict=True):
        np.testing.assert_array_equal(single.contributions_of(single.prepare(row)), expected)


@KINDS
def test_reasons_online_are_those_of_a_batch_and_say_that_they_are_approximate(kind):
    one, frame = scorer(kind), shops(3, 40)
    assert not ReleaseModel(None, one).has_exact_reasons
    texts = top_reasons(one.contributions(frame), one.features, CATALOGUE, 2, is_exact=False).to_pylist()
    online = OnlineScorer(one, CATALOGUE, count=2, shadows={"itself": one})
    for row, text, score in zip(rows_of(frame), texts, one.score(frame), strict=True):
        answer = online.answer(row)
        assert (answer.score, answer.reasons, answer.shadows["itself"].score) == (score, text, score)
    assert {entry[2] for text in texts for entry in json.loads(text)} == {"approximate"}


@KINDS
@pytest.mark.parametrize("zero_class", [None, 0])
def test_contributions_sum_to_the_amount(kind, zero_class):
    one, frame = scorer(kind, zero_class), strangers()
    total = one.contributions(frame).sum(axis=1) + one.base_margin
    np.testing.assert_allclose(total, one.score(frame), atol=1e-8)


def shapley_of_the_product(one: TwoPartScorer, frame: pd.DataFrame) -> np.ndarray:
    """Exact Shapley values (n, 3) of p m where a withheld feature gives both scorecards its mean points."""
    margins = {}
    for known in (names for k in range(4) for names in combinations(NAMES, k)):
        parts = []
        for part in (one.occurs, one.size):
            shares = dict(zip(part.features, part.contributions(frame).T, strict=True))
            parts.append(part.base_margin + sum(shares[name] for name in known if name in shares))
        margins[frozenset(known)] = 1 / (1 + np.exp(-parts[0])) * parts[1]
    out = np.zeros((len(frame), 3))
    for i, name in enumerate(NAMES):
        others = [other for other in NAMES if other != name]
        for k in range(3):
            for known in combinations(others, k):
                weight = factorial(k) * factorial(2 - k) / factorial(3)
                out[:, i] += weight * (margins[frozenset([*known, name])] - margins[frozenset(known)])
    return out


def test_approximate_reasons_are_near_the_exact_ones_of_the_product():
    one, frame = scorer("scorecard"), shops(5, 1000)
    assert isinstance(one.size.tables, ScorecardTables)
    exact, told = shapley_of_the_product(one, frame), one.contributions(frame)
    np.testing.assert_allclose(exact.sum(axis=1), told.sum(axis=1), atol=1e-8)
    assert np.abs(told - exact).mean() < 0.15 * np.abs(exact).mean()
    clear = np.abs(exact).max(axis=1) > np.median(np.abs(exact).max(axis=1))
    first = np.abs(told).argmax(axis=1) == np.abs(exact).argmax(axis=1)
    assert first[clear].mean() > 0.9
    leading = np.abs(told).argmax(axis=1)
    rows = np.arange(len(frame))
    assert (np.sign(told[rows, leading]) == np.sign(exact[rows, leading])).mean() > 0.97


def test_a_part_that_is_not_compiled_decides_as_a_pipeline_and_says_so():
    occurs, _ = pipelines("scorecard")
    frame = shops(0, ROWS)
    kept = PipelineScorer.of(occurs, frame[NAMES], None, "too large for the test.")
    one = TwoPartScorer(scorer("scorecard").size, kept, None)
    assert ReleaseModel(None, one).refusals == ("too large for the test.",)
    again = read_scorer(one.to_bytes())
    np.testing.assert_allclose(again.score(strangers()), scorer("scorecard").score(strangers()), atol=1e-9)
    single = row_scorer(one)
    for row, score, told in zip(
        rows_of(strangers())[:9], one.score(strangers()), one.contributions(strangers()), strict=False
    ):
        assert single.score(row) == score
        np.testing.assert_array_equal(single.contributions_of(single.prepare(row)), told)


def test_a_frame_without_the_class_that_decides_is_refused():
    with pytest.raises(UsageError, match="outcome_class"):
        scorer("scorecard", 0).score(shops(1, 5))
    with pytest.raises(UsageError, match="outcome_class"):
        row_scorer(scorer("scorecard", 0)).score(rows_of(shops(1, 1))[0])


def test_an_empty_frame_has_no_scores():
    one = scorer("scorecard", 0)
    empty = strangers().head(0)
    assert one.score(empty).shape == (0,)
    assert one.contributions(empty).shape == (0, len(one.features))
    assert isinstance(one.size, CompiledScorer)
