"""A table becomes a use case that passes its own check: an experiment, past decisions, rows without a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import load_use_case
from decisionloop.contract.code import load_code
from decisionloop.contract.usecase import UseCase
from decisionloop.draft.draft import Draft, draft_use_case
from decisionloop.draft.roles import Asked
from decisionloop.errors import UsageError
from decisionloop.sources.checking import check_use_case

N = 1_200


def experiment() -> pd.DataFrame:
    """A mailing: names with blanks, dates day first, ids with leading zeros, text for people, several arms."""
    rng = np.random.default_rng(1)
    days = pd.Timestamp("2023-01-02") + pd.to_timedelta(np.sort(rng.integers(0, 120, N)), unit="D")
    return pd.DataFrame(
        {
            "Customer ID": [f"{i:05d}" for i in range(N)],
            "Visit Date": days.strftime("%d/%m/%Y"),
            "Age": rng.integers(18, 80, N),
            "Channel": rng.choice(["Web", "Shop", 'App "x"'], N),
            "Gender": rng.choice(["F", "M"], N),
            "Segment": rng.choice(["Mens E-Mail", "No E-Mail", "Womens E-Mail"], N),
            "visit": rng.integers(0, 2, N),
            "note": [f"free text {i}" for i in range(N)],
        }
    )


def loans() -> pd.DataFrame:
    """Past loans as a spreadsheet has them: decimal commas, yes and no, post codes, the day of the outcome."""
    rng = np.random.default_rng(2)
    days = pd.Timestamp("2022-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 300, N)), unit="D")
    return pd.DataFrame(
        {
            "loan_id": np.arange(N) + 100_000,
            "application_date": days.strftime("%Y-%m-%d"),
            "income": [f"{one:.2f}".replace(".", ",") for one in rng.lognormal(10, 0.5, N)],
            "zip": [f"{one:05d}" for one in rng.integers(1000, 1010, N)],
            "purpose": rng.choice(["car", "home", "NA"], N),
            "defaulted": np.where(rng.random(N) < 0.2, "yes", "no"),
            "outcome_date": (days + pd.to_timedelta(rng.integers(20, 60, N), unit="D")).strftime("%Y-%m-%d"),
        }
    )


def drafted(folder: Path, table: pd.DataFrame, separator: str = ",", **asked: object) -> tuple[Draft, UseCase]:
    """A use case drafted from a CSV file, which passes its own check."""
    table.to_csv(folder / "table.csv", index=False, sep=separator)
    draft = draft_use_case(folder, "mine", folder / "table.csv", Asked(**asked))  # type: ignore[arg-type]
    check_use_case(draft.folder)
    loaded = load_use_case(draft.folder)
    assert load_code(loaded).reasons is not None
    return draft, loaded.use_case


def test_an_experiment_is_replayed_by_what_was_logged(tmp_path: Path) -> None:
    draft, use_case = drafted(tmp_path, experiment(), propensity="shares")
    assert use_case.action_names == ("no_e_mail", "mens_e_mail", "womens_e_mail")
    assert use_case.actions[use_case.default_action].name == "no_e_mail"
    assert (use_case.entity.key, use_case.source.kind) == ("customer_id", "randomised_log_replay")
    assert [one.name for one in use_case.features] == ["age", "channel"]
    assert [one.name for one in use_case.protected] == ["gender"]
    rows = pd.read_csv(draft.folder / "data" / "decisions.csv", dtype="str", keep_default_na=False)
    assert rows["customer_id"].tolist() == [f"{i:05d}" for i in range(N)]
    fewest, most = use_case.data_quality.rows
    assert 1 <= fewest < 100 < most  # also of the first batch, which the table's first day cuts off
    shares = rows.groupby("segment")["propensity"].first().astype(float)
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    assert "left out note: it is text of 1,200 kinds" in draft.notes


def test_where_the_last_outcomes_come_long_after_the_others_the_draft_passes_its_check(tmp_path: Path) -> None:
    table = loans()
    days = np.random.default_rng(3).gamma(2, 30, len(table))
    asked = pd.to_datetime(table["application_date"])
    table["outcome_date"] = (asked + pd.to_timedelta(np.ceil(days), unit="D")).dt.strftime("%Y-%m-%d")
    _, use_case = drafted(tmp_path, table, separator=";")
    assert np.quantile(days, 0.98) < use_case.outcome.window_days == use_case.outcome.maturity_days < days.max()


@pytest.mark.parametrize(("share_told", "means"), [(0.2, "0"), (1.0, "unknown")])
def test_where_only_yes_is_ever_told_silence_is_no(tmp_path: Path, share_told: float, means: str) -> None:
    table = loans()
    if share_told < 1:
        table.loc[table["defaulted"] == "no", ["defaulted", "outcome_date"]] = ""
    draft, use_case = drafted(tmp_path, table, separator=";")
    assert use_case.outcome.absent_means == means
    assert any("never no" in note for note in draft.notes) == (means == "0")


def test_a_slip_of_the_pen_among_numbers_makes_no_category(tmp_path: Path) -> None:
    table = loans()
    table.loc[7, "income"] = "12x"
    draft, use_case = drafted(tmp_path, table, separator=";")
    assert next(one.type for one in use_case.features if one.name == "income") == "number"
    assert any("'12x'" in note for note in draft.notes)
    assert use_case.monitors.minimum_outcomes == 300  # a quarter of what the replay shows
    rows = pd.read_csv(draft.folder / "data" / "decisions.csv", dtype=str)
    assert pd.isna(rows["income"].iloc[7])
    assert pd.to_numeric(rows["income"].drop(7)).notna().all()


def test_past_decisions_with_their_outcomes_are_replayed_by_those(tmp_path: Path) -> None:
    draft, use_case = drafted(tmp_path, loans(), separator=";")
    assert use_case.source.kind == "full_information_replay"
    kinds = {one.name: one.type for one in use_case.features}
    assert kinds == {"income": "number", "zip": "category", "purpose": "category"}
    assert set(use_case.features[2].categories) == {"car", "home", "NA"}
    assert 55 <= use_case.outcome.maturity_days == use_case.outcome.window_days <= 60
    assert use_case.economics.value["act"] == "where(outcome, -loss_with, gain_without)"  # a default is no good news
    rows = pd.read_csv(draft.folder / "data" / "decisions.csv")
    assert rows["defaulted"].mean() == pytest.approx(0.2, abs=0.05)


def test_rows_without_time_or_entity_stand_for_themselves_in_their_order(tmp_path: Path) -> None:
    table = loans().drop(columns=["loan_id", "application_date", "outcome_date"])
    draft, use_case = drafted(tmp_path, table, separator=";", time="order", entity="row")
    assert use_case.entity.key == "row_id"
    assert "the times are made up, in the order of the rows" in draft.notes
    rows = pd.read_csv(draft.folder / "data" / "decisions.csv")
    assert rows["decided_at"].is_monotonic_increasing
    assert rows["row_id"].is_unique


def test_a_quantity_is_an_outcome_too(tmp_path: Path) -> None:
    table = loans().drop(columns="defaulted").assign(profit=np.random.default_rng(0).normal(50, 100, N).round(2))
    _, use_case = drafted(tmp_path, table, separator=",")
    assert use_case.outcome.amount is not None
    assert use_case.outcome.class_ is None
    assert use_case.economics.value["act"] == "amount - cost_of_acting"


def test_an_outcome_without_a_date_is_taken_to_be_known_once_nothing_else_can_come(tmp_path: Path) -> None:
    """Gifts have a day, and who gave nothing has none: the noughts are outcomes too."""
    table = loans().drop(columns="defaulted").assign(gift=np.where(np.arange(N) % 10 == 0, 25.0, 0.0))
    dated, nothing = pd.to_datetime(table["outcome_date"]), table["gift"] == 0
    table["outcome_date"] = dated.dt.strftime("%Y-%m-%d").mask(nothing)
    draft, use_case = drafted(tmp_path, table, amount="gift")
    assert any(one.startswith("1,080 rows have an outcome and no outcome_date") for one in draft.notes)
    rows = pd.read_csv(draft.folder / "data" / "decisions.csv")
    taken = pd.to_datetime(rows["outcome_date"]) - pd.to_datetime(rows["application_date"])
    assert set(taken[rows["gift"] == 0].dt.days) == {use_case.outcome.window_days}


def payments() -> pd.DataFrame:
    """Payments of which each has a size; few are a fraud, and the size was there before."""
    rng = np.random.default_rng(5)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 100, N)), unit="D")
    return pd.DataFrame(
        {
            "card": [f"k{i % 900:04d}" for i in range(N)],
            "paid_on": days.strftime("%Y-%m-%d"),
            "amount": rng.lognormal(3, 1, N).round(2),
            "country": rng.choice(["DE", "FR", "PL"], N),
            "fraud": (rng.random(N) < 0.03).astype(int),
        }
    )


def test_a_size_that_was_there_before_is_a_feature_by_another_name(tmp_path: Path) -> None:
    draft, use_case = drafted(tmp_path, payments(), time="paid_on", outcome="fraud", entity="card")
    assert use_case.outcome.amount is None
    assert "amount_known" in use_case.feature_names
    assert [one.wording for one in use_case.features if one.name == "amount_known"] == ["amount"]
    assert any("column amount is the feature amount_known" in one for one in draft.notes)


def test_a_size_that_is_nothing_at_a_no_is_the_outcomes_own(tmp_path: Path) -> None:
    table = payments()
    bought = table.assign(amount=table["amount"].where(table["fraud"] == 1, 0.0)).rename(columns={"fraud": "bought"})
    _, use_case = drafted(tmp_path, bought, time="paid_on", outcome="bought", entity="card")
    assert use_case.outcome.amount is not None
    assert use_case.outcome.amount.column == "amount"


def test_what_people_call_a_feature_is_one_whatever_its_name(tmp_path: Path) -> None:
    table = payments().rename(columns={"country": "segment"})
    named = {"time": "paid_on", "outcome": "fraud", "entity": "card"}
    with pytest.raises(UsageError, match=r"segment is taken for what was done.* --feature segment"):
        drafted(tmp_path, table, **named)
    _, use_case = drafted(tmp_path, table, features=("segment",), **named)
    assert "segment" in use_case.feature_names


@pytest.mark.parametrize("name", ["failed", "no_show"])
def test_a_yes_that_nobody_wants_costs(tmp_path: Path, name: str) -> None:
    _, use_case = drafted(tmp_path, payments().rename(columns={"fraud": name}), time="paid_on", outcome=name)
    assert "loss_with" in use_case.economics.constants


def test_a_parquet_file_says_the_same_as_a_csv_file(tmp_path: Path) -> None:
    table = experiment().assign(**{"Visit Date": pd.to_datetime(experiment()["Visit Date"], format="%d/%m/%Y")})
    _, of_csv = drafted(tmp_path, table, propensity="shares")
    table.to_parquet(tmp_path / "table.parquet")
    draft = draft_use_case(tmp_path, "other", tmp_path / "table.parquet", Asked(propensity="shares"))
    of_parquet = load_use_case(draft.folder).use_case
    assert (of_parquet.features, of_parquet.schedule) == (of_csv.features, of_csv.schedule)


@pytest.mark.parametrize(
    ("days", "cron", "covers"),
    [
        (pd.date_range("2023-01-15", periods=14, freq="MS") + pd.Timedelta(days=14), "0 0 15 * *", 31),
        (pd.date_range("2023-01-04", periods=30, freq="7D"), "0 0 * * 3", 7),
        (pd.date_range("2023-01-01", periods=20, freq="D"), "0 0 * * *", 1),
        (pd.bdate_range("2023-01-02", periods=20), "0 0 * * 1,2,3,4,5", 1),
        (pd.date_range("2023-01-01", periods=150, freq="D"), "0 0 * * 1", 7),
        (pd.date_range("2023-01-01 10:00", periods=30, freq="37h"), "0 0 * * 1", 7),
    ],
)
def test_the_schedule_follows_the_days_of_the_decisions(
    tmp_path: Path, days: pd.DatetimeIndex, cron: str, covers: int
) -> None:
    times = days.repeat(-(-N // len(days)))[:N].sort_values()
    table = loans().assign(application_date=times.strftime("%Y-%m-%dT%H:%M:%SZ")).drop(columns="outcome_date")
    _, use_case = drafted(tmp_path, table)
    assert (use_case.schedule.cron, use_case.schedule.covers_days) == (cron, covers)


@pytest.mark.parametrize(
    ("change", "asked", "words"),
    [
        ({}, {}, "--propensity shares where the action was drawn at random"),
        ({"Segment": None, "Visit Date": None}, {}, "--time order"),
        ({"Segment": None, "visit": None}, {}, "Name it by --outcome"),
        ({"Segment": None}, {"outcome": "spent"}, "--outcome: the table has no column spent"),
        ({"Segment": None}, {"outcome": "age"}, "does not say yes or no"),
        ({"Segment": None}, {"amount": "channel"}, "which is no number"),
        ({"Segment": None}, {"time": "channel"}, "does not say a time in every row"),
    ],
)
def test_what_a_table_does_not_say_is_asked_for_and_nothing_is_written(
    tmp_path: Path, change: dict[str, None], asked: dict[str, str], words: str
) -> None:
    experiment().drop(columns=list(change)).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(UsageError, match=words):
        draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked(**asked))
    assert not (tmp_path / "mine").exists()


def test_a_date_that_may_be_day_or_month_first_is_refused(tmp_path: Path) -> None:
    table = loans().assign(application_date=["01/02/2023", "02/03/2023"] * (N // 2))
    table.to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(UsageError, match="may be day first or month first"):
        draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked())


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "has no rows|cannot be read"), (b"a,b\n", "has no rows"), (b"\xff\xfe\x00\x01", "has no rows")],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(UsageError, match=words):
        draft_use_case(tmp_path, "mine", tmp_path / "table.csv", Asked())
    with pytest.raises(UsageError, match="is no file"):
        draft_use_case(tmp_path, "mine", tmp_path / "other.csv", Asked())


def stays() -> pd.DataFrame:
    """Guests who came back or did not; what they spent then, why, and when is known of those who did."""
    table, rng = loans().drop(columns="defaulted"), np.random.default_rng(8)
    came = rng.random(N) < 0.3
    table["again"] = np.where(came, "yes", "no")
    table["bill"] = np.where(came, rng.lognormal(5, 0.5, N).round(2), np.nan)
    table["reason_given"] = np.where(came, rng.choice(["price", "breakfast"], N), None)
    return table


def test_what_only_a_yes_knows_is_the_amount_and_no_feature(tmp_path: Path) -> None:
    draft, use_case = drafted(tmp_path, stays(), separator=";")
    assert use_case.outcome.class_ is not None
    assert (use_case.outcome.class_.column, use_case.outcome.amount.column) == ("again", "bill")  # type: ignore[union-attr]
    assert not {"bill", "reason_given"} & set(use_case.feature_names)
    assert any(one.startswith("left out reason_given") for one in draft.notes)


def test_a_fact_that_some_who_said_no_have_as_well_came_of_nothing(tmp_path: Path) -> None:
    table = stays().drop(columns="reason_given")
    table.loc[table.index[table["again"] == "no"][:3], "bill"] = 12.5
    _, use_case = drafted(tmp_path, table, separator=";", outcome="again")
    assert use_case.outcome.amount is None
    assert "bill" in use_case.feature_names


def test_where_one_amount_outweighs_many_it_is_the_largest_to_be_reckoned_with(tmp_path: Path) -> None:
    damage = np.zeros(N)
    damage[[40, 300, 700]] = 900.0, 4_006_792.0, 12_000.0
    table = loans().drop(columns="defaulted").assign(damage=damage)
    _, use_case = drafted(tmp_path, table, separator=";", amount="damage")
    assert use_case.outcome.amount is not None
    assert use_case.outcome.amount.largest == 4_000_000


def test_a_slip_in_few_times_of_outcomes_costs_these_alone(tmp_path: Path) -> None:
    table = loans()
    table.loc[5, "outcome_date"] = "2021-01-01"
    draft, use_case = drafted(tmp_path, table, separator=";")
    assert use_case.outcome.window_days > 7  # of the delays in the table, and not made up
    assert any(
        one.startswith("1 row has an outcome before the decision, the first is of 100005") for one in draft.notes
    )
    rows = pd.read_csv(draft.folder / "data" / "decisions.csv")
    assert (pd.to_datetime(rows["outcome_date"]) >= pd.to_datetime(rows["application_date"])).all()


def test_whose_sex_it_is_does_not_matter(tmp_path: Path) -> None:
    table = loans().assign(owner_sex=np.where(np.arange(N) % 3 == 0, "f", "m"))
    _, use_case = drafted(tmp_path, table, separator=";")
    assert [one.name for one in use_case.protected] == ["owner_sex"]
    assert "owner_sex" not in use_case.feature_names


def test_a_cell_that_says_neither_yes_nor_no_costs_its_row_alone(tmp_path: Path) -> None:
    table = loans()
    table.loc[7, "defaulted"] = "ye"
    draft, use_case = drafted(tmp_path, table, separator=";", outcome="defaulted")
    assert use_case.outcome.class_ is not None
    rows = pd.read_csv(draft.folder / "data" / "decisions.csv")
    assert list(rows.index[rows["defaulted"].isna()]) == [7]
    assert (
        "defaulted: 1 of its cells is neither yes nor no ('ye' in row 8): it is left empty (--ignore leaves the column "
        "out)" in draft.notes
    )


def test_a_third_answer_is_no_slip_and_is_named(tmp_path: Path) -> None:
    table = loans()
    table.loc[[7, 9, 11], "defaulted"] = "open"
    with pytest.raises(UsageError, match=r"neither the first is 'open', in row 8"):
        drafted(tmp_path, table, separator=";", outcome="defaulted")


def test_how_many_days_later_outcomes_come_can_be_said(tmp_path: Path) -> None:
    """What no column says is made up by it, the window is that long, and both say so."""
    draft, case = drafted(tmp_path, experiment(), propensity="shares", outcome_days=30)
    assert case.outcome.window_days == case.outcome.maturity_days == 30
    rows = pd.read_csv(draft.folder / "data" / "decisions.csv", parse_dates=["visit_date", "seen_at"])
    assert set((rows["seen_at"] - rows["visit_date"]).dt.days) == {30}
    assert any(note.startswith("outcomes are taken to be seen after 30 days (as was said)") for note in draft.notes)
    assert "seen_at is made up by it" in (draft.folder / "usecase.yaml").read_text()
    answers = {one.question: one.answer for one in check_use_case(draft.folder).answers}
    assert answers["outcomes come after"].startswith("30 days for each of them (made-up times are like that);")


def test_a_made_up_time_of_outcomes_is_told_as_that(tmp_path: Path) -> None:
    draft, _ = drafted(tmp_path, experiment(), propensity="shares")
    assert any("--outcome-days N says when" in note and "does not follow" in note for note in draft.notes)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"outcome_time": "outcome_date", "outcome_days": 5}, "Give one of them"),
        ({"outcome_days": -1}, "Say 1 or more"),
    ],
)
def test_delays_that_contradict_each_other_are_refused(tmp_path: Path, asked: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        drafted(tmp_path, loans(), **asked)
