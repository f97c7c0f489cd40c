"""Two engines, one result: numba and numpy agree to the last bit, on any number of threads."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from decisionloop.errors import ConfigurationError
from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline, scorecard_pipeline
from decisionloop.predict.scorer import engine as engine_module
from decisionloop.predict.scorer import shapley
from decisionloop.predict.scorer.codes import NumericBins, encode_frame
from decisionloop.predict.scorer.compile import compile_pipeline
from decisionloop.predict.scorer.engine import (
    KERNEL_MODULES,
    PART_ROWS,
    WARM_UP_ROWS,
    compile_kernels,
    kernel,
    kernels,
    load_kernels,
    resolve_engine,
)
from decisionloop.predict.scorer.scorer import CompiledScorer
from decisionloop.predict.scorer.trees import flat_trees
from tests.examples import examples

# scikit-learn subtracts infinities while it looks for bin edges.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")

COLUMNS = [InputColumn(f"n{i}") for i in range(5)]
COLUMNS += [InputColumn(f"c{i}", True, tuple(f"v{k}" for k in range(3 + 9 * i))) for i in range(3)]


def clients(seed: int, rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = {f"n{i}": rng.normal(size=rows) if i % 2 else rng.integers(-4, 5, rows) * 1.0 for i in range(5)}
    frame["n0"][rng.random(rows) < 0.1] = np.nan
    frame["n1"][rng.random(rows) < 0.02] = np.inf
    for i in range(3):
        levels = np.array([f"v{k}" for k in range(3 + 9 * i)] + ["never seen", None], dtype=object)
        frame[f"c{i}"] = pd.Series(rng.choice(levels, rows), dtype="str")
    return pd.DataFrame(frame)


def compiled(seed: int, rows: int, build=gradient_boosting_pipeline, **options) -> CompiledScorer:
    frame = clients(seed, rows)
    margin = frame["n0"].fillna(1) * (frame["c1"] < "v3") + np.clip(frame["n1"], -9, 9) * frame["n2"]
    outcome = (margin + np.random.default_rng(seed).normal(size=rows) > 0).astype(int)
    outcome.iloc[:2] = [0, 1]
    pipeline = build(COLUMNS, seed, "class").set_params(**options)
    return compile_pipeline(pipeline.fit(frame, outcome), frame)


@pytest.fixture(scope="module")
def deep() -> CompiledScorer:
    """Sixty trees of 64 leaves, some behind every feature there is."""
    options = {"model__max_iter": 60, "model__max_leaf_nodes": 64, "model__min_samples_leaf": 2}
    return compiled(1, 4000, **options)


def assert_same(scorer: CompiledScorer, frame: pd.DataFrame) -> None:
    fast, plain = scorer.on("numba"), replace(scorer, tables=replace(scorer.tables)).on("numpy")
    codes = plain.codes(frame)
    np.testing.assert_array_equal(fast.codes(frame), codes)
    np.testing.assert_array_equal(fast.margin_of(codes), plain.margin_of(codes))
    np.testing.assert_array_equal(fast.score_of(codes), plain.score_of(codes))
    np.testing.assert_array_equal(fast.contributions_of(codes), plain.contributions_of(codes))


@examples(6)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(60, 600),
    leaves=st.integers(2, 64),
    trees=st.integers(1, 8),
    build=st.sampled_from([gradient_boosting_pipeline, scorecard_pipeline]),
)
def test_random_models_score_the_same_bits_on_both_engines(seed, rows, leaves, trees, build):
    options = {"model__max_iter": trees, "model__max_leaf_nodes": leaves, "model__min_samples_leaf": 2}
    scorer = compiled(seed % 1000, rows, build, **(options if build is gradient_boosting_pipeline else {}))
    assert_same(scorer, clients(seed, 400))


def test_deep_trees_and_several_chunks_give_the_same_bits(deep):
    assert_same(deep, clients(2, kernels().CHUNK + 700))


def test_leaves_without_a_table_give_the_same_bits(deep, monkeypatch):
    monkeypatch.setattr(shapley, "PATH_STATES", 32)
    fresh = replace(deep, tables=replace(deep.tables))
    assert len(fresh.tables.shapley("numpy")[1].value) > 10
    assert_same(fresh, clients(3, 500))


def test_both_engines_derive_the_same_tables(deep):
    fast, plain = replace(deep.tables), replace(deep.tables)
    by_numba = (flat_trees(fast, "numba"), *fast.shapley("numba"))
    by_numpy = (flat_trees(plain, "numpy"), *plain.shapley("numpy"))
    for a, b in zip(by_numba, by_numpy, strict=True):
        for name, left, right in zip(a._fields, a, b, strict=True):
            np.testing.assert_array_equal(left, right, err_msg=name)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_threads_change_no_bit(deep, engine):
    codes = deep.codes(clients(4, 3 * PART_ROWS + 17))
    one, three = deep.on(engine), deep.on(engine, threads=3)
    np.testing.assert_array_equal(one.score_of(codes), three.score_of(codes))
    np.testing.assert_array_equal(one.contributions_of(codes), three.contributions_of(codes))


NUMBERS = st.one_of(st.floats(width=64), st.sampled_from([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324]))


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@settings(max_examples=150, deadline=None)
@given(
    edges=hnp.arrays(np.float64, st.integers(0, 254), elements=st.floats(allow_nan=False), unique=True),
    values=hnp.arrays(np.float64, st.integers(0, 20), elements=NUMBERS),
)
def test_numbers_get_the_same_codes_from_both_engines(edges, values):
    bins = NumericBins("x", np.sort(edges))
    around = [np.nextafter(edges, -np.inf), edges, np.nextafter(edges, np.inf)]
    frame = pd.DataFrame({"x": np.concatenate([values, *around])})
    np.testing.assert_array_equal(encode_frame([bins], frame, "numba"), encode_frame([bins], frame, "numpy"))


def test_a_strided_or_read_only_column_is_read_as_it_is():
    bins = NumericBins("x", np.linspace(0, 1, 100))
    frame = pd.DataFrame(np.random.default_rng(0).random((500, 3)), columns=["x", "y", "z"])
    np.testing.assert_array_equal(encode_frame([bins], frame, "numba"), encode_frame([bins], frame, "numpy"))


def test_without_numba_auto_is_numpy_and_numba_is_refused(monkeypatch, deep):
    monkeypatch.setattr(engine_module, "find_spec", lambda name: None)
    assert resolve_engine("auto") == "numpy"
    with pytest.raises(ConfigurationError, match=r"Install decisionloop\[fast\]"):
        deep.on("numba")


def test_with_numba_auto_is_numba_once_it_is_loaded_or_worth_it():
    kernels.cache_clear()
    assert resolve_engine("auto", rows=10) == "numpy"
    assert resolve_engine("auto", rows=10**6) == resolve_engine("auto") == "numba"
    kernels()
    assert resolve_engine("auto", rows=10) == "numba"


def test_scoring_works_where_numba_cannot_be_imported(deep, tmp_path):
    frame = clients(5, 200)
    (tmp_path / "scorer.bin").write_bytes(deep.to_bytes())
    frame.to_parquet(tmp_path / "clients.parquet")
    script = (
        "import sys; sys.modules['numba'] = None\n"
        "import pandas as pd\n"
        "from decisionloop.predict.scorer.scorer import CompiledScorer\n"
        "scorer = CompiledScorer.from_bytes(open('scorer.bin', 'rb').read()).prepare()\n"
        "frame = pd.read_parquet('clients.parquet')\n"
        "print(scorer.score(frame).sum().hex(), scorer.contributions(frame).sum().hex())\n"
    )
    shown = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=True, text=True)
    assert shown.stdout.split() == [deep.score(frame).sum().hex(), deep.contributions(frame).sum().hex()]


def test_where_compiled_code_cannot_be_kept_the_remedy_is_named(monkeypatch):
    import numba

    def refuse(*_, **__):
        raise RuntimeError("cannot cache function 'margins': no locator available for file 'x.py'")

    monkeypatch.setattr(numba, "njit", lambda *_, **__: refuse)
    plain = ModuleType("some_kernels")
    plain.double = kernel("float64(float64)")(lambda x: 2 * x)
    monkeypatch.setitem(sys.modules, "some_kernels", plain)
    with pytest.raises(ConfigurationError, match="NUMBA_CACHE_DIR"):
        engine_module.load_kernels("some_kernels")


@pytest.mark.parametrize("name", KERNEL_MODULES)
def test_kernels_are_compiled_when_they_are_loaded_and_never_later(name):
    found = {key: one for key, one in vars(load_kernels(name)).items() if hasattr(one, "py_func")}
    assert found
    assert not [key for key, one in found.items() if one._can_compile or not one.signatures]


def test_every_module_of_kernels_is_known():
    folder = Path(engine_module.__file__).parents[2]
    marked = [path for path in folder.rglob("*.py") if re.search(r"^@kernel\(", path.read_text(), re.M)]
    names = {".".join(path.relative_to(folder.parent).with_suffix("").parts) for path in marked}
    assert names == set(KERNEL_MODULES)


def test_compiling_twice_compiles_once():
    compile_kernels()
    before = [load_kernels(name).__dict__.copy() for name in KERNEL_MODULES]
    compile_kernels()
    assert all(load_kernels(name).__dict__ == known for name, known in zip(KERNEL_MODULES, before, strict=True))


def test_a_plain_import_of_the_scorer_does_not_load_numba():
    script = "import sys, decisionloop.predict.scorer.scorer; print('numba' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert shown.stdout.strip() == "False"


@pytest.mark.parametrize(("rows", "is_worth_it"), [(7500, False), (WARM_UP_ROWS, True)])
def test_only_rows_that_make_up_for_the_start_of_numba_start_it(rows, is_worth_it, tmp_path):
    """Scored, explained and worded by a process of its own, as the batches of a demo are."""
    (tmp_path / "scorer.bin").write_bytes(compiled(1, 4000).to_bytes())
    clients(6, rows).to_parquet(tmp_path / "clients.parquet")
    script = (
        "import sys\n"
        "import pandas as pd\n"
        "from decisionloop.predict.reasons.codes import Reason, ReasonCatalogue, top_reasons\n"
        "from decisionloop.predict.scorer.scorer import CompiledScorer\n"
        "scorer = CompiledScorer.from_bytes(open('scorer.bin', 'rb').read())\n"
        "frame = pd.read_parquet('clients.parquet')\n"
        "scorer.score(frame)\n"
        "catalogue = ReasonCatalogue({name: Reason(name) for name in scorer.features})\n"
        "top_reasons(scorer.contributions(frame), scorer.features, catalogue)\n"
        "print('numba' in sys.modules)\n"
    )
    shown = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=True, text=True)
    assert shown.stdout.split() == [str(is_worth_it)]
