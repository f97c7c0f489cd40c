"""A time, an outcome, an action or a chance that nobody can read is its row's trouble, live and in a replay."""

from __future__ import annotations

import pandas as pd
import pytest

from decisionloop.errors import SourceError
from decisionloop.observe.intake import Recorded, match_outcomes
from decisionloop.observe.reading import Reading, unread
from decisionloop.observe.taken_rows import refused_content
from decisionloop.sources.checking import check_use_case

HISTORY = "client,known_at,spend\n" + "".join(f"c{i:02d},2026-01-01,10\n" for i in range(20))
DUE = "client,due_at\n" + "".join(f"c{i:02d},2026-01-01\n" for i in range(20))
NOTHING_RECORDED = pd.DataFrame(
    {name: pd.Series(dtype="object") for name in ("decision_id", "revision", "outcome_class", "amount", "observed_at")}
)
BOTH_REVEAL = [
    {"name": "wait", "wording": "do nothing", "is_default": True, "reveals_outcome": True},
    {"name": "offer", "wording": "offer it", "reveals_outcome": True},
]
EXPERIMENT = {"actions": BOTH_REVEAL, "model": {"action_as": "input"}}


def outcomes_table(**bad: str) -> str:
    """Twenty outcomes of which the second has other cells."""
    lines = ["client,seen_at,arrived_at,bought,happened_at"]
    for i in range(20):
        cells = {"client": f"c{i:02d}", "seen_at": "2026-01-04", "arrived_at": "2026-01-05", "bought": "1"}
        cells |= {"happened_at": "2026-01-03"} | (bad if i == 1 else {})
        lines.append(",".join(cells.values()))
    return "\n".join(lines) + "\n"


def live(opened, tables, table: str, **outcome: object):
    files = {"history.csv": HISTORY, "due.csv": DUE, "outcomes.csv": table}
    said = {"class": {"column": "bought", "wording": "bought it"}, "window_days": 7, "maturity_days": 7, **outcome}
    return opened(tables, files, outcome=said)


@pytest.mark.parametrize("bad", [{"seen_at": "soon"}, {"arrived_at": "2026-13-45"}, {"happened_at": "?!"}])
def test_an_outcome_with_a_time_that_nobody_can_read_is_refused_and_the_others_are_taken_in(
    opened, tables, at, decisions, bad
):
    source = live(opened, tables, outcomes_table(**bad), happened_at="happened_at")
    shown = source.outcomes(at("2026-02-01"), decisions())
    decided = decisions(*((f"c{i:02d}", "2026-01-01", "offer") for i in range(20)))
    intake = match_outcomes(
        shown, decided, Recorded(NOTHING_RECORDED), source.use_case, at("2026-02-01").to_pydatetime()
    )
    assert (intake.counts.first, intake.counts.invalid) == (19, 1)
    assert list(refused_content(intake.of_row).values()) == [1]


def test_it_is_refused_once_and_not_in_every_reading(opened, tables, at, decisions):
    source = live(opened, tables, outcomes_table(seen_at="soon"))
    first = source.outcomes(at("2026-02-01"), decisions())
    last = Reading.of(first, at("2026-02-01").to_pydatetime())
    assert last.undated == 1
    assert unread(first, last).empty
    more = pd.concat([first, first.assign(observed_at=first["observed_at"].where(first["entity_id"] != "c01")).tail(1)])
    assert len(unread(more, last)) == 1


def test_an_outcome_of_nobody_is_its_rows_trouble_too(opened, tables, at, decisions):
    source = live(opened, tables, outcomes_table(client=""))
    assert source.outcomes(at("2026-02-01"), decisions())["entity_id"].isna().sum() == 1


def test_where_no_time_can_be_read_it_is_the_sources(opened, tables, at, decisions):
    table = outcomes_table().replace("2026-01-04", "soon")
    with pytest.raises(SourceError, match="column seen_at holds 'soon' in row 1"):
        live(opened, tables, table).outcomes(at("2026-02-01"), decisions())


def test_the_check_says_how_many_outcomes_are_refused(write, tables):
    later = HISTORY + "c00,2026-02-01,10\n"
    files = {"history.csv": later, "due.csv": DUE, "outcomes.csv": outcomes_table(seen_at="soon")}
    findings = "\n".join(check_use_case(write(tables, files).folder).findings)
    assert "1 of 20 outcomes have a time, class or amount that nobody can read, and are refused" in findings


def experiment(**bad: str) -> str:
    """Thirty logged cases of which the second has other cells."""
    lines = ["client,decided_at,spend,action,propensity,seen_at,bought"]
    for i in range(30):
        cells = {"client": f"c{i:02d}", "decided_at": "2026-01-01", "spend": "10", "action": "offer"}
        cells |= {"propensity": "0.5", "seen_at": "2026-01-05", "bought": str(i % 2)} | (bad if i == 1 else {})
        lines.append(",".join(cells.values()))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("bad", "shown", "told"),
    [
        ({"decided_at": "20260-01-01"}, 29, "decided_at cannot be read in 1 row, of client c01: nobody is decided"),
        ({"spend": "1O"}, 30, "spend cannot be read in 1 row, of client c01 at 2026-01-01 00:00: the rules decide"),
        (
            {"action": "ofer"},
            29,
            "action cannot be read in 1 row, of client c01 at .* .'ofer'.: their outcomes are not shown",
        ),
        (
            {"propensity": "half"},
            29,
            "propensity cannot be read in 1 row, of client c01 .* .'half'.: their outcomes are not",
        ),
        ({"seen_at": "soon"}, 30, "seen_at cannot be read in 1 row, of client c01 .*: their outcomes are refused"),
        ({"bought": "maybe"}, 30, "bought cannot be read in 1 row, of client c01 .*: their outcomes are refused"),
    ],
)
def test_a_replayed_log_tells_of_its_bad_cells_and_shows_the_rest(opened, log, at, decisions, bad, shown, told):
    source = opened(log, {"log.csv": experiment(**bad)}, **EXPERIMENT)
    decided = decisions(*((f"c{i:02d}", "2026-01-01", "offer") for i in range(30)))
    assert len(source.outcomes(at("2026-02-01"), decided)) == shown
    (line,) = source.unread_rows()
    assert pd.Series([line]).str.contains(told).all(), line
    assert len(source.hidden_truth()) == (30 if "spend" in bad or "seen_at" in bad else 29)


def test_a_replay_of_everybody_tells_of_its_bad_cells_and_shows_the_rest(opened, full_information, at, decisions):
    known = outcomes_table(seen_at="soon").replace("arrived_at", "decided_at").replace("2026-01-05", "2026-01-01")
    files = {"history.csv": HISTORY.replace("c03,2026-01-01,10", "c03,2026-01-01,1O"), "due.csv": DUE}
    source = opened(full_information, {**files, "outcomes.csv": known})
    decided = decisions(*((f"c{i:02d}", "2026-01-01", "offer") for i in range(20)))
    assert source.outcomes(at("2026-02-01"), decided)["observed_at"].isna().sum() == 1
    assert [line.partition(": ")[2][:20] for line in source.unread_rows()] == [
        "spend cannot be read",
        "seen_at cannot be re",
    ]


def test_many_unknown_actions_are_the_logs_trouble(opened, log, at, decisions):
    source = opened(log, {"log.csv": experiment().replace("offer", "mail")}, **EXPERIMENT)
    with pytest.raises(SourceError, match="holds mail, which the contract does not know"):
        source.outcomes(at("2026-02-01"), decisions(("c00", "2026-01-01", "offer")))
