"""What a contract has no longer, and the log has, is told by the name that was logged: in the story and the status."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from decisionloop.cli.evidence import evidence_of
from decisionloop.cli.story import write_and_tell
from decisionloop.ledger.readable_contract import readable_contract
from decisionloop.report.read.live import read_live
from tests.tasks.installation import Installation

pytestmark = pytest.mark.xdist_group("loop")


def forget_vouchers(installation: Installation) -> None:
    """The next version of the contract knows neither the voucher nor the channel."""
    path = installation.written.folder / "usecase.yaml"
    known = yaml.safe_load(path.read_text())
    known["version"] += 1
    known["actions"] = [one for one in known["actions"] if one["name"] != "voucher"]
    known["features"] = [one for one in known["features"] if one["name"] != "channel"]
    known["economics"]["value"].pop("voucher")
    path.write_text(yaml.safe_dump(known, sort_keys=False))
    code = installation.written.folder / "features.py"
    code.write_text(code.read_text().replace(', "channel"', ""))
    installation.contract()


def test_an_action_and_a_feature_that_went_are_told_by_their_logged_names(offers: Installation, tmp_path: Path) -> None:
    for week in range(2):
        offers.predict(week)
        offers.act(week)
        offers.observe(week)
    before = write_and_tell("offers", tmp_path / "before.html")[1]
    forget_vouchers(offers)
    path, story = write_and_tell("offers", tmp_path / "page.html")
    assert "voucher" in path.read_text()
    assert "voucher" in [one.name for one in story.use_case.actions]
    assert {name for line in story.batches for name, _ in line.shares} >= {"voucher"}
    assert story.truth == before.truth  # what the replay knows is told under a contract that knows the action
    assert [one.action for one in story.actions] == [one.action for one in before.actions]
    assert "voucher" in [one.action for one in evidence_of(offers.workspace).actions]
    known = readable_contract(offers.ledger, offers.workspace.settings.usecases_dir, "offers")
    assert "voucher" in [one.name for one in read_live(offers.ledger, "offers", known).case.actions]
