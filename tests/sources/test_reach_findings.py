"""``usecase check`` says beforehand which of the contract's minimums the data can never reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from decisionloop.contract.scaffold import new_use_case
from decisionloop.sources.checking import check_use_case


def _findings(folder: Path, **changes: str) -> tuple[str, ...]:
    """What is found of the skeleton (12 batches of 40 people) with lines of its contract changed."""
    made = new_use_case(folder, "vouchers")
    contract = made / "usecase.yaml"
    text = contract.read_text()
    for old, new in changes.items():
        assert f"{old}: " in text
        line = next(one for one in text.splitlines() if one.strip().startswith(f"{old}: "))
        text = text.replace(line, new)
    contract.write_text(text)
    return check_use_case(made).findings


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
        ({"version": "version: 1\ngate: {minimum_effective_n: 500}"}, ("has 40 people", "(500)", "13 batches")),
        (
            {"exploration": "  exploration: {kind: priced, budget_share: 0.0001}"},
            ("buys less than one a batch", "EUR", "set budget_money"),
        ),
    ],
)
def test_what_cannot_be_reached_is_one_finding_with_both_numbers(
    tmp_path: Path, changes: dict[str, str], words: tuple[str, ...]
) -> None:
    (finding,) = _findings(tmp_path, **changes)
    assert all(word in finding for word in words), finding


def test_what_can_be_reached_is_none(tmp_path: Path) -> None:
    assert _findings(tmp_path, minimum_outcomes="  minimum_outcomes: 200") == ()
    free = _findings(tmp_path / "money", exploration="  exploration: {kind: priced, budget_money: 50}")
    assert free == ()
