"""One row in process: the batch path's own bits and bytes, from either engine, with every fault named."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline

from decisionloop.errors import ConfigurationError, UsageError
from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline, scorecard_pipeline
from decisionloop.predict.online.scorer import OnlineScorer, RowScorer
from decisionloop.predict.reasons.codes import Reason, ReasonCatalogue, top_reasons
from decisionloop.predict.release_model import ACTION_COLUMN
from decisionloop.predict.scorer import shapley
from decisionloop.predict.scorer.compile import compile_pipeline
from decisionloop.predict.scorer.engine import row_kernels
from decisionloop.predict.scorer.scorer import CompiledScorer

COLUMNS = (
    InputColumn("status", True, ("ok", "late", "very late")),
    InputColumn("use"),
    InputColumn("age"),
    InputColumn("site", True, ("a", "b", "c")),
)
NAMES = tuple(column.name for column in COLUMNS)
CATALOGUE = ReasonCatalogue(
    {name: Reason(f"the {name}", "person" if name in ("age", "site") else None) for name in NAMES}
)
ENGINES = pytest.mark.parametrize("engine", ["numpy", "numba"])
NAN, INF = float("nan"), float("inf")


def clients(seed: int, rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    status = np.array(["ok", "late", "very late", "never seen", None], dtype=object)
    frame = pd.DataFrame(
        {
            "status": pd.Series(rng.choice(status, rows), dtype="str"),
            "use": rng.normal(size=rows).round(2),
            "age": rng.integers(20, 70, rows).astype(float),
            "site": pd.Series(rng.choice(np.array(["a", "b", "c", None], dtype=object), rows), dtype="str"),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "use"] = np.nan
    frame.loc[rng.random(rows) < 0.05, "age"] = np.inf
    return frame


def outcome(frame: pd.DataFrame) -> np.ndarray:
    rng = np.random.default_rng(0)
    margin = 2.0 * frame["status"].isin(["late", "very late"]) + frame["use"].fillna(0.5) * (frame["age"] < 40) - 1
    return (rng.random(len(frame)) < 1 / (1 + np.exp(-margin))).astype(int).to_numpy()


@cache
def scorer(kind: str) -> CompiledScorer:
    frame = clients(0, 3000)
    if kind == "scorecard":
        pipeline = scorecard_pipeline(COLUMNS, 0)
    elif kind == "amount":
        pipeline = gradient_boosting_pipeline(COLUMNS, 0, "amount")
        assert isinstance(pipeline[1], HistGradientBoostingRegressor)
    else:
        pipeline = gradient_boosting_pipeline(COLUMNS, 0, "class")
        leaves = 60 if kind == "many leaves" else 15
        pipeline.set_params(model__max_leaf_nodes=leaves, model__min_samples_leaf=2, model__max_iter=40)
    target = 1000 * frame["use"].fillna(0).to_numpy() if kind == "amount" else outcome(frame)
    if kind == "constant":
        pipeline.set_params(model__min_samples_leaf=5000)
    return compile_pipeline(pipeline.fit(frame, target), frame)


KINDS = pytest.mark.parametrize("kind", ["trees", "many leaves", "scorecard", "amount", "constant"])


@cache
def online(kind: str, engine: str) -> OnlineScorer:
    return OnlineScorer(scorer(kind), CATALOGUE, engine=engine)


def as_rows(frame: pd.DataFrame) -> list[dict[str, object]]:
    return [{k: None if pd.isna(v) else v for k, v in row.items()} for row in frame.to_dict("records")]


@KINDS
@ENGINES
def test_one_row_is_answered_as_in_a_batch(kind, engine):
    frame = clients(1, 300)
    batch = scorer(kind)
    scores, contributions = batch.score(frame), batch.contributions(frame)
    texts = top_reasons(contributions, batch.features, CATALOGUE).to_pylist()
    one = online(kind, engine)
    for row, score, text in zip(as_rows(frame), scores, texts, strict=True):
        assert one.score(row) == score
        assert one.explain(row) == (score, text)


numbers = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.integers(-100, 100) | st.booleans()
edges = st.deferred(
    lambda: st.sampled_from([edge for bins in scorer("trees").bins[1:3] for edge in bins.edges.tolist()])
)


@settings(max_examples=150, deadline=None)
@given(
    use=numbers | edges,
    age=numbers | edges.map(lambda edge: float(np.nextafter(edge, INF))),
    status=st.none() | st.sampled_from(["ok", "late", "", "月"]) | st.text(max_size=3) | st.just(NAN),
    site=st.sampled_from(["a", "b", "c", None]),
)
def test_any_row_that_the_contract_admits_is_answered_as_in_a_batch(use, age, status, site):
    row = {"use": use, "age": age, "status": status, "site": site, "unused": object()}
    frame = pd.DataFrame(
        {
            "status": pd.Series([status], dtype="str"),
            "use": pd.Series([NAN if use is None else use], dtype="float64"),
            "age": pd.Series([NAN if age is None else age], dtype="float64"),
            "site": pd.Series([site], dtype="str"),
        }
    )
    expected = scorer("trees").score(frame)[0]
    for engine in ("numpy", "numba"):
        assert online("trees", engine).score(row) == expected


@ENGINES
def test_leaves_without_a_table_are_explained_by_the_batch_engine(engine, monkeypatch):
    monkeypatch.setattr(shapley, "PATH_STATES", 2)
    monkeypatch.setattr(shapley, "BLOCK_STATES", 1)
    fresh = CompiledScorer.from_bytes(scorer("trees").to_bytes())
    assert len(fresh.tables.shapley(engine)[1].value)
    row = as_rows(clients(3, 1))[0]
    texts = top_reasons(fresh.contributions(clients(3, 1)), fresh.features, CATALOGUE)
    assert OnlineScorer(fresh, CATALOGUE, engine=engine).explain(row).reasons == texts[0].as_py()


def test_features_of_one_group_are_one_reason_online_too():
    texts = [online("trees", "numba").explain(row).reasons for row in as_rows(clients(5, 200))]
    assert any("age" in text for text in texts)
    assert any("site" in text for text in texts)
    assert not any("age" in text and "site" in text for text in texts)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"use": "0.5"}, "feature 'use' must be a number, but is '0.5'"),
        ({"use": [1.0]}, "feature 'use' must be a number"),
        ({"age": 10**400}, "feature 'age' must be a number"),
        ({"status": 3}, "feature 'status' must be text, but is 3"),
        ({"site": ["a"]}, "feature 'site' must be text"),
        ({"status": 1.5}, "feature 'status' must be text"),
    ],
)
@ENGINES
def test_a_value_of_another_type_is_named(change, words, engine):
    row = {"status": "ok", "use": 0.1, "age": 30, "site": "a"} | change
    for ask in (online("trees", engine).score, online("trees", engine).explain):
        with pytest.raises(UsageError, match=words.replace("[", r"\[")):
            ask(row)


def test_features_that_a_row_lacks_are_named():
    with pytest.raises(UsageError, match="lacks age, status"):
        online("trees", "auto").score({"use": 1.0, "site": "a"})


@ENGINES
def test_a_model_of_one_feature_reads_its_row(engine):
    frame = clients(0, 500)
    pipeline = gradient_boosting_pipeline(COLUMNS[1:2], 0, "class").fit(frame, outcome(frame))
    one = OnlineScorer(compile_pipeline(pipeline, frame), CATALOGUE, engine=engine)
    assert one.score({"use": 0.3}) == pipeline.predict_proba(pd.DataFrame({"use": [0.3]}))[0, 1]
    with pytest.raises(UsageError, match="lacks use"):
        one.score({})


def test_shadows_stand_beside_and_a_shadow_that_fails_only_says_so():
    frame = clients(0, 500).assign(extra=1.0)
    other = gradient_boosting_pipeline([*COLUMNS, InputColumn("extra")], 0, "class").fit(frame, outcome(frame))
    shadows = {"wider": compile_pipeline(other, frame), "scorecard": scorer("scorecard")}
    one = OnlineScorer(scorer("trees"), CATALOGUE, shadows=shadows)
    rows = clients(2, 1)
    answer = one.answer(as_rows(rows)[0])
    assert (answer.score, answer.reasons) == one.explain(as_rows(rows)[0])
    assert answer.shadows["scorecard"] == (scorer("scorecard").score(rows)[0], None)
    assert answer.shadows["wider"].score is None
    assert "lacks extra" in answer.shadows["wider"].error
    assert one.answer(as_rows(rows.assign(extra=2.0))[0], has_reasons=False).reasons is None


def test_the_action_is_an_input_and_never_a_reason():
    columns = [*COLUMNS, InputColumn(ACTION_COLUMN, True, ("call", "mail"))]
    frame = clients(0, 1500)
    frame[ACTION_COLUMN] = pd.Series(np.where(np.arange(1500) % 2, "call", "mail"), dtype="str")
    target = (frame[ACTION_COLUMN] == "call").to_numpy() & (outcome(frame) == 1)
    pipeline = gradient_boosting_pipeline(columns, 0, "class").fit(frame, target.astype(int))
    one = OnlineScorer(compile_pipeline(pipeline, frame), CATALOGUE)
    row = {"status": "late", "use": 0.1, "age": 30.0, "site": "a"}
    call, mail = (one.explain({**row, ACTION_COLUMN: action}) for action in ("call", "mail"))
    assert call.score > mail.score
    assert ACTION_COLUMN not in call.reasons
    assert "status" in call.reasons


def test_an_impossible_margin_has_a_score_without_a_warning(recwarn):
    frame = clients(0, 200)
    pipeline = scorecard_pipeline(COLUMNS[1:2], 0).fit(frame, outcome(frame))
    assert isinstance(pipeline, Pipeline)
    pipeline[1].intercept_ = np.array([-5000.0])
    one = OnlineScorer(compile_pipeline(pipeline, frame), CATALOGUE)
    assert one.score({"use": 0.0}) == 0.0
    assert not [str(w.message) for w in recwarn if "overflow" in str(w.message)]


def test_many_threads_get_the_answers_of_one():
    rows = as_rows(clients(9, 400))
    one = online("trees", "numba")
    expected = [one.explain(row) for row in rows]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one.explain, rows)) == expected


def test_nothing_is_compiled_or_derived_at_the_first_request():
    fresh = CompiledScorer.from_bytes(scorer("trees").to_bytes())
    one = OnlineScorer(fresh, CATALOGUE, engine="numba")
    derived = set(fresh.tables.__dict__)
    compiled = row_kernels()
    kernels = (compiled.trees_score, compiled.trees_margin, compiled.trees_contributions)
    before = [len(kernel.signatures) for kernel in kernels]
    one.answer(as_rows(clients(1, 1))[0])
    assert [len(kernel.signatures) for kernel in kernels] == before
    assert set(fresh.tables.__dict__) == derived
    assert all(not kernel._can_compile for kernel in kernels)


def test_without_numba_the_same_answers_come_from_numpy(monkeypatch):
    row = as_rows(clients(1, 1))[0]
    expected = online("trees", "numba").explain(row)
    monkeypatch.setitem(sys.modules, "numba", None)
    assert OnlineScorer(scorer("trees"), CATALOGUE).explain(row) == expected
    with pytest.raises(ConfigurationError, match=r"decisionloop\[fast\]"):
        RowScorer(scorer("trees"), "numba")
