"""Every expression is tried on the rows that a contract admits, one fault each, with the kind of row."""

from __future__ import annotations

import pytest

from decisionloop.contract.trial import edge_faults, edge_rows

NULLABLE = {"name": "age", "type": "number", "wording": "age", "purpose": "p", "is_nullable": True}


def test_a_sound_contract_has_none(contract):
    assert edge_faults(contract) == ()


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        ("economics.value.wait", "1 / orders", "orders is 0"),
        ("economics.value.wait", "1 / (spend - 1000)", "spend is the largest (1000)"),
        ("economics.value.wait", "exp(spend)", "spend is the largest (1000)"),
        ("economics.value.wait", "log1p(-spend - 1)", "nothing is special"),
        ("economics.value.offer", "1 / (1 - outcome)", "nothing is special"),
        ("economics.value.offer", "outcome / where(channel == 'shop', 0, 1)", "channel is 'shop'"),
        ("actions.1.allowed_if", "1 / orders > 0.1", None),  # infinity is larger: that can be told
        ("actions.1.allowed_if", "orders / orders", "orders is 0"),
        ("policy.constraints.0.cost.offer", "(orders - 25) ** 0.5", "nothing is special"),
    ],
)
def test_a_row_without_a_finite_value_is_named(changed, path, text, where):
    faults = edge_faults(changed(path, text))
    if where is None:
        assert faults == ()
        return
    (fault,) = faults
    assert where in fault.problem
    assert fault.value == text
    assert fault.remedy
    assert fault.path[-1] in (path.rsplit(".", 1)[-1], "offer")


def test_what_the_contract_does_not_admit_is_not_tried(changed):
    assert edge_faults(changed("features.1.range", [1, 50])) == ()
    narrow = changed("economics.value.wait", "1 / (spend + 1)")
    assert edge_faults(narrow) == ()  # spend is at least 0


@pytest.mark.parametrize("text", ["10**-1 * amount", "10**19 * amount", "10**20 + amount", "4000000000 * 4000000000"])
def test_whole_numbers_neither_wrap_nor_are_refused(changed, text):
    contract = changed("economics.value.offer", text)
    assert edge_faults(contract) == ()
    assert contract.value_expressions[1].evaluate({"amount": 2.0}, 1)[0] == pytest.approx(eval(text, {"amount": 2.0}))


def test_a_missing_value_is_tried_and_may_be_unknown(changed):
    contract = changed("features.3", NULLABLE)
    rows = {row.wording for row in edge_rows(contract, frozenset({"age", "channel"}))}
    assert {"age is missing", "age is 0", "age is negative (-1)", "age is huge (1e+09)", "channel is 'shop'"} <= rows
