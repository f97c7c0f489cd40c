"""MLflow shows who decides: the rules are a version like any model, and aliases follow the stages."""

from __future__ import annotations

import pytest

from decisionloop.ledger.releases import baseline, champion, find_stage
from decisionloop.ledger.verdicts import verdicts
from decisionloop.registry import Registry
from tasks.learn.mlflow_versions import log_rules
from tasks.predict.register_rules import ensure_rules
from tasks.release.mlflow_aliases import follow
from tests.small_use_case import as_of

pytestmark = pytest.mark.xdist_group("loop")


@pytest.fixture
def versions(monkeypatch):
    """The version of a release that an alias names, as MLflow keeps it."""

    def of(installation, alias):
        import mlflow

        uri = installation.workspace.settings.resolved_mlflow_uri()
        return mlflow.MlflowClient(uri, uri).get_model_version_by_alias("small", alias)

    return of


def test_aliases_follow_the_stages(restored, versions):
    with restored("shadowed") as installation:
        rules, model = baseline(installation.ledger, "small").release_id, "small/scorecard/"
        assert installation.workspace.registry.aliases("small").keys() == {"baseline", "champion", "challenger"}
        assert versions(installation, "baseline").tags["release_id"] == rules
        assert versions(installation, "champion").tags["release_id"] == rules
        assert versions(installation, "challenger").tags["release_id"].startswith(model)
    with restored("modelled") as installation:
        decides = champion(installation.ledger, "small").release
        assert installation.workspace.registry.aliases("small").keys() == {"baseline", "champion"}
        assert versions(installation, "baseline").tags["release_id"] == rules
        assert versions(installation, "champion").tags["release_id"] == decides.release_id
        assert versions(installation, "champion").version == int(decides.mlflow_version)


def test_the_rules_version_holds_the_files_that_decide(shadowed, versions):
    import mlflow

    version = versions(shadowed, "baseline")
    kept = mlflow.MlflowClient(shadowed.workspace.settings.resolved_mlflow_uri()).list_artifacts(
        version.run_id, "release"
    )
    assert {item.path.rpartition("/")[2] for item in kept} == {
        "features.py", "rules.py", "usecase.yaml", "model_card.md",
    }  # fmt: skip


def test_logging_the_same_rules_again_gives_the_same_version(shadowed):
    before = shadowed.workspace.registry.aliases("small")
    assert log_rules(shadowed.workspace) == before["baseline"]
    assert follow(shadowed.workspace) == ()
    assert shadowed.workspace.registry.aliases("small") == before


def test_an_interruption_between_the_aliases_is_made_good(shadowed, monkeypatch):
    _change_rules(shadowed)
    ensure_rules(shadowed.workspace, as_of(2))
    with monkeypatch.context() as patch:
        patch.setattr("decisionloop.registry.Registry.set_alias", _interrupted_at_the_second(Registry.set_alias))
        with pytest.raises(KeyboardInterrupt):
            follow(shadowed.workspace)
    assert follow(shadowed.workspace) == ()  # nobody moved anything by hand
    version = log_rules(shadowed.workspace)
    aliases = shadowed.workspace.registry.aliases("small")
    assert (aliases["baseline"], aliases["champion"]) == (version, version)


def _change_rules(installation):
    rules = installation.written.folder / "rules.py"
    rules.write_text(rules.read_text().replace("> 80", "> 90"))
    installation.contract()  # a process started from now on reads it


def _interrupted_at_the_second(call):
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return call(*arguments)

    return interrupted


@pytest.mark.parametrize(("moment", "is_champion"), [("shadowed", True), ("modelled", False)])
def test_changed_rules_become_the_baseline_and_champion_only_where_rules_decide(
    restored, versions, moment, is_champion
):
    with restored(moment) as installation:
        before = installation.workspace.registry.aliases("small")
        _change_rules(installation)
        changed = ensure_rules(installation.workspace, as_of(3))
        follow(installation.workspace)
        version = log_rules(installation.workspace)
        after = installation.workspace.registry.aliases("small")
        assert after["baseline"] == version != before["baseline"]
        assert versions(installation, "baseline").tags["release_id"] == changed
        assert after["champion"] == (version if is_champion else before["champion"])
        assert find_stage(installation.ledger, changed).stage == ("champion" if is_champion else "baseline")


def test_a_version_is_named_as_the_story_names_it_and_says_where_it_stands_and_why(restored, versions):
    with restored("shadowed") as installation:
        follow(installation.workspace)
        shadow = versions(installation, "challenger")
        assert shadow.tags["name"].startswith("scorecard of 8 January")
        assert shadow.tags["stage"] == "shadow"
        told = verdicts(installation.ledger, "small", shadow.tags["release_id"])
        assert shadow.tags["verdict"] in {one.decision for one in told}
        assert shadow.tags["training_set"] in shadow.description
        assert shadow.tags["money"] in shadow.description
        assert "It is shadow since 2024-01-08, by gate" in shadow.description
        assert "not a switch" in shadow.description
        assert versions(installation, "baseline").tags["stage"] == "champion"  # the rules are both
    with restored("modelled") as installation:
        follow(installation.workspace)
        decides = versions(installation, "champion")
        assert (decides.tags["stage"], decides.tags["name"]) == ("champion", shadow.tags["name"])
