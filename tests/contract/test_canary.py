"""By which steps a contract lets a challenger come to decide."""

from __future__ import annotations

import pytest

from decisionloop.contract.loading import parse_use_case
from decisionloop.errors import ContractError


def test_a_contract_that_says_nothing_lets_it_decide_for_more_the_surer_it_is(contract_text):
    steps = parse_use_case(contract_text, "usecase.yaml").canary.steps
    assert [one.share for one in steps] == [0.05, 0.25, 0.5, 0.9]
    assert [one.confidence for one in steps] == [0.8, 0.9, 0.95, 0.99]


def test_it_may_have_none(contract_text):
    assert parse_use_case(f"{contract_text}\ncanary: {{steps: []}}\n", "usecase.yaml").canary.steps == ()


@pytest.mark.parametrize(
    ("steps", "path", "words"),
    [
        ("[{share: 0.25, confidence: 0.9}, {share: 0.05, confidence: 0.95}]", "steps.1.share", "above that of"),
        ("[{share: 0.05, confidence: 0.9}, {share: 0.05, confidence: 0.9}]", "steps.1.share", "Order the steps"),
        ("[{share: 0.05, confidence: 0.9}, {share: 0.25, confidence: 0.8}]", "steps.1.confidence", "above that of"),
        ("[{share: 1, confidence: 0.9}]", "steps.0.share", "less than 1"),
        ("[{share: 0.05, confidence: 0.3}]", "steps.0.confidence", "greater than or equal to 0.5"),
    ],
)
def test_what_is_wrong_with_its_steps_is_told(contract_text, steps, path, words):
    with pytest.raises(ContractError) as raised:
        parse_use_case(f"{contract_text}\ncanary: {{steps: {steps}}}\n", "usecase.yaml")
    (fault,) = raised.value.faults
    assert fault.path == f"canary.{path}"
    assert words in f"{fault.problem} {fault.remedy}"
