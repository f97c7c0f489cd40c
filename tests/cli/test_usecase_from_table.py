"""`usecase new --from`: a table becomes a checked use case, and every guess is said."""

from __future__ import annotations

import pandas as pd
import pytest


@pytest.fixture
def table(folder):
    days = pd.date_range("2024-01-01", periods=8, freq="7D").repeat(50)
    rows = pd.DataFrame(
        {
            "loan_id": range(400),
            "date": days.strftime("%Y-%m-%d"),
            "income": [1_000 + i * 37 % 97 for i in range(400)],
            "defaulted": [0, 0, 0, 1] * 100,
            "action": ["lend", "refuse"] * 200,
        }
    )
    rows.to_csv(folder / "loans.csv", index=False)
    return folder / "loans.csv"


def test_a_table_becomes_a_use_case_that_is_checked_at_once(cli, folder, table):
    told = cli("usecase", "new", "loans", "--from", str(table), "--ignore", "action", "--parent", str(folder / "mine"))
    assert told.exit_code == 0
    assert "guessed outcome: column defaulted" in told.out
    assert "the contract, its code and its source agree" in told.out
    assert "decisionloop demo loans" in told.out
    for asked in ("decisions a week              about 50", "smallest gain seen in a year", "may know the outcome"):
        assert asked in told.out
    assert "no feature alone" in told.out
    assert cli("usecase", "check", str(folder / "mine" / "loans")).exit_code == 0


def test_what_the_table_does_not_say_is_asked_for(cli, folder, table):
    told = cli("usecase", "new", "loans", "--from", str(table), "--parent", str(folder / "mine"))
    assert told.exit_code == 2
    assert "--propensity shares" in told.err
    assert not (folder / "mine").exists()


def test_columns_without_a_table_are_refused(cli, folder):
    told = cli("usecase", "new", "loans", "--entity", "loan_id", "--parent", str(folder / "mine"))
    assert told.exit_code == 2
    assert "--from FILE" in told.err


def test_a_draft_that_fails_its_own_check_leaves_nothing_and_can_be_tried_again(cli, folder, table, monkeypatch):
    from decisionloop.errors import SourceError
    from decisionloop.sources import checking

    def fail(path):
        assert (path / "usecase.yaml").is_file()
        raise SourceError("two rows of one loan. Remove one.")

    words = ("usecase", "new", "loans", "--from", str(table), "--ignore", "action", "--parent", str(folder / "mine"))
    with monkeypatch.context() as patched:
        patched.setattr(checking, "check_use_case", fail)
        told = cli(*words)
    assert told.exit_code == 5
    assert "two rows of one loan" in told.err
    assert not (folder / "mine" / "loans").exists()
    assert cli(*words).exit_code == 0


def test_a_column_to_ignore_that_is_none_is_refused(cli, folder, table):
    told = cli("usecase", "new", "loans", "--from", str(table), "--ignore", "nope", "--parent", str(folder / "mine"))
    assert told.exit_code == 2
    assert "--ignore: the table has no column nope" in told.err
    assert not (folder / "mine").exists()


def test_a_table_that_goes_on_growing_is_decided_as_it_is_due(cli, folder, table):
    words = ("--ignore", "action", "--live", "--parent", str(folder / "mine"))
    told = cli("usecase", "new", "loans", "--from", str(table), *words)
    assert told.exit_code == 0, told.err
    assert "decisionloop run loans" in told.out
    data = {one.name: pd.read_csv(one) for one in (folder / "mine" / "loans" / "data").iterdir()}
    assert set(data) == {"decisions.csv", "outcomes.csv"}
    assert "defaulted" in data["outcomes.csv"]
    assert "defaulted" not in data["decisions.csv"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--time", "order", "--ignore", "action"), "--live: what is due now is known by its time"),
        (("--propensity", "shares"), "--live: the loop decides, so it does not read what was done (column action)"),
    ],
)
def test_what_live_data_cannot_be_is_refused(cli, folder, table, words, expected):
    told = cli("usecase", "new", "loans", "--from", str(table), "--live", *words, "--parent", str(folder / "mine"))
    assert told.exit_code == 2
    assert expected in " ".join(told.err.split())


def test_a_table_of_a_database_is_read_as_its_file_would_be(cli, folder, table):
    from sqlalchemy import create_engine

    engine = create_engine(f"sqlite:///{folder / 'shop.db'}")
    pd.read_csv(table).drop(columns="action").to_sql("loans", engine, index=False)
    engine.dispose()
    at = ("--from", f"sqlite:///{folder / 'shop.db'}", "--parent", str(folder / "mine"))
    told = cli("usecase", "new", "loans", *at, "--table", "loans")
    assert told.exit_code == 0
    assert "guessed time: column date" in told.out
    assert "the contract, its code and its source agree" in told.out
    for more, problem in (
        ((), "--table"),
        (("--table", "none"), "table none of sqlite:///"),
    ):
        refused = cli("usecase", "new", "other", *at, *more)
        assert refused.exit_code == 2
        assert problem in refused.err
    missing = cli("usecase", "new", "other", "--from", "sqlite:///none.db", "--table", "loans")
    assert (missing.exit_code, "there is no database none.db" in missing.err) == (2, True)


def test_at_a_terminal_it_says_how_many_questions_are_left(folder, table, monkeypatch, capsys):
    from decisionloop.cli.usecase import draft
    from decisionloop.draft.roles import Asked

    rows = pd.read_csv(table).rename(columns={"date": "row", "defaulted": "ended"})
    rows.assign(row=range(len(rows))).to_csv(table, index=False)
    said = iter(["order", "ended", "shares"])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(said))
    draft("loans", folder / "mine", table, Asked(), may_ask=True)
    told = capsys.readouterr().out
    places = [
        told.index(one) for one in ("(2 more questions after it)", "(1 more question after it)", "(the last question)")
    ]
    assert places == sorted(places)


def test_at_a_terminal_what_the_table_does_not_say_is_asked(folder, table, monkeypatch):
    from decisionloop.cli.usecase import draft
    from decisionloop.draft.roles import Asked
    from decisionloop.draft.unanswered import Unanswered

    asked = []

    def answers(question, default):
        asked.append(question)
        return "shares"

    monkeypatch.setattr("typer.prompt", answers)
    draft("loans", folder / "mine", table, Asked(), may_ask=True)
    assert asked == ["propensity (shares)"]
    assert "propensity" in (folder / "mine" / "loans" / "usecase.yaml").read_text(encoding="utf-8")
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "")
    with pytest.raises(Unanswered, match="--propensity shares"):
        draft("more", folder / "mine", table, Asked(), may_ask=True)
