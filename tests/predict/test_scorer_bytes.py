"""A scorer survives its file exactly, a damaged file never scores, and reading one needs no scikit-learn."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.errors import IntegrityError
from decisionloop.learn.pipelines import InputColumn, gradient_boosting_pipeline, scorecard_pipeline
from decisionloop.predict.scorer.compile import compile_pipeline
from decisionloop.predict.scorer.scorer import CompiledScorer

COLUMNS = [InputColumn("use"), InputColumn("site", True, ("東京", 'a "quoted" one', "c")), InputColumn("age")]
BUILD = {"trees": gradient_boosting_pipeline, "scorecard": scorecard_pipeline}


def clients() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    site = rng.choice(np.array(["東京", 'a "quoted" one', None], dtype=object), 600)
    return pd.DataFrame(
        {"use": rng.normal(size=600), "site": pd.Series(site, dtype="str"), "age": rng.integers(20, 70, 600) * 1.0}
    )


def compiled(kind: str) -> CompiledScorer:
    frame = clients()
    rng = np.random.default_rng(1)
    outcome = (frame["use"] + (frame["site"] == "東京") + rng.normal(size=600) > 0.5).astype(int)
    pipeline = BUILD[kind](COLUMNS, 0, "class")
    if kind == "trees":
        pipeline.set_params(model__max_iter=5, model__max_leaf_nodes=6)
    return compile_pipeline(pipeline.fit(frame, outcome), frame)


@pytest.fixture(scope="module", params=["trees", "scorecard"])
def scorer(request: pytest.FixtureRequest) -> CompiledScorer:
    return compiled(request.param)


@pytest.fixture(scope="module")
def small_file() -> bytes:
    return compiled("scorecard").to_bytes()


def test_reading_gives_the_same_scorer(scorer):
    again, frame = CompiledScorer.from_bytes(scorer.to_bytes()), clients()
    assert again.features == scorer.features == ("use", "site", "age")
    assert again.link == scorer.link == "logit"
    assert again.base_margin == scorer.base_margin
    np.testing.assert_array_equal(again.codes(frame), scorer.codes(frame))
    np.testing.assert_array_equal(again.score(frame), scorer.score(frame))
    np.testing.assert_array_equal(again.contributions(frame), scorer.contributions(frame))


def test_the_same_training_gives_the_same_bytes_and_their_digest(scorer):
    kind = type(scorer.tables).__name__.removesuffix("Tables").lower().replace("tree", "trees")
    assert compiled(kind).to_bytes() == scorer.to_bytes()
    assert CompiledScorer.from_bytes(scorer.to_bytes()).to_bytes() == scorer.to_bytes()
    assert scorer.digest == hashlib.sha256(scorer.to_bytes()).hexdigest()


def test_the_file_says_under_which_contract_and_against_whom():
    frame = clients()
    pipeline = scorecard_pipeline(COLUMNS, 0).fit(frame, (frame["use"] > 0).astype(int))
    scorer = compile_pipeline(pipeline, frame, contract_version="7", reference_name="clients of May")
    again = CompiledScorer.from_bytes(scorer.to_bytes())
    assert (again.contract_version, again.reference.name, again.reference.rows) == ("7", "clients of May", 600)


@pytest.mark.parametrize(("weight", "width"), [(1.0, 4), (3.0, 4), (0.1, 8)])
def test_covers_take_four_bytes_where_those_are_exact(weight, width):
    frame = clients()
    pipeline = gradient_boosting_pipeline(COLUMNS, 0, "class").fit(frame, (frame["use"] > 0).astype(int))
    scorer = compile_pipeline(pipeline, frame, np.full(600, weight))
    assert scorer.tables.cover.itemsize == width
    again = CompiledScorer.from_bytes(scorer.to_bytes())
    assert again.base_margin == scorer.base_margin
    np.testing.assert_array_equal(again.contributions(frame), scorer.contributions(frame))


def test_two_hundred_trees_of_thirty_one_leaves_stay_below_150_kilobytes():
    rng = np.random.default_rng(0)
    columns = [InputColumn(f"n{i}") for i in range(16)]
    columns += [InputColumn(f"c{i}", True, tuple("abcdefgh")) for i in range(4)]
    frame = pd.DataFrame({f"n{i}": rng.normal(size=3000) for i in range(16)})
    frame = frame.assign(**{f"c{i}": pd.Series(rng.choice(list("abcdefgh"), 3000), dtype="str") for i in range(4)})
    pipeline = gradient_boosting_pipeline(columns, 0, "class")
    pipeline.set_params(model__max_iter=200, model__max_leaf_nodes=31, model__max_bins=255, model__min_samples_leaf=5)
    scorer = compile_pipeline(pipeline.fit(frame, rng.integers(0, 2, 3000)), frame)
    assert scorer.tables.leaves.tolist() == [31] * 200
    assert len(scorer.to_bytes()) < 150_000


def test_arrays_are_aligned_and_read_only(scorer):
    data = scorer.to_bytes()
    length = int.from_bytes(data[8:16], "little")
    header = json.loads(data[48 : 48 + length])
    assert all(array["offset"] % 64 == 0 for array in header["arrays"].values())
    tables = CompiledScorer.from_bytes(data).tables
    array = getattr(tables, "value", getattr(tables, "points", None))
    assert not array.flags.writeable


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_refused(small_file, data):
    place = data.draw(st.integers(0, len(small_file) - 1))
    change = data.draw(st.integers(1, 255))
    broken = bytearray(small_file)
    broken[place] ^= change
    with pytest.raises(IntegrityError, match=r"compile the release again|no compiled scorer"):
        CompiledScorer.from_bytes(bytes(broken))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_other_length_is_refused(small_file, data):
    keep = data.draw(st.integers(0, len(small_file) - 1))
    for broken in (small_file[:keep], small_file + small_file[: keep + 1]):
        with pytest.raises(IntegrityError):
            CompiledScorer.from_bytes(broken)


@pytest.mark.parametrize("data", [b"", b"\x80\x04.", b"DLSCORER", b"PK\x03\x04" + bytes(100)])
def test_bytes_that_are_something_else_are_refused(data):
    with pytest.raises(IntegrityError, match="compile the release again"):
        CompiledScorer.from_bytes(data)


def resealed(data: bytes, **changes: object) -> bytes:
    """A file with another header and a right checksum, as another version or a faulty writer leaves it."""
    length = int.from_bytes(data[8:16], "little")
    header = json.loads(data[48 : 48 + length]) | changes
    text = json.dumps(header).encode()
    start = 48 + length + -(48 + length) % 64
    body = text + bytes(-(48 + len(text)) % 64) + data[start:]
    return data[:8] + len(text).to_bytes(8, "little") + hashlib.sha256(body).digest() + body


def test_another_format_version_is_named(small_file):
    with pytest.raises(IntegrityError, match="format version 3, and this decisionloop reads version 2"):
        CompiledScorer.from_bytes(resealed(small_file, version=3, new_field="x"))


@pytest.mark.parametrize(
    "changes",
    [
        {"arrays": {}},
        {"link": "log"},
        {"arrays": {"edges": {"dtype": "<f8", "shape": [10**9], "offset": 0}}},
        {"arrays": {"edges": {"dtype": "|O", "shape": [1], "offset": 0}}},
        {"arrays": {"edges": {"dtype": "<f8", "shape": [-1], "offset": -64}}},
        {"kind": "trees"},
    ],
)
def test_a_header_that_does_not_fit_is_refused(small_file, changes):
    with pytest.raises(IntegrityError):
        CompiledScorer.from_bytes(resealed(small_file, **changes))


def test_scoring_from_a_file_imports_no_scikit_learn(tmp_path):
    scorer = compiled("trees")
    (tmp_path / "scorer.bin").write_bytes(scorer.to_bytes())
    clients().to_parquet(tmp_path / "clients.parquet")
    script = (
        "import sys, pandas as pd\n"
        "from decisionloop.predict.scorer.scorer import CompiledScorer\n"
        "scorer = CompiledScorer.from_bytes(open('scorer.bin', 'rb').read())\n"
        "frame = pd.read_parquet('clients.parquet')\n"
        "print(scorer.score(frame).sum().hex(), scorer.contributions(frame).sum().hex())\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('sklearn', 'joblib')))\n"
    )
    shown = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=True)
    numbers, modules = shown.stdout.decode().splitlines()
    frame = clients()
    assert numbers == f"{scorer.score(frame).sum().hex()} {scorer.contributions(frame).sum().hex()}"
    assert modules == "[]"
