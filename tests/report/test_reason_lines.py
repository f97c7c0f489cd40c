"""Stored reasons in the worked decision: in the wording of the contract that decided, with the feature's value."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from decisionloop.contract import UseCase
from decisionloop.contract.loading import load_use_case
from decisionloop.report.read.worked_decision import reason_lines
from decisionloop.report.record.lines import ReasonLine
from tests.small_use_case import write_small

STORED = '[["turnover",-0.9],["trade",0.25]]'


@pytest.fixture
def small(tmp_path: Path) -> UseCase:
    return load_use_case(write_small(tmp_path).folder).use_case


def test_reasons_are_worded_by_the_contract_that_decided(small: UseCase) -> None:
    frame = pd.DataFrame({"turnover": [120.0], "trade": ["craft"]})
    first, second = reason_lines(small, STORED, frame, small.digest)
    assert (first.wording, first.contribution) == ("weekly turnover", -0.9)
    assert "120" in first.value
    assert second == ReasonLine("trade", "craft", 0.25)


def test_another_version_of_the_contract_does_not_lend_its_wording(small: UseCase) -> None:
    assert reason_lines(small, STORED, None, "of another version") == (
        ReasonLine("turnover", "", -0.9),
        ReasonLine("trade", "", 0.25),
    )


def test_the_words_of_the_rules_are_told_as_they_are(small: UseCase) -> None:
    assert reason_lines(small, '["much debt: 9"]', None, small.digest) == (ReasonLine("much debt: 9", "", None),)


def test_reasons_that_are_an_approximation_are_told_as_one(small):
    line, _ = reason_lines(small, '[["debt",0.5,"approximate"],["trade",-0.1]]', None, small.digest)
    assert line.wording.endswith(" (approximately)")
    assert (
        line.wording.removesuffix(" (approximately)")
        == reason_lines(small, '[["debt",0.5]]', None, small.digest)[0].wording
    )
