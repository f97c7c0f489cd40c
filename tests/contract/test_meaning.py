"""A contract means what decides something; words, people and layout may change without a new version."""

from __future__ import annotations

import pytest
import yaml

from decisionloop.contract.meaning import changes_of_meaning

SAME = [
    ("title: Offer insurance", "title: Another title"),
    ("wording: money spent", "wording: what was spent"),
    ("purpose: worth", "purpose: another reason"),
    ("noun: client", "noun: customer"),
    ("explanation: A fifth of it.", "explanation: Twenty per cent."),
    ("approvers: [b@example.com]", "approvers: [c@example.com, b@example.com]"),
    ("owner: a@example.com", "owner: z@example.com"),
    ("version: 1", "version: 2"),
    ("margin: 0.2", "margin: 0.20"),
    ("actuator: {kind: file}", "actuator: {kind: file, folder: outbox}"),  # its default
    ("maturity_days: 14", "maturity_days: 14\n  absent_means: unknown"),  # its default
    ("policy:\n", "monitors: {notifications: [{block: slack-webhook/risk}]}\npolicy:\n"),
]
OTHER = [
    ("margin: 0.2", "margin: 0.3", {"economics.constants.margin"}),
    ("range: [0, 50]", "range: [0, 60]", {"features.orders.range"}),
    ("categories: [web, shop]", "categories: [shop, web]", {"features.channel.categories"}),
    ("is_favourable: true, ", "is_favourable: true, is_sent: false, ", {"actions.offer.is_sent"}),
    ("maximum_cost: 120", "maximum_cost: 120, when_halted: hold", {"guardrails.when_halted"}),
    ("cron: 0 6 * * 1", "cron: 0 7 * * 1", {"schedule.cron"}),
    ("maturity_days: 14", "maturity_days: 14\n  absent_means: 0", {"outcome.absent_means"}),
    ("maturity_days: 14", "maturity_days: 14\n  due: orders", {"outcome.due"}),
    ("policy:\n", "monitors: {minimum_shift: 0.2}\npolicy:\n", {"monitors.minimum_shift"}),
]


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(("old", "new"), SAME)
def test_what_is_said_to_people_is_no_meaning(contract_text, old, new):
    assert changes_of_meaning(contract_text, replaced(contract_text, old, new)) == ()


@pytest.mark.parametrize(("old", "new", "paths"), OTHER)
def test_everything_else_is(contract_text, old, new, paths):
    changes = changes_of_meaning(contract_text, replaced(contract_text, old, new))
    assert set(changes) == paths


def test_the_order_of_actions_and_features_is_meaning(contract_text):
    content = yaml.safe_load(contract_text)
    for section in ("features", "actions"):
        swapped = yaml.safe_dump({**content, section: content[section][::-1]})
        assert changes_of_meaning(contract_text, swapped) == (f"{section}.(order)",)


def test_layout_is_none(contract_text):
    assert changes_of_meaning(contract_text, yaml.safe_dump(yaml.safe_load(contract_text), indent=7)) == ()


def test_a_text_of_an_older_form_is_compared_as_it_is_written(contract_text):
    old = contract_text + "forgotten: 1\n"
    assert changes_of_meaning(old, old.replace("margin: 0.2", "margin: 0.3")) == ("economics.constants.margin",)
    assert changes_of_meaning(old, contract_text) == ("(names)", "forgotten")
    assert changes_of_meaning("", contract_text) == ()
