"""A cell that nobody can read is the trouble of the rows that need it, from any store; many are the source's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import create_engine

from decisionloop.contract import UseCaseFolder
from decisionloop.contract.code import load_code
from decisionloop.errors import ContractError, SourceError
from decisionloop.predict.frame_by_row import CODE_FAILED, FrameByRow, build_by_row
from decisionloop.sources import open_source
from decisionloop.sources.checking import check_use_case
from decisionloop.sources.columns import outcome_numbers
from tests.sources.test_text_as_written import store

N = 40
FEATURES = """
import pandas as pd
def features(known, as_of):
    last = known.drop_duplicates("client", keep="last").set_index("client")
    return pd.DataFrame({
        "spend": last["spend"],
        "average": known.groupby("client")["paid"].mean(),
        "days": (as_of.tz_localize(None) - pd.to_datetime(last["born"], format="ISO8601")).dt.days,
    }).rename_axis("client").reset_index()
"""
SECTIONS = {
    "features": [
        {"name": name, "type": "number", "wording": name, "purpose": "p", "is_nullable": True}
        for name in ("spend", "average", "days")
    ],
    "outcome": {"class": {"column": "bought", "wording": "bought it"}, "window_days": 7, "maturity_days": 7},
}
AS_OF = pd.Timestamp("2026-01-01", tz="UTC")
STORES = ("csv", "parquet", "sqlite")


def history() -> pd.DataFrame:
    """Two rows of each client, `c00` to `c39`, the last known on 1 January."""
    clients = [f"c{i:02d}" for i in range(N)] * 2
    known_at = ["2025-12-31"] * N + ["2026-01-01"] * N
    return pd.DataFrame({"client": clients, "known_at": known_at, "spend": 5.0, "paid": 2.0, "born": "1990-05-01"})


def spoilt(**cells: tuple[int, str]) -> pd.DataFrame:
    """The history with text in the cell of a column, by row; as a store keeps it that lets a column hold both."""
    rows = history().astype(object)
    for name, (row, text) in cells.items():
        rows.loc[row, name] = text
    return rows


def kept(folder: Path, kind: str, rows: pd.DataFrame) -> dict[str, object]:
    """Write rows: as text where a store holds text, and in SQLite as what they are, a column of numbers with text."""
    if kind != "sqlite":
        plain = rows.apply(lambda column: column if column.map(type).nunique() == 1 else column.astype("str"))
        return store(folder, kind, plain.infer_objects())
    engine = create_engine(f"sqlite:///{folder / 'past.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "create table history (client text, known_at timestamp, spend real, paid numeric, born text)"
        )
        connection.exec_driver_sql(
            "insert into history values (?, ?, ?, ?, ?)", [tuple(row) for row in rows.to_numpy()]
        )
    engine.dispose()
    return {"url": "sqlite:///past.db", "table": "history", "time": "known_at"}


@pytest.fixture
def written(write, tables, tmp_path) -> Callable[..., UseCaseFolder]:
    """A use case of which a store of a kind holds the history; everyone is due."""

    def make(kind: str, rows: pd.DataFrame, due_at: str = "2026-01-01") -> UseCaseFolder:
        (tmp_path / "parcels").mkdir(exist_ok=True)
        place = kept(tmp_path / "parcels", kind, rows)
        due = pd.DataFrame({"client": rows["client"].unique(), "due_at": "2026-01-01"})
        due.loc[0, "due_at"] = due_at
        files = {"due.csv": due, "outcomes.csv": "client,seen_at,arrived_at,bought\n", "features.py": FEATURES}
        return write({**tables, "history": place}, files, **SECTIONS)

    return make


@pytest.fixture
def built(written) -> Callable[[str, pd.DataFrame], FrameByRow]:
    """The frame by row of everyone, from a store of a kind that holds these rows."""

    def build(kind: str, rows: pd.DataFrame) -> FrameByRow:
        return _built(written(kind, rows), FEATURES)

    return build


def faults(told: FrameByRow) -> dict[str, str]:
    return {client: fault for client, fault in zip(told.frame["client"], told.faults, strict=True) if fault}


@pytest.mark.parametrize("kind", STORES)
def test_a_cell_that_cannot_be_read_spoils_the_features_that_need_it_and_no_row_else(built, kind):
    last, first = N, 3  # rows: the last of c00, the first of c03
    told = built(kind, spoilt(spend=(last, "12x"), **({} if kind == "parquet" else {"paid": (first, "n/k")})))
    others = {} if kind == "parquet" else {"c03": "unreadable: average"}  # there text is text, unless it is declared
    assert faults(told) == {"c00": "unreadable: spend", **others}
    sound = told.frame[told.faults == ""]
    assert (sound[["spend", "average"]].to_numpy() == [5.0, 2.0]).all()
    assert told.frame["spend"].isna().sum() == 1
    assert told.failed is None


@pytest.mark.parametrize("kind", STORES)
def test_a_cell_that_no_feature_looks_at_spoils_nothing(built, kind):
    told = built(kind, spoilt(spend=(0, "12x")))  # the first row of c00, whose last one counts
    assert faults(told) == {}
    assert (told.frame["spend"] == 5.0).all()


@pytest.mark.parametrize("kind", STORES)
def test_code_that_a_cell_makes_fail_fails_for_its_row_alone(built, kind):
    told = built(kind, spoilt(born=(N + 7, "30 February")))
    assert faults(told) == {"c07": CODE_FAILED}
    assert told.failed is not None
    assert told.frame["spend"].isna().sum() == 1


@pytest.mark.parametrize("kind", STORES)
def test_a_row_whose_time_cannot_be_read_spoils_what_it_would_change(built, kind):
    rows = spoilt(known_at=(N + 5, "20260-13-01"))
    rows.loc[N + 5, "spend"] = 9.0
    assert faults(built(kind, rows)) == {"c05": "unreadable: spend"}


def test_too_many_are_the_trouble_of_the_source_and_not_of_rows(built):
    rows = history().astype(object)
    rows.loc[:8, "spend"] = "12x"  # 9 of 80, where a tenth may be
    with pytest.raises(SourceError, match="column spend holds '12x' in row 1, which is no number"):
        built("csv", rows)
    rows = history().astype(object)
    rows.loc[:8, "known_at"] = "yesterday"
    with pytest.raises(SourceError, match="column known_at holds 'yesterday' in row 1"):
        built("csv", rows)


def test_the_error_of_the_code_names_the_column_that_is_text_for_some_of_its_cells(built):
    rows = history().astype(object)
    rows.loc[: N // 2, "paid"] = "n/k"  # which the contract does not declare
    with pytest.raises(ContractError, match=r"Column paid of the source holds text: 21 of its 80 .* such as 'n/k'"):
        built("csv", rows)


def test_of_a_few_who_are_looked_up_nobody_can_tell_whether_a_column_is_broken(written):
    rows = spoilt(spend=(N, "12x"))
    rows.loc[0, "spend"] = "13x"  # both rows of c00
    source = open_source(written("sqlite", rows))
    known = source.known(pd.DataFrame({"client": ["c00"]}), AS_OF)
    assert known["spend"].isna().all()


def test_code_that_fails_for_many_stops_the_batch_as_it_did(built):
    rows = history().astype(object)
    rows.loc[N : N + 5, "born"] = "30 February"  # 6 of 40 people
    with pytest.raises(ContractError, match="failed at as-of"):
        built("csv", rows)


def test_the_check_of_a_use_case_says_which_cells_and_whom_it_does_not_decide(written):
    folder = written("csv", spoilt(spend=(N + 1, "12x"), born=(N + 7, "30 February")), due_at="soon")
    findings = "\n".join(check_use_case(folder.folder).findings)
    assert "spend cannot be read in 1 rows of the source, the first of client c01 at 2026-01-01" in findings
    assert "features.py fails for 1 entities" in findings
    assert "1 rows that say who is due have an unreadable time" in findings


@pytest.mark.parametrize("kind", ["csv", "sqlite"])
def test_a_feature_that_only_values_between_the_ends_would_change_needs_the_cell(written, kind):
    between = FEATURES.replace('last["spend"]', 'last["spend"].between(40, 60).astype(float)')
    rows = spoilt(spend=(N, "12x"))
    rows.loc[range(N + 1, 2 * N), "spend"] = [float(3 * i) for i in range(1, N)]
    told = _built(written(kind, rows), between)
    assert faults(told) == {"c00": "unreadable: spend"}


def test_a_feature_that_needs_two_cells_is_spoilt_by_both(written):
    ratio = FEATURES.replace('last["spend"]', 'last["spend"] / last["paid"]')
    told = _built(written("csv", spoilt(spend=(N, "1O"), paid=(N, "x9"))), ratio)
    assert "spend" in faults(told)["c00"]


@pytest.mark.parametrize("kind", ["csv", "sqlite"])
def test_a_protected_group_that_depends_on_such_a_cell_is_nobodys(write, tables, tmp_path, kind):
    (tmp_path / "parcels").mkdir()
    rows = spoilt(paid=(N, "4O"))
    rows.loc[range(N + 1, 2 * N, 2), "paid"] = 80.0
    place = kept(tmp_path / "parcels", kind, rows)
    due = pd.DataFrame({"client": history()["client"].unique(), "due_at": "2026-01-01"})
    band = {"name": "band", "groups": {"low": "low", "high": "high"}, "reference": "low", "minimum_group_size": 5}
    of_paid = '"band": (last["paid"] > 50).map({True: "high", False: "low"}),'
    grouped = FEATURES.replace("pd.DataFrame({", f"pd.DataFrame({{{of_paid}")
    actions = [
        {"name": "wait", "wording": "do nothing", "is_default": True, "reveals_outcome": False},
        {"name": "offer", "wording": "offer it", "reveals_outcome": True, "is_favourable": True},
    ]
    files = {"due.csv": due, "outcomes.csv": "client,seen_at,arrived_at,bought\n"}
    told = _built(write({**tables, "history": place}, files, **SECTIONS, protected=[band], actions=actions), grouped)
    groups = told.frame.set_index("client")["band"]
    assert groups.isna().tolist() == [client == "c00" for client in groups.index]  # and none of the lower, by default
    assert set(groups.dropna()) == {"low", "high"}


def test_code_that_fails_for_some_of_very_many_fails_for_them_alone(written):
    many = pd.concat([history().iloc[N:].assign(client=[f"{part}{i:02d}" for i in range(N)]) for part in "abcdefghij"])
    rows = many.reset_index(drop=True).astype(object)
    failing = list(range(3, len(rows), 40))  # one in every part, where any of eight halves has one
    rows.loc[failing, "born"] = "30 February"
    told = _built(written("csv", rows), FEATURES)
    assert faults(told) == dict.fromkeys(rows.loc[failing, "client"], CODE_FAILED)


def test_rows_due_without_a_time_are_counted_after_their_people_were_read(written):
    folder = written("sqlite", spoilt(known_at=(N + 5, "20260-13-01")))
    rows = open_source(folder).history.rows
    rows.between(None, AS_OF)
    known_of_some = rows.undated
    rows.between(None, AS_OF, pd.Series(["c01"]))
    assert rows.undated == known_of_some == 1


def test_one_outcome_that_nobody_can_read_is_its_rows_trouble_and_all_are_the_sources():
    written_as = pd.Series(["0", "maybe", "1"], name="bought")
    assert outcome_numbers(written_as, "o.csv", are_some_bad=True).tolist() == [0.0, float("inf"), 1.0]
    for values, are_some_bad in ((written_as, False), (pd.Series(["maybe", "?!"], name="bought"), True)):
        with pytest.raises(SourceError, match="maybe"):
            outcome_numbers(values, "o.csv", are_some_bad)


def _built(folder: UseCaseFolder, features: str) -> FrameByRow:
    """The frame by row of everyone, by other code of the features."""
    (folder.folder / "features.py").write_text(features)
    source = open_source(folder)
    people = source.due(AS_OF, 7)
    known = source.known(people, AS_OF)
    return build_by_row(folder.use_case, load_code(folder).features, known, people, AS_OF, "known_at")
