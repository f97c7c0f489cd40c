"""Times of any usual form are read, few that are none cost their rows alone, and repeats do not cost the id."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import load_use_case
from decisionloop.draft.draft import draft_use_case
from decisionloop.draft.profiles import profiles
from decisionloop.draft.roles import Asked
from decisionloop.draft.table import read_table
from decisionloop.draft.timing import rhythm_of
from decisionloop.errors import UsageError
from tests.sources.test_columns import OF_A_ZONE

N = 60
TIMES = pd.date_range("2024-01-20 06:00", periods=N, freq="5h", tz="UTC")


def table(**columns: object) -> pd.DataFrame:
    """Sixty decisions with an id each."""
    usual: dict[str, object] = {"customer_id": [f"k{i:02d}" for i in range(N)], "decided_at": TIMES.strftime("%F %T")}
    return pd.DataFrame(
        {**usual, "age": [20 + i % 31 for i in range(N)], "bought": [i % 2 for i in range(N)]} | columns
    )


def read(folder: Path, content: str | bytes | pd.DataFrame, **how: object) -> pd.DataFrame:
    """The rows of a file with this content."""
    text = content.to_csv(index=False, **how) if isinstance(content, pd.DataFrame) else content  # type: ignore[call-overload]
    (folder / "table.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(folder / "table.csv").rows


@pytest.mark.parametrize(
    "form",
    [
        *("%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%d-%m-%Y %H:%M", "%m/%d/%y %H:%M"),
        *("%Y/%m/%d %H:%M", "%d-%b-%Y %H:%M", "%B %d, %Y %H:%M", "%Y-%m-%d %H:%M UTC", "%Y-%m-%dT%H:%M:%S+00:00"),
    ],
)
def test_times_of_any_usual_form_are_times(tmp_path: Path, form: str) -> None:
    rows = read(tmp_path, table(decided_at=TIMES.strftime(form)))
    times = pd.to_datetime(rows["decided_at"], utc=True, format="ISO8601")
    assert (times.to_numpy() == TIMES.to_numpy()).all()


@pytest.mark.parametrize("a_second", [1, 1_000, 1_000_000])
def test_seconds_since_1970_are_times_where_the_name_says_so(tmp_path: Path, a_second: int) -> None:
    seconds = (TIMES - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
    rows = read(tmp_path, table(decided_at=seconds * a_second, amount_due=seconds))
    assert (pd.to_datetime(rows["decided_at"], utc=True).to_numpy() == TIMES.to_numpy()).all()
    assert rows["amount_due"].astype(int).tolist() == list(seconds)  # the same numbers, and no time by their name


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%B %d, %Y %I:%M %p", "%Y-%m-%dT%H:%M:%S"])
@pytest.mark.parametrize(("zone", "hours"), [("CET", 1), ("CEST", 2), ("EST", -5), ("GMT", 0)])
def test_letters_of_a_zone_are_heeded(tmp_path: Path, form: str, zone: str, hours: int) -> None:
    rows = read(tmp_path, table(decided_at=[f"{one} {zone}" for one in TIMES.strftime(form)]))
    times = pd.to_datetime(rows["decided_at"], utc=True, format="ISO8601")
    assert (times + pd.Timedelta(hours=hours)).tolist() == TIMES.tolist()


@pytest.mark.parametrize(("written", "meant"), [one for one in OF_A_ZONE if one[1]])
def test_an_offset_before_the_letters_of_a_zone_says_it(tmp_path: Path, written: str, meant: str) -> None:
    rows = read(tmp_path, table(decided_at=written))
    times = pd.to_datetime(rows["decided_at"], utc=True, format="ISO8601")
    assert (times == pd.Timestamp(meant, tz="UTC")).all()


def test_letters_that_contradict_the_offset_cost_the_row_and_those_of_a_sentence_stay(tmp_path: Path) -> None:
    rows = table(said=[f"size {i % 5} EST" for i in range(N)])
    rows["decided_at"] += "+02:00 CEST"
    rows.loc[5, "decided_at"] = "2024-01-21 08:00:00+02:00 CET"
    read_back = read(tmp_path, rows)
    assert read_back["said"].iloc[0] == "size 0 EST"
    draft = draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked())
    assert len(pd.read_csv(draft.folder / "data" / "decisions.csv")) == N - 1
    assert "in row 6 ('2024-01-21 08:00:00+02:00 CET')" in "\n".join(draft.notes)


@pytest.mark.parametrize("bad", ["soon", "20240231", "1"])
@pytest.mark.parametrize("form", ["%Y%m%d", "%s"])
def test_a_cell_that_counts_no_time_costs_its_row(tmp_path: Path, form: str, bad: str) -> None:
    rows = table(decided_at=[f"{one.timestamp():.0f}" if form == "%s" else one.strftime(form) for one in TIMES])
    rows.loc[5, "decided_at"] = bad
    rows.to_csv(tmp_path / "table.csv", index=False)
    draft = draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked())
    assert len(pd.read_csv(draft.folder / "data" / "decisions.csv")) == N - 1
    assert f"in row 6 ({bad!r})" in "\n".join(draft.notes)


@pytest.mark.parametrize("bad", ["n/a", "2024-02-30 00:00:00", "9999-12-31 00:00:00", "0001-01-01 00:00:00"])
def test_a_time_that_is_none_costs_its_row(tmp_path: Path, bad: str) -> None:
    rows = table()
    rows.loc[5, "decided_at"] = bad
    rows.to_csv(tmp_path / "table.csv", index=False)
    draft = draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked())
    assert len(pd.read_csv(draft.folder / "data" / "decisions.csv")) == N - 1
    assert f"in row 6 ({bad!r})" in "\n".join(draft.notes)


def test_a_repeated_row_costs_itself_and_not_the_id(tmp_path: Path) -> None:
    rows = pd.concat([table(), table().iloc[[7, 8]], table(age=99).iloc[[3]]])
    rows.to_csv(tmp_path / "table.csv", index=False)
    draft = draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked())
    kept = pd.read_csv(draft.folder / "data" / "decisions.csv").set_index("customer_id")
    assert (len(kept), kept.loc["k03", "age"]) == (N, 99)
    assert "left out 2 rows: copies of other rows" in draft.notes


def test_what_ticks_a_box_says_yes(tmp_path: Path) -> None:
    rows = read(tmp_path, table(bought=["x", ""] * (N // 2)))
    assert profiles(read_table(tmp_path / "table.csv"))["bought"].is_binary
    assert rows["bought"].tolist() == ["yes", "no"] * (N // 2)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8-sig"])
def test_an_encoding_is_told_by_its_bytes(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, table().to_csv(index=False).encode(encoding)).shape == (N, 4)


def test_what_stands_before_the_header_is_named_and_what_excel_says_there_is_understood(tmp_path: Path) -> None:
    assert read(tmp_path, "sep=;\n" + table().to_csv(index=False, sep=";")).shape == (N, 4)
    with pytest.raises(UsageError, match="its first line 'Sales' is no header, for others have 4 cells"):
        read(tmp_path, "Sales\n" + table().to_csv(index=False))


def test_where_no_column_is_left_each_says_why(tmp_path: Path) -> None:
    table(age=3).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(UsageError, match=r"no column is left to decide by \(age: it says the same of everybody\)"):
        draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked())


def test_when_an_outcome_happened_is_what_its_time_says_unless_that_is_when_it_was_seen(tmp_path: Path) -> None:
    later = (TIMES + pd.Timedelta(days=2)).strftime("%F %T")
    for name in ("cancelled_on", "seen_at"):
        table(**{name: later}).rename(columns={"customer_id": "gast_nrs"}).to_csv(tmp_path / "table.csv", index=False)
        draft = draft_use_case(tmp_path, name, tmp_path / "table.csv", Asked(entity="gast_nrs"))
        use_case = load_use_case(draft.folder).use_case
        assert use_case.outcome.happened_at == (None if name == "seen_at" else name)
        assert use_case.entity.noun == "gast"


@pytest.mark.parametrize(
    ("yes", "no"), [("☑", "☐"), ("✓", "✗"), ("✔\ufe0f", "❌"), ("☒", "☐"), ("✅", "✘"), ("ja", "nein"), ("Yes", "No")]
)
@pytest.mark.parametrize("slip", [None, "vielleicht"])
def test_ticks_and_crosses_say_yes_and_no_and_one_slip_costs_its_row(
    tmp_path: Path, yes: str, no: str, slip: str | None
) -> None:
    rows = table(bought=[yes, no] * (N // 2))
    if slip:
        rows.loc[5, "bought"] = slip
    rows.to_csv(tmp_path / "table.csv", index=False)
    draft = draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked())
    told = pd.read_csv(draft.folder / "data" / "decisions.csv")["bought"]
    assert told.isna().sum() == bool(slip)
    assert told.drop(5).tolist() == [1 - i % 2 for i in range(N) if i != 5]
    assert slip is None or f"bought: 1 of its cells is neither yes nor no ({slip!r} in row 6)" in "\n".join(draft.notes)


def test_days_without_signs_are_known_by_themselves_and_seconds_where_somebody_says_so(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-20", periods=N).strftime("%Y%m%d")
    rows = table(called=days, age=[20_000_101 + i for i in range(N)]).drop(columns="decided_at")
    assert read(tmp_path, rows)["called"].iloc[0] == "2024-01-20"
    assert read_table(tmp_path / "table.csv").rows["age"].iloc[0] == "20000101"  # 20000132 is no day
    read(tmp_path, table(inspected=[f"{one.timestamp():.0f}" for one in TIMES]).drop(columns="decided_at"))
    assert draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked(time="inspected")).folder.is_dir()


@pytest.mark.parametrize(
    ("days", "cron", "covers_days"),
    [
        (pd.date_range("2015-06-30", periods=9, freq="YE-JUN"), "0 0 30 6 *", 365),
        (pd.date_range("2015-01-01", periods=13, freq="QS"), "0 0 1 1,4,7,10 *", 90),
        (pd.date_range("2015-01-01", periods=9, freq="MS"), "0 0 1 * *", 31),
    ],
    ids=["a day a year", "four days a year", "a day a month"],
)
def test_who_decides_on_few_days_of_the_year_is_due_on_these(
    days: pd.DatetimeIndex, cron: str, covers_days: int
) -> None:
    rhythm = rhythm_of(pd.Series(np.repeat(days, 40)).dt.tz_localize("UTC"))
    assert (rhythm.cron, rhythm.covers_days, rhythm.rows) == (cron, covers_days, (20, 80))


def test_a_first_day_that_is_not_whole_does_not_make_an_empty_batch_a_usual_one() -> None:
    days = pd.date_range("2024-01-01", periods=30, freq="D", tz="UTC") + pd.Timedelta(hours=9)
    times = pd.Series(np.repeat(days, [2, *[60] * 29]))
    assert rhythm_of(times).rows[0] == 30


def test_codes_that_are_days_by_chance_stay_codes_where_they_are_called_a_feature_and_the_note_says_how(
    tmp_path: Path,
) -> None:
    codes = [f"20{10 + i % 9}{1 + i % 12:02d}{1 + i % 28:02d}" for i in range(N // 2)] * 2
    table(product_code=codes).to_csv(tmp_path / "table.csv", index=False)
    draft = draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked(time="decided_at"))
    assert "product_code: its numbers are read as days (--feature product_code where they are codes)" in draft.notes
    said = draft_use_case(tmp_path, "said", tmp_path / "table.csv", Asked(features=("product_code",)))
    kept = pd.read_csv(said.folder / "data" / "decisions.csv", dtype="str")
    assert kept["product_code"].tolist() == codes
    assert "product_code" in {one.name for one in load_use_case(said.folder).use_case.features}
