"""What comes from elsewhere is listed, licensed, and not said to be free of faults where nobody could be asked."""

from __future__ import annotations

import json

import pytest

from supply.bill import bill_of
from supply.licences import EXCEPTIONS, is_allowed, refused
from supply.locked import Locked, locked
from supply.vulnerabilities import CLEAN, NOT_ASKED, VULNERABLE, verdict


def test_every_dependency_has_a_licence_that_is_allowed():
    found = locked()
    assert refused(found) == ()
    assert set(EXCEPTIONS) <= {one.name for one in found}, "an exception for what is not there"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("MIT", True), ("GPL-3.0-only", False), ("MIT AND GPL-3.0-only", False), ("GPL-3.0-only OR MIT", True),
     ("MPL-2.0 AND (Apache-2.0 OR MIT)", True), ("(MIT OR ISC) AND GPL-2.0-only", False), ("", False)],
)  # fmt: skip
def test_a_licence_is_allowed_as_its_expression_says(expression: str, expected: bool):
    assert is_allowed(expression) is expected


def test_the_bill_names_every_pinned_distribution_with_its_hashes():
    found = locked()
    told = json.loads(bill_of(found))
    assert [(one["name"], one["version"]) for one in told["components"]] == [(one.name, one.version) for one in found]
    assert all(one["externalReferences"] for one in told["components"])
    assert bill_of(found) == bill_of(found)


def test_that_nobody_could_be_asked_is_no_all_clear():
    assert verdict(0, "", "No known vulnerabilities found")[0] == CLEAN
    assert verdict(1, "a 1.0 X-1", "Found 1 known vulnerability in 1 package")[0] == VULNERABLE
    assert verdict(1, "", "requests.exceptions.ConnectionError: unreachable")[0] == NOT_ASKED
    assert verdict(1, "", "No module named pip_audit")[0] == NOT_ASKED
    assert verdict(0, "", "")[0] == NOT_ASKED


def test_a_distribution_without_a_licence_is_refused():
    assert refused([Locked("a", "1", (), "")]) == ("a 1: says no licence",)
