"""`mode: observe` is a contract of its own: it says where the other system's decisions are, and decides nobody."""

from __future__ import annotations

from decisionloop.contract.meaning import changes_of_meaning

TABLE = {"path": "d.csv", "time": "t"}
TABLES = {"kind": "tables", "history": TABLE, "outcomes": TABLE, "outcome_columns": {"outcome_time": "s"}}
REPLAY = {"kind": "legacy_log_replay", "log": TABLE, "action": "a", "outcome_time": "s"}


def test_to_decide_is_usual_and_leaves_every_digest_as_it_was(contract, changed):
    assert contract.mode == "decide"
    assert changed("mode", "decide").digest == contract.digest
    assert changed("mode", "observe").digest != contract.digest
    assert "legacy" not in changed("source", TABLES).source.model_dump()
    assert "legacy_actions" not in contract.data_quality.model_dump()


def test_tables_must_say_what_was_decided(changed_twice, refused):
    assert refused({"mode": "observe", "source": TABLES}) == {"source.legacy"}
    told = changed_twice({"mode": "observe", "source": {**TABLES, "legacy": {"action": "a"}}})
    assert (told.source.legacy.propensity, told.source.legacy.table, told.is_explored) == ("", None, False)


def test_what_another_system_did_is_replayed_for_looking_on_alone(refused, changed_twice):
    assert refused({"source": REPLAY}) == {"source.kind"}
    assert changed_twice({"source": REPLAY, "mode": "observe"}).is_observing


def test_a_replay_of_the_loop_s_own_actions_is_none_of_others(refused):
    log = {"kind": "randomised_log_replay", "log": TABLE, "action": "a", "propensity": "p", "outcome_time": "s"}
    assert refused({"mode": "observe", "source": log}) == {"source.kind"}


def test_nothing_is_decided_one_at_a_time_beside_another_system(refused):
    no_limits = {"exploration": {"kind": "priced", "budget_share": 0.01}, "holdout_share": 0.1}
    assert refused({"mode": "observe", "online": {}, "policy": no_limits, "guardrails": {}}) == {"online"}


def test_another_mode_is_another_meaning_and_needs_another_version(contract_text):
    assert changes_of_meaning(contract_text, f"mode: observe\n{contract_text}") == ("mode",)
