"""A decision of a batch is told whole: why its release was live, each action's chance, what left, what became of it."""

from __future__ import annotations

import pytest

from decisionloop.report.read.explained import story_of_decision
from decisionloop.report.words.explained import explained_lines
from decisionloop.service.decisions import read_decision

pytestmark = pytest.mark.xdist_group("loop")


def test_decisions_of_rules_and_of_a_model_are_told_whole(restored):
    with restored("modelled") as installation:
        installation.turn(3)
        workspace, decided = installation.workspace, installation.decisions(3)
        by_role = {role: rows.iloc[0] for role, rows in decided.groupby("role")}
        assert {"champion", "exploration", "holdout"} <= set(by_role)
        for role, row in by_role.items():
            told, contract = read_decision(workspace.settings, workspace.ledger, row["decision_id"])
            assert (told.role, told.batch_id, told.action) == (role, installation.batch(3), row["action"])
            assert (told.is_online, told.waited_ms) == (False, None)
            assert told.standing is not None
            chances = {one.action: one.propensity for one in told.values}
            assert sum(chances.values()) == pytest.approx(1)
            assert chances[row["action"]] == row["propensity"]
            assert told.rules_reasons in (("high turnover",), ("low turnover",))
            assert [one.status for one in told.deliveries] == (["delivered"] if row["action"] == "lend" else [])
            lines = "\n".join(explained_lines(told, story_of_decision(told, contract).use_case))
            assert "in a batch" in lines
            assert f"in the batch {installation.batch(3)}" in lines


def test_of_what_became_of_it_every_revision_is_told(restored):
    with restored("modelled") as installation:
        ledger, seen = installation.ledger, installation.workspace
        decided = installation.decisions(1)
        lent = decided[decided["action"] == "lend"].iloc[0]
        told, contract = read_decision(seen.settings, ledger, lent["decision_id"])
        (first,) = told.outcomes
        assert (first.revision, first.kind, first.outcome_class) == (1, "first", told.outcome_class)
        assert told.money in (10.0, -40.0)
        assert "What happened then" in "\n".join(explained_lines(told, story_of_decision(told, contract).use_case))
