"""``usecase check`` says beforehand what can never happen with the contract's numbers and the data as it comes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract.scaffold import new_use_case
from decisionloop.draft.draft import draft_use_case
from decisionloop.draft.roles import EACH_ROW, SHARES, Asked
from decisionloop.sources.checking import check_use_case


def _told(folder: Path, **changes: str) -> tuple[str, ...]:
    """What cannot happen in the skeleton (12 batches of 40 people) with lines of its contract changed."""
    made = new_use_case(folder, "vouchers")
    contract = made / "usecase.yaml"
    text = contract.read_text()
    for old, new in changes.items():
        assert f"{old}: " in text
        line = next(one for one in text.splitlines() if one.strip().startswith(f"{old}: "))
        text = text.replace(line, new)
    contract.write_text(text)
    report = check_use_case(made)
    assert report.findings == ()
    return tuple(one for one in report.cannot_happen if not one.startswith("No lift"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"minimum_outcomes": "  minimum_outcomes: 1000"},
            ("480 people", "needs 1,000", "no model would ever be trained"),
        ),
        (
            {"minimum_outcomes": "  minimum_outcomes: 480"},
            ("at most 213 outcomes", "needs 480", "no model would be trained by then"),
        ),
        (
            {"minimum_events": "  minimum_events: 300"},
            ("of the rarer class", "needs 300", "no model would ever be trained"),
        ),
        (
            {"minimum_events": "  minimum_events: 20\n  training_days: 14"},
            ("up to 14 days", "complete after 14 days", "Set training_days"),
        ),
        (
            {"minimum_events": "  minimum_events: 20\n  training_days: 21"},
            ("in the 7 days that teach", "monitors.minimum_outcomes needs", "raise monitors.training_days (21) to"),
        ),
        ({"version": "version: 1\ngate: {minimum_effective_n: 250}"}, ("has 40 people", "(250)", "Before 13 batches")),
        (
            {"version": "version: 1\ngate: {minimum_effective_n: 250, longest_comparison: 5}"},
            ("No challenger is ever promoted", "5 cohorts", "longest_comparison", "minimum_effective_n"),
        ),
        (
            {"exploration": "  exploration: {kind: priced, budget_share: 0.0001}"},
            ("Hardly anything is tried", "EUR", "set budget_money alone"),
        ),
    ],
)
def test_what_cannot_be_reached_is_one_line_with_both_numbers(
    tmp_path: Path, changes: dict[str, str], words: tuple[str, ...]
) -> None:
    (told,) = _told(tmp_path, **changes)
    assert all(word in told for word in words), told


def test_what_can_be_reached_is_none(tmp_path: Path) -> None:
    assert _told(tmp_path, minimum_outcomes="  minimum_outcomes: 100") == ()
    assert _told(tmp_path / "money", exploration="  exploration: {kind: priced, budget_money: 50}") == ()


def _live(folder: Path, a_day: int, days: pd.DatetimeIndex) -> tuple[dict[str, str], tuple[str, ...]]:
    """Answers and what cannot happen of live rows, so many on each of some days; outcomes come after three days."""
    rng, rows = np.random.default_rng(3), len(days) * a_day
    decided = pd.Series(np.repeat(days, a_day))
    table = pd.DataFrame(
        {
            "date": decided.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "visits": rng.poisson(4, rows),
            "seen_at": (decided + pd.Timedelta(days=3)).dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "bought": (rng.random(rows) < 0.3).astype(int),
        }
    )
    folder.mkdir(exist_ok=True)
    table.to_csv(folder / "rows.csv", index=False)
    drafted = draft_use_case(folder, "shop", folder / "rows.csv", Asked(entity=EACH_ROW, is_live=True))
    report = check_use_case(drafted.folder)
    return {one.question: one.answer for one in report.answers}, report.cannot_happen


def test_of_twelve_rows_a_month_nothing_is_ever_learnt(tmp_path: Path) -> None:
    months = pd.date_range("2024-01-01", periods=24, freq="MS")
    answers, told = _live(tmp_path, 12, months)
    assert answers["decisions a week"].startswith("about 3,")  # though batches of 31 days overlap
    assert any(one.startswith("No model is trained while the rules decide") and "1,000" in one for one in told)
    assert any(one.startswith("No lift over those held out is told in a year") for one in told)


def test_plenty_of_rows_leave_nothing_to_say(tmp_path: Path) -> None:
    _, told = _live(tmp_path, 200, pd.date_range("2024-01-01", periods=200, freq="D"))
    assert told == ()


def test_a_season_is_counted_over_the_year(tmp_path: Path) -> None:
    """100 a day from May to September, and nobody else: 15,300 a year."""
    days = pd.date_range("2023-01-01", "2024-12-31", freq="D")
    told, _ = _live(tmp_path, 100, days[(days.month >= 5) & (days.month <= 9)])
    many = float(told["decisions a week"].split()[1].rstrip(",").replace(",", ""))
    assert many == pytest.approx(15_300 * 7 / 365.25, rel=0.06)
    assert "counted over the year to 2024-" in told["decisions a week"]


def test_where_everything_costs_the_remedy_that_is_named_helps(tmp_path: Path) -> None:
    """Reminders of 400 appointments a day: a miss costs 30, a message 0.10, a call 2, and nothing brings any money."""
    rng, days = np.random.default_rng(5), pd.bdate_range("2025-01-06", periods=60)
    rows, day = len(days) * 400, pd.Series(np.repeat(days, 400))
    done = rng.choice(["none", "sms", "call"], rows)
    missed = rng.random(rows) < pd.Series(done).map({"none": 0.12, "sms": 0.08, "call": 0.07}).to_numpy()
    table = pd.DataFrame(
        {
            "reminded_on": (day + pd.Timedelta(hours=8)).dt.strftime("%Y-%m-%d %H:%M"),
            "known_on": (day + pd.Timedelta(hours=34)).dt.strftime("%Y-%m-%d %H:%M"),
            "lead_days": rng.integers(1, 60, rows),
            "reminder": done,
            "missed": missed.astype(int),
        }
    )
    table.to_csv(tmp_path / "rows.csv", index=False)
    asked = Asked(entity=EACH_ROW, time="reminded_on", action="reminder", propensity=SHARES, outcome="missed")
    contract = draft_use_case(tmp_path, "reminders", tmp_path / "rows.csv", asked).folder / "usecase.yaml"
    (line,) = [one for one in contract.read_text().splitlines() if one.startswith("  constants:")]
    costs = "  constants: {loss_of_a_yes: 30, cost_of_sms: 0.1, cost_of_call: 2}"
    costly = contract.read_text().replace(line, costs)
    contract.write_text(costly)
    before = check_use_case(contract.parent)
    (is_enough,) = [one for one in before.answers if one.question == "is that enough"]
    assert is_enough.answer.startswith("no")
    assert is_enough.setting.startswith("budget_share: ")
    contract.write_text(costly.replace("budget_share: 0.01", is_enough.setting))
    (then,) = [one for one in check_use_case(contract.parent).answers if one.question == "is that enough"]
    assert then.answer.startswith("yes")
    free = costly.replace('none: "-loss_of_a_yes * outcome"', 'none: "0"')
    assert free != costly
    contract.write_text(free)
    rules = contract.parent / "rules.py"
    rules.write_text(rules.read_text().replace('"sms"', '"none"').replace('"call"', '"none"'))
    (told,) = check_use_case(contract.parent).cannot_happen
    assert told.startswith("Nothing can ever be better than what the rules do: by economics.value")
