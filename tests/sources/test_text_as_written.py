"""Ids and categories are read as they are written, and numbers by the contract's types, from any kind of store."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from decisionloop.contract.code import load_code
from decisionloop.errors import SourceError
from decisionloop.predict.features import build_frame
from decisionloop.sources import open_source
from tests.examples import examples

STORES = ("csv", "csv.gz", "parquet", "sqlite")
FEATURES = """
def features(known, as_of):
    return known.drop_duplicates("client", keep="last")[["client", "spend", "orders", "is_member", "channel", "sex"]]
"""
ODD = [
    "NA",
    "None",
    "null",
    "nan",
    "007",
    "7",
    "7.0",
    "1.0",
    "1e5",
    "true",
    "True",
    "no",
    " x",
    "x ",
    "é",
    "a,b",
    '"q"',
]
COLUMNS = [
    {"name": "spend", "type": "number", "is_nullable": True},
    {"name": "orders", "type": "integer", "is_nullable": True},
    {"name": "is_member", "type": "boolean", "is_nullable": True},
    {"name": "channel", "type": "category", "categories": ODD},
]
SECTIONS = {
    "features": [{"wording": one["name"], "purpose": "p", **one} for one in COLUMNS],
    "protected": [{"name": "sex", "groups": {"01": "men", "02": "women"}, "reference": "01"}],
    "actions": [
        {"name": "wait", "wording": "wait", "is_default": True, "reveals_outcome": False},
        {"name": "offer", "wording": "offer", "reveals_outcome": True, "is_favourable": True},
    ],
}


def history(clients: list[str], channels: list[str], **columns: object) -> pd.DataFrame:
    plain = {"spend": "1.5", "orders": "2", "is_member": "true", "sex": "01", **columns}
    return pd.DataFrame({"client": clients, "known_at": "2026-01-01", "channel": channels, **plain}).astype("str")


def store(folder: Path, kind: str, frame: pd.DataFrame) -> dict[str, object]:
    """Write the text of a frame; returns the table of the contract."""
    if kind == "sqlite":
        (folder / "past.db").unlink(missing_ok=True)
        engine = create_engine(f"sqlite:///{folder / 'past.db'}")
        frame.to_sql("history", engine, index=False)
        engine.dispose()
        return {"url": "sqlite:///past.db", "table": "history", "time": "known_at"}
    file = folder / f"history.{kind}"
    frame.to_parquet(file, index=False) if kind == "parquet" else frame.to_csv(file, index=False)
    return {"path": file.name, "time": "known_at"}


@pytest.fixture
def frame_of(write, tables, tmp_path, at):
    """The canonical frame of a batch of everyone, from a store of that kind."""

    def read(kind: str, frame: pd.DataFrame) -> pd.DataFrame:
        (tmp_path / "parcels").mkdir(exist_ok=True)
        source = tables | {"due": None, "history": store(tmp_path / "parcels", kind, frame)}
        files = {"outcomes.csv": "client,seen_at,arrived_at,bought\n", "features.py": FEATURES}
        folder = write(source, files, **SECTIONS)
        opened, as_of = open_source(folder), at("2026-01-01")
        due = opened.due(as_of, 7)
        known = opened.known(due, as_of)
        return build_frame(folder.use_case, load_code(folder).features, known, due, as_of, opened.time_column)

    return read


texts = st.sampled_from(ODD) | st.text("ab01 .-,;'\"\té漢", min_size=1, max_size=6)


@given(rows=st.dictionaries(texts, texts, min_size=1, max_size=6))
@settings(examples(4), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_comes_back_from_every_store_as_it_was_written(frame_of, rows):
    written = history(list(rows), list(rows.values()))
    for kind in STORES:
        frame = frame_of(kind, written)
        assert dict(zip(frame["client"], frame["channel"], strict=True)) == rows, kind
        assert set(frame["sex"]) == {"01"}, kind
        assert set(frame["spend"]) == {1.5}, kind


@pytest.mark.parametrize("kind", STORES)
def test_numbers_and_truth_values_may_be_missing_in_any_of_the_usual_ways(frame_of, kind):
    ways = ["NA", "null", "None", "NaN", "n/a", "?", "-", ".", "7"]
    several = {"spend": ways, "orders": ways, "is_member": [*ways[:-1], "yes"]}
    frame = frame_of(kind, history(list("abcdefghi"), ["web"] * 9, **several))
    for name, last in {"spend": 7.0, "orders": 7.0, "is_member": 1.0}.items():
        assert frame[name].isna().tolist() == [True] * 8 + [False]
        assert frame[name].iloc[-1] == last


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize(("name", "cell"), [("spend", "twelve"), ("orders", "1,234"), ("is_member", "perhaps")])
def test_a_column_without_a_number_in_it_is_refused_with_its_first_cell(frame_of, kind, name, cell):
    with pytest.raises(SourceError, match=rf"column {name} holds '{cell}' in row 1"):
        frame_of(kind, history(["a", "b"], ["web"] * 2, **{name: [cell, cell]}))


def test_columns_that_the_contract_does_not_know_are_numbers_only_where_they_look_like_it(opened, tables, at):
    cells = {"plain": ["1", "2.5"], "gaps": ["1", "NA"], "code": ["007", "12"], "flag": ["true", "false"]}
    frame = pd.DataFrame({"client": ["a", "b"], "known_at": "2026-01-01", "spend": "1", "zip": ["1", "2"], **cells})
    history = {"path": "history.csv", "time": "known_at", "text": ["zip"]}
    source = opened(
        tables | {"history": history, "due": None},
        {"history.csv": frame, "outcomes.csv": "client,seen_at,arrived_at,bought\n"},
    )
    known = source.known(pd.DataFrame({"client": ["a", "b"]}), at("2026-01-01"))
    assert known["plain"].tolist() == [1.0, 2.5]
    assert known["gaps"].isna().tolist() == [False, True]
    assert {name: known[name].tolist() for name in ("code", "flag", "zip")} == {
        "code": ["007", "12"],
        "flag": ["true", "false"],
        "zip": ["1", "2"],
    }


@pytest.mark.parametrize("value", ["NA", "", "n/a"])
def test_an_outcome_that_is_not_known_yet_may_say_so(opened, tables, at, decisions, value):
    files = {
        "history.csv": "client,known_at,spend\nNA,2026-01-01,1\n007,2026-01-01,1\n",
        "due.csv": "client,due_at\nNA,2026-01-01\n007,2026-01-01\n",
        "outcomes.csv": f"client,seen_at,arrived_at,bought\nNA,2026-01-02,2026-01-02,yes\n007,,2026-01-02,{value}\n",
    }
    source = opened(tables, files)
    assert source.due(at("2026-01-01"), 7)["client"].tolist() == ["007", "NA"]
    outcomes = source.outcomes(at("2026-01-09"), decisions())
    assert outcomes[["entity_id", "outcome_class"]].values.tolist() == [["NA", 1.0]]


def test_a_truth_value_of_a_typed_store_is_the_category_of_that_word(frame_of):
    frame = history(["a", "b"], ["x", "y"]).assign(channel=[True, False], sex=[1, 2])
    read = frame_of("parquet", frame)
    assert read["channel"].tolist() == ["true", "false"]
    assert read["sex"].tolist() == ["1", "2"]
