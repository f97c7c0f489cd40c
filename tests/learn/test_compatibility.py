"""A release decides only under a contract in which what it learnt from means what it meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from decisionloop.learn.compatibility import compatibility
from tests.contract.conftest import CONTRACT

READS = ("spend", "channel")


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    """The contract, with one thing changed."""
    content = yaml.safe_load(CONTRACT)
    change(content)
    return yaml.safe_dump(content, sort_keys=False)


def put(*path: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    """Sets one value of a contract."""

    def change(content: Any) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = value

    return change


NEW_FEATURE = {"name": "visits", "type": "integer", "wording": "visits", "range": [0, 9], "purpose": "worth"}
RETRAIN = {
    "a feature has other categories": (
        put("features", 2, "categories", value=["web", "app"]),
        "features.channel.categ",
    ),
    "the outcome is another one": (put("outcome", "class", "column", value="paid"), "outcome.class.column"),
    "the outcome is seen for longer": (put("outcome", "window_days", value=14), "outcome.window_days"),
    "an action reveals an outcome": (
        lambda c: (put("actions", 0, "reveals_outcome", value=True)(c), put("model", "action_as", value="input")(c)),
        "actions.wait.reveals_outcome",
    ),
    "the entity is another one": (put("entity", "key", value="household"), "entity.key"),
}
GOES_ON = {
    "nothing has changed": (lambda c: None, ()),
    "a feature that it does not read is gone": (lambda c: c["features"].pop(1), ()),
    "there is a new feature": (lambda c: c["features"].append(NEW_FEATURE), ("does not read visits",)),
    "the money is another one": (put("economics", "constants", "margin", value=0.3), ("economics.constants.margin",)),
    "a range is wider": (put("features", 0, "range", value=[0, 5000]), ()),
    "outcomes are complete later": (put("outcome", "maturity_days", value=90), ()),
    "people may say what they did": (put("outcome", "executed", value={"action": "done"}), ()),
    "words have changed": (put("features", 0, "wording", value="what was spent"), ()),
}


@pytest.mark.parametrize(("change", "words"), RETRAIN.values(), ids=RETRAIN)
def test_what_it_learnt_from_means_something_else(change, words):
    told = compatibility(CONTRACT, changed(change), READS)
    assert any(words in one for one in told.retrain), told


@pytest.mark.parametrize(("change", "notes"), GOES_ON.values(), ids=GOES_ON)
def test_what_it_learnt_from_means_the_same(change, notes):
    told = compatibility(CONTRACT, changed(change), READS)
    assert told.retrain == ()
    assert len(told.notes) == len(notes)
    assert all(words in one for words, one in zip(notes, told.notes, strict=True))


def test_a_feature_that_it_reads_is_gone():
    told = compatibility(CONTRACT, changed(lambda c: c["features"].pop(1)), ("spend", "orders"))
    assert told.retrain == ("it reads orders, which the contract does not name any more",)


def test_an_action_has_another_name():
    told = compatibility(CONTRACT, CONTRACT.replace("offer", "mail"), READS)
    assert "it knows the actions wait, offer, not wait, mail" in told.retrain
