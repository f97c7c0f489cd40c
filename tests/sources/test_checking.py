"""``usecase check`` builds a batch and values it: what would stop the loop is raised, what is odd is a finding."""

from __future__ import annotations

import json

import pytest

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
        ("usecase.yaml", "voucher: (margin_of", "voucher: 1 / (orders_last_year - 4) + (margin_of", "money of voucher"),
        ("features.py", '"40_and_over"}', '"old"}', "age_band has values without a group: old"),
        ("features.py", 'latest["orders_last_year"]', "4", "orders_last_year is 4.0 in every row"),
        ("features.py", 'latest["orders_last_year"]', "None", "orders_last_year is missing in 100.0% of the rows"),
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
        ("rules.py", '"wait")', '"sleep")', ContractError, "is not an action of the contract"),
        ("usecase.yaml", "past_experiment.csv", "nowhere.csv", SourceError, "no file matches"),
        ("usecase.yaml", "action: action", "action: arm", SourceError, "no column arm"),
        ("data/past_experiment.csv", "voucher", "coupon", SourceError, "coupon"),
        ("data/past_experiment.csv", "2026-01-05", "5 January", SourceError, "'5 January'"),
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
    assert findings == ("Every outcome is 1. Check `outcome.class.column`.",)


def test_a_source_without_rows_is_a_finding(write, tables):
    files = {
        "history.csv": "client,known_at,spend\n",
        "due.csv": "client,due_at\n",
        "outcomes.csv": "client,seen_at,arrived_at,bought\n",
    }
    report = check_use_case(write(tables, files).folder)
    assert (report.rows, report.as_of) == (0, None)
    assert "no rows yet" in report.findings[0]
