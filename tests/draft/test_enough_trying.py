"""The draft of a replay tries as much as it must to tell something, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from decisionloop.contract import load_use_case
from decisionloop.draft.enough_trying import may_try_more, try_enough
from tests.draft.test_drafts import drafted, loans


@pytest.mark.parametrize("setting", ["budget_share: 0.05", "{kind: uniform, share: 0.1}"])
def test_what_a_check_names_is_written_into_the_draft(tmp_path: Path, setting: str) -> None:
    draft, _ = drafted(tmp_path, loans(), separator=";")
    assert not may_try_more(draft.folder)  # past decisions: there is nothing to be tried
    told = try_enough(draft.folder, setting)
    assert told.startswith("guessed exploration: {kind: ")
    assert "with 0.01 too little" in told
    exploration = load_use_case(draft.folder).use_case.policy.exploration
    assert (exploration.kind, setting.split(": ")[-1].rstrip("}")) in {("priced", "0.05"), ("uniform", "0.1")}
    assert "# GUESS: so much must be tried" in (draft.folder / "usecase.yaml").read_text()
    assert try_enough(draft.folder, "") == ""
