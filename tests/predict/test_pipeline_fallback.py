"""What the compiled scorer refuses decides as a pipeline: kept without a pickle, exact scores, honest reasons."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from decisionloop import registry
from decisionloop.contract.loading import load_use_case
from decisionloop.errors import CompileError, IntegrityError, UsageError
from decisionloop.learn import candidates, fitting
from decisionloop.learn.fitted import REFERENCE
from decisionloop.learn.model_card import MeasuredCandidate, model_card
from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline, scorecard_pipeline
from decisionloop.learn.training_set import TrainingSet
from decisionloop.predict import pipeline_bytes
from decisionloop.predict.logged_scores import reason_codes
from decisionloop.predict.online.score_cache import ScoreCache
from decisionloop.predict.online.scorer import OnlineScorer
from decisionloop.predict.pipeline_model import PipelineScorer
from decisionloop.predict.reasons.codes import Reason, ReasonCatalogue, reason_catalogue, top_reasons
from decisionloop.predict.reasons.wording import read_reasons
from decisionloop.predict.release_model import ReleaseModel, read_scorer
from decisionloop.predict.scorer.compile import compile_pipeline
from decisionloop.predict.scorer.scorer import CompiledScorer
from decisionloop.release_store import load_release, save_release
from decisionloop.snapshots import SnapshotStore
from tests.small_use_case import write_small

COLUMNS = [InputColumn("use"), InputColumn("site", True, ("a", "b", "c"))]


def clients(seed: int = 0, rows: int = 1500) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    site = rng.choice(np.array(["a", "b", "c", "c", None], dtype=object), rows)
    return pd.DataFrame({"use": rng.normal(size=rows), "site": pd.Series(site, dtype="str")})


def outcome(frame: pd.DataFrame) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=len(frame))
    return (np.sin(5 * frame["use"]) + (frame["site"] == "a") + noise > 0.5).astype(int).to_numpy()


def large_trees(seed: int = 0) -> Pipeline:
    pipeline = gradient_boosting_pipeline(COLUMNS, seed, "class")
    return pipeline.set_params(
        model__max_leaf_nodes=100, model__min_samples_leaf=1, model__l2_regularization=0.0, model__max_iter=5
    )


def encoded(model) -> Pipeline:
    steps = [("n", StandardScaler(), ["use"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["site"])]
    return Pipeline([("columns", ColumnTransformer(steps)), ("model", model)])


REFUSED = {
    "100 leaves": large_trees,
    "scaled logistic regression": lambda: encoded(LogisticRegression()),
    "nearest neighbours": lambda: encoded(KNeighborsClassifier(5, algorithm="brute")),
}


def trained(build, frame: pd.DataFrame) -> PipelineScorer:
    pipeline = build().fit(frame, outcome(frame))
    with pytest.raises(CompileError) as refusal:
        compile_pipeline(pipeline, frame)
    return PipelineScorer.of(pipeline, frame, None, str(refusal.value))


@pytest.mark.parametrize("name", REFUSED)
def test_it_scores_as_its_pipeline_before_and_after_it_was_kept(name):
    frame = clients()
    scorer = trained(REFUSED[name], frame)
    rows = clients(2).assign(unused=1.0)
    expected = scorer.pipeline.predict_proba(rows)[:, 1]
    again = read_scorer(scorer.to_bytes())
    for one in (scorer, again):
        assert isinstance(one, PipelineScorer)
        assert one.features == ("use", "site")
        np.testing.assert_array_equal(one.score(rows), expected)
        np.testing.assert_allclose(1 / (1 + np.exp(-one.margin(rows))), expected, atol=1e-11)
    assert again.digest == scorer.digest
    assert again.base_margin == scorer.base_margin
    np.testing.assert_array_equal(again.contributions(rows[:20]), scorer.contributions(rows[:20]))


def test_an_amount_is_its_own_margin():
    frame = clients().drop(columns="site")
    pipeline = Pipeline([("columns", ColumnTransformer([("n", StandardScaler(), ["use"])])), ("m", LinearRegression())])
    scorer = PipelineScorer.of(pipeline.fit(frame, 7 * frame["use"]), frame, None, "no.")
    assert scorer.link == "identity"
    np.testing.assert_array_equal(scorer.margin(frame), scorer.score(frame))
    np.testing.assert_allclose(scorer.contributions(frame)[:, 0], 7 * (frame["use"] - frame["use"].median()), atol=0.02)


def test_compiled_scorers_are_read_by_the_same_door():
    frame = clients()
    compiled = compile_pipeline(scorecard_pipeline(COLUMNS, 0).fit(frame, outcome(frame)), frame)
    assert isinstance(read_scorer(compiled.to_bytes()), CompiledScorer)
    with pytest.raises(IntegrityError):
        read_scorer(b"neither")


@pytest.mark.parametrize("name", REFUSED)
def test_training_again_gives_the_same_bytes(name):
    first, second = (trained(REFUSED[name], clients()).to_bytes() for _ in range(2))
    assert first == second


def test_a_contribution_is_what_the_reference_value_would_change():
    frame = clients()
    scorer = trained(REFUSED["scaled logistic regression"], frame)
    assert [f.reference for f in scorer.header.features] == [pytest.approx(frame["use"].median(), abs=0.01), "c"]
    rows = clients(2, 50)
    without = rows.assign(use=scorer.header.features[0].reference)
    np.testing.assert_allclose(scorer.contributions(rows)[:, 0], scorer.margin(rows) - scorer.margin(without))
    # Of an additive model these are exact: they sum to the margin.
    total = scorer.contributions(rows).sum(axis=1) + scorer.base_margin
    np.testing.assert_allclose(total, scorer.margin(rows), atol=1e-9)


def test_the_reference_follows_the_weights_and_leaves_out_what_is_not_known():
    frame = pd.DataFrame(
        {"use": [1.0, 2.0, 3.0, np.nan, np.inf], "site": pd.Series(["a", "a", "b", None, "c"], dtype="str")}
    )
    pipeline = large_trees().fit(clients(), outcome(clients()))
    heavy = PipelineScorer.of(pipeline, frame, np.array([1.0, 1, 9, 99, 2]), "no.")
    assert [feature.reference for feature in heavy.header.features] == [3.0, "b"]
    nothing = PipelineScorer.of(pipeline, frame.iloc[3:4], None, "no.")
    assert [feature.reference for feature in nothing.header.features] == [None, None]
    kept = PipelineScorer.from_bytes(nothing.to_bytes())
    assert kept.base_margin == nothing.base_margin
    assert (kept.contributions(frame.iloc[3:4]) == 0).all()


def test_no_rows_have_no_scores_and_missing_columns_are_named():
    scorer = trained(large_trees, clients())
    assert scorer.contributions(clients()[:0]).shape == (0, 2)
    with pytest.raises(UsageError, match="missing or doubled: site"):
        scorer.score(clients().drop(columns="site"))


def test_certain_predictions_have_finite_reasons():
    frame = clients().fillna({"site": "a"})
    nearest = encoded(KNeighborsClassifier(1, algorithm="brute")).fit(frame, outcome(frame))
    scorer = PipelineScorer.of(nearest, frame, None, "no.")
    assert set(scorer.score(frame)) <= {0.0, 1.0}
    assert np.isfinite(scorer.contributions(frame)).all()


@pytest.mark.parametrize("where", [0, 10, 20, 60, 5000, -1])
def test_damaged_bytes_are_refused(where):
    data = bytearray(trained(large_trees, clients()).to_bytes())
    data[where] ^= 1
    with pytest.raises(IntegrityError):
        PipelineScorer.from_bytes(bytes(data))


def test_types_that_are_not_ours_are_neither_kept_nor_built(monkeypatch):
    frame = clients()
    own = Pipeline([("columns", FunctionTransformer(func=_doubled)), ("model", LogisticRegression())])
    numbers = frame[["use"]]
    with pytest.raises(CompileError, match=r"too large\. Nor can the pipeline be kept.*_doubled"):
        PipelineScorer.of(own.fit(numbers, outcome(frame)), numbers, None, "too large.")
    data = trained(large_trees, frame).to_bytes()
    monkeypatch.setattr(pipeline_bytes, "TRUSTED_TYPES", frozenset({"functools.partial"}))
    with pytest.raises(IntegrityError, match="TreePredictor"):
        PipelineScorer.from_bytes(data)


def _doubled(values: pd.DataFrame) -> pd.DataFrame:
    return 2 * values


def test_the_registry_and_the_snapshots_trust_the_same_types():
    assert registry.TRUSTED_TYPES is pipeline_bytes.TRUSTED_TYPES


def test_another_version_is_refused_by_its_number():
    scorer = trained(large_trees, clients())
    other = pipeline_bytes.write(scorer.header.model_copy(update={"version": 9}), scorer.pipeline)
    with pytest.raises(IntegrityError, match="version 9"):
        PipelineScorer.from_bytes(other)


def test_what_could_not_even_decide_as_a_pipeline_is_refused():
    frame = clients()
    with pytest.raises(CompileError, match="not trained"):
        PipelineScorer.of(large_trees(), frame, None, "no.")
    three = encoded(LogisticRegression()).fit(frame, np.arange(len(frame)) % 3)
    with pytest.raises(CompileError, match="not two"):
        PipelineScorer.of(three, frame, None, "no.")


def test_the_file_holds_no_pickle_and_no_times():
    data = trained(large_trees, clients()).to_bytes()
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert not [name for name in archive.namelist() if name.endswith((".pkl", ".pickle"))]
    assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.fixture
def small(tmp_path):
    return load_use_case(write_small(tmp_path).folder).use_case


def lending(use_case) -> TrainingSet:
    rng = np.random.default_rng(0)
    rows = 3000
    frame = pd.DataFrame(
        {
            "turnover": rng.gamma(4, 25, rows),
            "debt": rng.uniform(0, 10, rows),
            "trade": pd.Series(rng.choice(["craft", "farm", "retail"], rows), dtype="str"),
        }
    )
    defaulted = (rng.random(rows) < 1 / (1 + np.exp(-1.5 * (frame["debt"] - 5)))).to_numpy(dtype=float)
    ids = np.array([f"k{i}" for i in range(rows)], dtype=object)
    assert set(frame) <= set(use_case.feature_names)
    return TrainingSet(frame, defaulted, None, np.ones(rows), ids, ids, float(rows))


def _measured(kind, rows, model):
    return MeasuredCandidate(candidates.Candidate(kind, {}, model), rows, {})


def test_a_release_whose_pipeline_cannot_be_compiled_is_trained_kept_loaded_and_explained(
    monkeypatch, small, sqlite_ledger, tmp_path
):
    build = fitting.gradient_boosting_pipeline
    monkeypatch.setattr(
        fitting,
        "gradient_boosting_pipeline",
        lambda *a: build(*a).set_params(
            model__max_leaf_nodes=80, model__min_samples_leaf=1, model__l2_regularization=0.0
        ),
    )
    rows = lending(small)
    model = candidates.train(small, "gradient_boosting", rows).model
    assert isinstance(model.leading, PipelineScorer)
    (refusal,) = model.refusals
    assert "leaves" in refusal
    card = model_card(small, "small/gradient_boosting/1", "May", _measured("gradient_boosting", rows, model))
    assert refusal in card
    assert "approximate" in card
    snapshots = SnapshotStore(str(tmp_path / "snapshots"))
    digest = save_release(snapshots, sqlite_ledger, model)
    loaded = load_release(snapshots, digest)
    assert loaded.refusals == model.refusals
    assert not loaded.has_exact_reasons
    np.testing.assert_array_equal(loaded.leading.score(rows.frame), model.leading.score(rows.frame))
    texts = reason_codes(small, loaded, rows.frame[:30], np.zeros(30, dtype=int)).to_pylist()
    assert np.mean([json.loads(text)[0][0] == "debt" for text in texts]) > 0.8  # debt decides who pays back
    assert not read_reasons(texts[0], reason_catalogue(small))[0].is_exact


def test_a_pipeline_answers_one_row_online_as_it_does_in_a_batch():
    scorer = trained(large_trees, clients())
    catalogue = ReasonCatalogue({name: Reason(name) for name in scorer.features})
    cached = ScoreCache(5)
    one = OnlineScorer(scorer, catalogue, shadows={"itself": scorer}, cache=cached)
    frame = clients(4, 5)
    scores = scorer.score(frame)
    texts = top_reasons(scorer.contributions(frame), scorer.features, catalogue, is_exact=False).to_pylist()
    for row, score, text in zip(frame.to_dict("records"), scores, texts, strict=True):
        answer = one.answer({name: None if pd.isna(value) else value for name, value in row.items()})
        assert (answer.score, answer.reasons) == (score, text)
        assert answer.shadows["itself"].score == score
    assert cached.statistics().size == 0
    with pytest.raises(UsageError, match="'site' must be text"):
        one.score({"use": 1.0, "site": 4})
    with pytest.raises(UsageError, match="lacks use"):
        one.score({"site": "a"})


def test_a_release_that_compiles_says_that_its_reasons_are_exact(small):
    model = candidates.train(small, "scorecard", lending(small)).model
    assert isinstance(model, ReleaseModel)
    assert model.refusals == ()
    assert (model.leading.contract_version, model.leading.reference.rows) == (str(small.version), 3000)
    assert model.leading.reference.name == REFERENCE
    card = model_card(small, "small/scorecard/1", "May", _measured("scorecard", lending(small), model))
    assert "compiled to exact lookup tables." in card
    assert "approximate" not in card
    assert model.has_exact_reasons
