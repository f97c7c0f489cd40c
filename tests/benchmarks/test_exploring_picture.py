"""The picture on docs/exploring.md is what the code draws today."""

from __future__ import annotations

from benchmarks.exploring_picture import picture
from tests.architecture.code import ROOT


def test_the_picture_is_the_one_that_the_code_draws():
    assert (ROOT / "docs" / "exploring.svg").read_text(encoding="utf-8") == picture()
