"""What the monitors found, as Markdown: alarms in words first, a table of what was measured, nothing that obeys."""

from __future__ import annotations

from dataclasses import replace

from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.report.words.monitoring_markdown import MOST_QUIET, monitoring_markdown


def finding(value: float | None, bound: float | None, slice_: str = "feature=status", **named: object) -> Finding:
    figure = Estimate(
        value, None if value is None else value - 0.02, None if value is None else value + 0.02, 500, 500.0, 0.95
    )
    content = {
        "family": "inputs",
        "monitor": "input_shift",
        "slice": slice_,
        "figure": figure,
        "threshold": 0.1,
        "bound": bound,
        "direction": "above",
        "alpha": 0.0001,
        "words": "Repayment status moved.",
        "suggestion": "Ask the owner.",
        "against": "training",
    } | named
    return Finding(**content)  # type: ignore[arg-type]


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")][1:]


def test_alarms_come_first_with_what_to_do_and_the_money(use_case: UseCase):
    text = monitoring_markdown(use_case, [finding(0.03, 0.01), finding(0.2, 0.17, stake=1.5, is_halting=True)])
    assert "2 checks, 1 alarm." in text
    assert "- **Repayment status moved.** **Halts the batch.** Ask the owner. At stake: NT$1.50 a decision." in text
    first, second = rows(text)
    assert first.endswith("| **alarm** |")
    assert (
        "| What comes in | repayment status: moved from its reference | 20% | 18% to 22% | 10% | 17% | 500 |" in first
    )
    assert second.endswith("| 500 |  |")


def test_a_check_that_could_not_answer_says_so_and_is_no_alarm(use_case: UseCase):
    text = monitoring_markdown(use_case, [finding(None, None)])
    assert "1 check, no alarm." in text
    assert rows(text)[0].endswith("| not known |  | 10% |  | 500 | cannot say |")


def test_what_has_not_come_stands_beside_the_interval(use_case: UseCase):
    bounded = replace(finding(0.2, 0.17).figure, bounds=OutcomeBounds(40, 10.0, 0.11, 0.34))
    (row,) = rows(monitoring_markdown(use_case, [finding(0.2, 0.17, figure=bounded)]))
    assert "| 18% to 22%; whatever has not come, 11% to 34% |" in row


def test_of_many_quiet_checks_the_nearest_to_their_limits_are_listed(use_case: UseCase):
    quiet = [finding(0.001 * i, 0.0, f"feature=f{i}") for i in range(60)]
    text = monitoring_markdown(use_case, quiet)
    assert len(rows(text)) == MOST_QUIET
    assert "f59: moved" in text
    assert "f0: moved" not in text
    assert "40 more checks were further from their limits." in text


def test_without_findings_there_is_no_table(use_case: UseCase):
    text = monitoring_markdown(use_case, [], "Monitors of a batch")
    assert text.startswith("# Monitors of a batch\n")
    assert "0 checks, no alarm." in text
    assert "|" not in text


def test_text_cannot_break_the_table_or_become_markup(use_case: UseCase):
    hostile = "a|b <script>x</script> [c](http://d) *e* `f`\n# g"
    text = monitoring_markdown(use_case, [finding(0.2, 0.17, words=hostile, suggestion=hostile)])
    assert "<script>" not in text
    assert "[c](http" not in text
    assert "\n# g" not in text
    alarm = next(line for line in text.splitlines() if line.startswith("- "))
    assert "a\\|b" in alarm
