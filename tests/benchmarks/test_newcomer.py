"""The newcomer's tables: what the script writes is what it says it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.newcomer import german, loans, offers
from decisionloop.draft.table import read_table


def test_a_german_spreadsheet_says_what_the_plain_table_says(tmp_path: Path) -> None:
    rows = loans().head(50)
    german(rows).to_csv(tmp_path / "de.csv", sep=";", decimal=",", encoding="utf-8-sig")
    rows.to_csv(tmp_path / "en.csv", index=False)
    told, plain = read_table(tmp_path / "de.csv").rows, read_table(tmp_path / "en.csv").rows
    assert list(told) == list(plain)
    assert told["income"].astype(float).tolist() == plain["income"].astype(float).tolist()
    assert told[["applied_on", "seen_on", "owns_a_home"]].equals(plain[["applied_on", "seen_on", "owns_a_home"]])
    assert (told["fell_behind"] == "yes").tolist() == (plain["fell_behind"] == "1").tolist()


def test_the_experiment_draws_three_offers() -> None:
    assert set(offers()["offer"]) == {"none", "small", "large"}


@pytest.mark.exhaustive
def test_a_newcomer_comes_to_a_story_without_editing_anything(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.newcomer", "--keep", str(tmp_path / "kept")]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "0 hand edits, 0 commands failed" in told.stdout
