"""``usecase check`` builds a batch and values it: what would stop the loop is raised, what is odd is a finding."""

from __future__ import annotations

import json

import pytest
import yaml

from decisionloop.contract.scaffold import new_use_case
from decisionloop.errors import ContractError, SourceError, UsageError
from decisionloop.sources.checking import check_use_case


def test_a_new_use_case_passes_its_own_check(tmp_path):
    report = check_use_case(new_use_case(tmp_path, "vouchers"))
    assert report.findings == ()
    assert report.rows == 40
    assert json.dumps(list(report.findings)) == "[]"


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("usecase.yaml", "rows: [10, 1000]", "rows: [100, 1000]", "40 rows, outside data_quality.rows [100, 1000]"),
        ("usecase.yaml", "range: [0, 60]", "range: [0, 3]", "orders_last_year is outside its range"),
        ("usecase.yaml", "[web, app, shop]", "[web, app]", "(for example shop)"),
        ("usecase.yaml", "voucher: [0.02, 0.98]", "voucher: [0.9, 0.98]", "The rules choose voucher in"),
        ("usecase.yaml", "minimum_group_size: 10", "minimum_group_size: 99", "reference group under_40"),
        (
            "usecase.yaml",
            "cron: 0 0 * * 1",
            "cron: 0 0 1 * *",
            "10 of 12 times at which somebody was due are in no batch",
        ),
        ("usecase.yaml", "covers_days: 7", "covers_days: 14", "more than the 7 between two due times"),
        ("usecase.yaml", "cron: 0 0 * * 1", "cron: 0 0 * * *", "somebody due every 7 days"),
        ("features.py", '"40_and_over"}', '"old"}', "age_band has values without a group: old"),
        ("features.py", 'latest["orders_last_year"]', "4", "orders_last_year is 4.0 in every row"),
        (
            "features.py",
            'latest["orders_last_year"]',
            "None",
            "orders_last_year is missing in 120 of 120 rows (100.0%)",
        ),
    ],
)
def test_what_is_odd_is_a_finding_with_a_remedy(tmp_path, file, old, new, expected):
    folder = new_use_case(tmp_path, "vouchers")
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    findings = check_use_case(folder).findings
    assert any(expected in finding for finding in findings), findings
    assert all(finding.endswith((".", "?")) for finding in findings)


@pytest.mark.parametrize(
    ("file", "old", "new", "error", "expected"),
    [
        ("usecase.yaml", "type: integer", "type: float", ContractError, "features.days_since_order.type"),
        ("features.py", "def features(", "def feature(", ContractError, "no such function"),
        ("features.py", '"channel": latest["channel"],', "", ContractError, "channel: the column was not returned"),
        (
            "usecase.yaml",
            "voucher: (margin_of",
            "voucher: 1 / (orders_last_year - 4) + (margin_of",
            ContractError,
            "120 rows",
        ),
        (
            "usecase.yaml",
            "voucher: (margin_of",
            "voucher: 1 / orders_last_year + (margin_of",
            ContractError,
            "orders_last_year is 0",
        ),
        ("features.py", "def features(", "import sys; sys.exit(0)\ndef features(", ContractError, "features.py, line"),
        ("rules.py", '"wait")', '"sleep")', ContractError, "is not an action of the contract"),
        ("usecase.yaml", "past_experiment.csv", "nowhere.csv", SourceError, "no file matches"),
        ("usecase.yaml", "action: action", "action: arm", SourceError, "no column arm"),
        ("data/past_experiment.csv", "voucher", "coupon", SourceError, "coupon"),
        ("data/past_experiment.csv", "2026-", "January of ", SourceError, "'January of 01"),
    ],
)
def test_what_would_stop_the_loop_is_raised(tmp_path, file, old, new, error, expected):
    folder = new_use_case(tmp_path, "vouchers")
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    with pytest.raises(error) as raised:
        check_use_case(folder)
    assert expected in str(raised.value)


def test_a_folder_without_a_contract_is_refused(tmp_path):
    with pytest.raises(UsageError, match="usecase new"):
        check_use_case(tmp_path)


