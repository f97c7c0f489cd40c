"""A version of a contract means one thing: the ledger refuses another meaning under the same number."""

from __future__ import annotations

import pytest

from decisionloop.contract import load_use_case
from decisionloop.contract.scaffold import new_use_case
from decisionloop.errors import ContractError
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.use_cases import contracts, record_use_case


@pytest.fixture
def text(tmp_path) -> str:
    """The YAML of a new use case."""
    return load_use_case(new_use_case(tmp_path, "vouchers")).text


def test_another_meaning_needs_another_version(ledger: Ledger, text: str) -> None:
    assert record_use_case(ledger, "vouchers", "a" * 64, 1, text)
    dearer = text.replace("voucher_value: 5", "voucher_value: 6")
    with pytest.raises(ContractError, match=r"economics\.constants\.voucher_value: .*Set `version: 2`") as raised:
        record_use_case(ledger, "vouchers", "b" * 64, 1, dearer)
    assert len(raised.value.faults) == 1
    assert len(contracts(ledger, "vouchers")) == 1
    assert record_use_case(ledger, "vouchers", "b" * 64, 2, dearer)
    with pytest.raises(ContractError, match="version: 3"):
        record_use_case(ledger, "vouchers", "c" * 64, 1, dearer)


def test_other_words_do_not(ledger: Ledger, text: str) -> None:
    assert record_use_case(ledger, "vouchers", "a" * 64, 1, text)
    assert record_use_case(ledger, "vouchers", "b" * 64, 1, text.replace("title: Send a voucher", "title: Vouchers"))
    assert not record_use_case(ledger, "vouchers", "a" * 64, 1, text)


def test_another_use_case_has_its_own_versions(ledger: Ledger, text: str) -> None:
    assert record_use_case(ledger, "vouchers", "a" * 64, 1, text)
    assert record_use_case(ledger, "letters", "b" * 64, 1, text.replace("voucher_value: 5", "voucher_value: 6"))
