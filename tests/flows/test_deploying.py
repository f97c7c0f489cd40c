"""`stop`, `approve` and `deploy_release` through real Prefect, as a person starts them."""

from __future__ import annotations

import pytest

from decisionloop.errors import UsageError
from decisionloop.ledger.releases import champion
from flows.approve import approve
from flows.deploy_release import deploy_release
from flows.stop import stop
from tests.small_use_case import settings_of

pytestmark = pytest.mark.xdist_group("flows")

FORMS = {
    deploy_release: (["use_case", "release"], {"by", "reason", "is_dry_run"}),
    approve: (["use_case"], {"release", "answer", "by", "note", "code"}),
    stop: (["use_case", "release", "reason", "by"], set()),
}


@pytest.mark.parametrize("flow", FORMS, ids=lambda flow: flow.name)
def test_the_form_in_prefect_explains_every_parameter(flow):
    required, others = FORMS[flow]
    described = {name: one.get("description", "") for name, one in flow.parameters.properties.items()}
    assert set(described) == {*required, *others}
    assert all(described.values())
    assert flow.parameters.required == required
    if flow is approve:
        assert flow.parameters.properties["answer"]["enum"] == ["ask me", "approve", "reject"]


def test_who_decides_is_checked_and_stays(life):
    model = champion(life.ledger, "small").release_id
    with settings_of(life.folder):
        assert deploy_release("small", model) == f"{model} decides already. Nothing was changed."


@pytest.mark.parametrize(
    ("flow", "more"),
    [(deploy_release, ()), (approve, ("approve", "anna")), (stop, ("complaints", "anna"))],
    ids=lambda one: getattr(one, "name", ""),
)
def test_a_wrong_choice_fails_the_run_and_changes_nothing(life, flow, more):
    before = champion(life.ledger, "small")
    with settings_of(life.folder), pytest.raises(UsageError, match="small/scorecard/none"):
        flow("small", "small/scorecard/none", *more)
    assert champion(life.ledger, "small") == before