def test_outcomes_that_never_come_or_never_differ_are_findings(write, tables):
    files = {
        "history.csv": "client,known_at,spend\n1,2026-01-05,10\n2,2026-01-05,90\n",
        "due.csv": "client,due_at\n1,2026-01-05\n2,2026-01-05\n",
        "outcomes.csv": "client,seen_at,arrived_at,bought\n",
    }
    findings = check_use_case(write(tables, files).folder).findings
    assert any("No outcome had been seen" in finding for finding in findings)
    files["outcomes.csv"] += "1,2026-01-04,2026-01-04,1\n2,2026-01-04,2026-01-04,1\n"
    findings = check_use_case(write(tables, files).folder).findings
    assert "Every outcome is 1. Check `outcome.class.column`." in findings


def test_a_source_without_rows_is_a_finding(write, tables):
    files = {
        "history.csv": "client,known_at,spend\n",
        "due.csv": "client,due_at\n",
        "outcomes.csv": "client,seen_at,arrived_at,bought\n",
    }
    report = check_use_case(write(tables, files).folder)
    assert (report.rows, report.as_of) == (0, None)
    assert "no rows yet" in report.findings[0]


def test_a_fault_of_the_contract_and_one_of_the_code_are_told_together(tmp_path):
    folder = new_use_case(tmp_path, "vouchers")
    contract = folder / "usecase.yaml"
    contract.write_text(contract.read_text().replace("margin_of_an_order * outcome", "outcome / orders_last_year"))
    (folder / "rules.py").write_text("raise SystemExit\n")
    with pytest.raises(ContractError) as raised:
        check_use_case(folder)
    assert [fault.path for fault in raised.value.faults] == ["economics.value.wait", "rules.py"]
    assert all(fault.line for fault in raised.value.faults)


def test_whole_batches_from_the_whole_of_the_data_are_tried(tmp_path):
    folder = new_use_case(tmp_path, "vouchers")
    log = folder / "data" / "past_experiment.csv"
    rows = log.read_text().splitlines()
    log.write_text("\n".join([*rows[:-35], ""]))  # the last batch has only begun
    report = check_use_case(folder)
    assert [str(moment.date()) for moment in report.batches] == ["2026-01-05", "2026-02-09", "2026-03-16"]
    assert report.rows == 40
    assert report.findings == ()


def test_what_is_odd_in_an_early_batch_is_found(tmp_path):
    folder = new_use_case(tmp_path, "vouchers")
    log = folder / "data" / "past_experiment.csv"
    first = log.read_text().splitlines()[1]
    customer, day, _, *rest = first.split(",")
    log.write_text(log.read_text().replace(first, ",".join([customer, day, "9999", *rest])))
    assert any("days_since_order is outside its range" in finding for finding in check_use_case(folder).findings)


def test_live_data_is_tried_at_the_due_times_of_the_schedule(write, tables):
    days = [f"2026-01-{day:02d}" for day in range(1, 29)]
    history = "client,known_at,spend\n" + "".join(f"{i},{day},{i}\n" for i, day in enumerate(days))
    files = {
        "history.csv": history,
        "due.csv": history.replace("known_at", "due_at"),
        "outcomes.csv": "client,seen_at,arrived_at,bought\n1,2026-01-04,2026-01-04,1\n2,2026-01-04,2026-01-04,0\n",
    }
    report = check_use_case(write(tables, files).folder)
    assert [str(moment.date()) for moment in report.batches] == ["2026-01-08", "2026-01-15", "2026-01-22"]  # Thursdays
    assert report.rows == 7


def test_constraints_that_no_model_can_keep_are_a_finding_with_what_is_within_reach(tmp_path):
    """Exploring alone costs more than the budget: the rules would stand in for every model for ever."""
    folder = new_use_case(tmp_path, "vouchers")
    text = (folder / "usecase.yaml").read_text()

    def said(limit: float) -> list[str]:
        content = yaml.safe_load(text)
        budget = {"kind": "budget", "cost": {"voucher": "5"}, "limit": limit}
        content["policy"] |= {"exploration": {"kind": "uniform", "share": 0.3}, "constraints": [budget]}
        (folder / "usecase.yaml").write_text(yaml.safe_dump(content))
        return [one for one in check_use_case(folder).findings if one.startswith("No model could decide")]

    assert said(200.0) == []
    (told,) = said(5.0)
    assert "the rules would stand in: no choice of actions keeps every constraint" in told
    assert "the nearest within reach is" in told
