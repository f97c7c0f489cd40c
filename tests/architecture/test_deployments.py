"""prefect.yaml says what Prefect understands: Prefect ignores a key that it does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from tests.architecture.code import ROOT

FILE = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS = FILE["deployments"]
SCHEDULED = [(one, schedule) for one in DEPLOYMENTS for schedule in one.get("schedules", [])]
TRIGGERED = [(one, trigger) for one in DEPLOYMENTS for trigger in one.get("triggers", [])]
EACH = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["name"])
EACH_SCHEDULE = pytest.mark.parametrize(
    ("deployment", "schedule"), SCHEDULED, ids=[f"{one['name']}-{schedule.get('slug')}" for one, schedule in SCHEDULED]
)
EACH_TRIGGER = pytest.mark.parametrize(
    ("deployment", "trigger"), TRIGGERED, ids=[f"{one['name']}-{trigger.get('name')}" for one, trigger in TRIGGERED]
)


@pytest.fixture(scope="module", autouse=True)
def _prefect_of_this_test(tmp_path_factory) -> Iterator[None]:
    """Prefect writes nothing into the home of whoever runs this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        patch.chdir(ROOT)
        yield


def unknown_keys(file: Mapping[str, object]) -> list[str]:
    """Where the file says something that `prefect deploy` would silently leave out."""
    # Prefect keeps this model to itself, and has no public one of the file; the lock pins its version.
    from prefect.cli.deploy._models import ConcurrencyLimitSpec, DeploymentConfig, PrefectYamlModel, WorkPoolConfig
    from prefect.events import DeploymentEventTrigger

    def names(model: type[BaseModel]) -> set[str]:
        return {field.alias or name for name, field in model.model_fields.items()}

    found = [key for key in file if key not in names(PrefectYamlModel) | {"definitions"}]  # a shelf for anchors
    for deployment in file["deployments"]:
        where = deployment.get("name")
        found += [f"{where}.{key}" for key in deployment if key not in names(DeploymentConfig)]
        pool = deployment.get("work_pool", {})
        found += [f"{where}.work_pool.{key}" for key in pool if key not in names(WorkPoolConfig)]
        limit = deployment.get("concurrency_limit")
        if isinstance(limit, dict):
            found += [f"{where}.concurrency_limit.{key}" for key in limit if key not in names(ConcurrencyLimitSpec)]
        for trigger in deployment.get("triggers", []):
            found += [f"{where}.triggers.{key}" for key in trigger if key not in names(DeploymentEventTrigger)]
    return found


def flow_of(deployment: Mapping[str, str]):
    """The flow of an entrypoint; no placeholder where it cannot be loaded."""
    from prefect.flows import load_flow_from_entrypoint

    return load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)


def test_prefect_knows_every_key():
    assert unknown_keys(FILE) == []


def test_an_unknown_key_would_be_noticed():
    one = {
        "name": "a",
        "cron": "",
        "work_pool": {"nmae": "b"},
        "concurrency_limit": {"max": 1},
        "triggers": [{"type": "event", "expects": ["b"], "cooldown": 60}],
    }
    assert unknown_keys({"deployment": [], "deployments": [one]}) == [
        "deployment",
        "a.cron",
        "a.work_pool.nmae",
        "a.concurrency_limit.max",
        "a.triggers.expects",
        "a.triggers.cooldown",
    ]


def test_names_are_unique():
    counted = Counter((one["entrypoint"].rpartition(":")[2], one["name"]) for one in DEPLOYMENTS)
    assert {name for name, times in counted.items() if times > 1} == set()
    slugs = Counter((one["name"], schedule["slug"]) for one, schedule in SCHEDULED)
    assert {name for name, times in slugs.items() if times > 1} == set()
    automations = Counter(trigger["name"] for _, trigger in TRIGGERED)
    assert {name for name, times in automations.items() if times > 1} == set()


def test_every_flow_is_deployed():
    from prefect import Flow

    deployed = {one["entrypoint"] for one in DEPLOYMENTS}
    files = [path for path in (ROOT / "flows").glob("*.py") if path.name != "__init__.py"]
    for path in files:
        module = __import__(f"flows.{path.stem}", fromlist=["*"])
        for name, found in vars(module).items():
            if isinstance(found, Flow) and found.fn.__module__ == module.__name__:
                assert f"flows/{path.name}:{name}" in deployed


def test_the_file_is_of_the_prefect_that_is_locked():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = next(line.partition("==")[2].split()[0] for line in lines if line.startswith("prefect=="))
    assert FILE["prefect-version"] == locked


@EACH
def test_an_entrypoint_loads(deployment):
    flow = flow_of(deployment)
    assert flow.name == deployment["entrypoint"].rpartition(":")[2]
    assert flow.description, "the Prefect UI shows the docstring of the flow"
    assert deployment["description"]
    undescribed = [name for name, one in flow.parameters.properties.items() if not one.get("description")]
    assert not undescribed, "the form of a run says what each parameter means: give it in the docstring's Args"


@EACH
def test_its_parameters_are_the_flow_s(deployment):
    given = deployment.get("parameters", {})
    assert set(given) <= set(flow_of(deployment).parameters.properties)
    if "use_case" in given:
        assert (ROOT / "usecases" / given["use_case"] / "usecase.yaml").is_file()


@EACH_SCHEDULE
def test_a_scheduled_run_has_every_parameter_that_the_flow_requires(deployment, schedule):
    # Prefect deploys it all the same; every scheduled run of it fails.
    given = {**deployment.get("parameters", {}), **schedule.get("parameters", {})}
    missing = set(flow_of(deployment).parameters.required) - set(given)
    assert not missing, f"nobody is there to give {missing}: give it in prefect.yaml, or a default in the flow"


def misfits(deployment: Mapping[str, Any], trigger: Mapping[str, Any]) -> list[str]:
    """What the flow would not take from the trigger; Prefect then starts nothing, and only an event says so."""
    schema, given = flow_of(deployment).parameters, trigger.get("parameters", {})
    missing = set(schema.required) - set(deployment.get("parameters", {})) - set(given)
    found = [f"{name} is missing" for name in sorted(missing)]
    for name, value in given.items():
        if name not in schema.properties:
            found.append(f"{name} is unknown")
        elif isinstance(value, str) != (schema.properties[name].get("type") == "string"):
            found.append(f"{name} is of another type")  # plain jinja gives text, and only text
        elif not isinstance(value, str) and value.get("__prefect_kind") != "json":
            found.append(f"{name} is a constant")
    return found


@EACH_TRIGGER
def test_a_trigger_is_one_that_prefect_can_follow(deployment, trigger):
    from prefect.events import DeploymentTriggerTypes, Posture
    from prefect.server.utilities.user_templates import validate_user_template
    from pydantic import TypeAdapter

    read = TypeAdapter(DeploymentTriggerTypes).validate_python(trigger)
    assert read.name
    assert read.posture == Posture.Reactive
    assert read.threshold == 1
    assert read.within.total_seconds() >= 3600, "without a cooldown every alarm of a batch would start a run"
    assert read.for_each, "without it one use case (or automation) would use up the cooldown of all"
    for value in trigger["parameters"].values():
        validate_user_template(value if isinstance(value, str) else value["value"]["template"])


@EACH_TRIGGER
def test_a_trigger_waits_for_events_that_there_are(deployment, trigger):
    from tasks.watch.alarms import EVENTS

    ours = {f"decisionloop.{name}" for name in EVENTS.values()}
    assert set(trigger["expect"]) <= ours | {"prefect.automation.action.failed"}


@EACH_TRIGGER
def test_the_flow_takes_what_a_trigger_gives(deployment, trigger):
    assert misfits(deployment, trigger) == []


def test_a_misfit_would_be_noticed():
    deployment = next(one for one in DEPLOYMENTS if one["name"] == "retrain")
    given = {"reason": "{{ event.payload.reason }}", "is_forced": "{{ 1 }}", "event": {"a": 1}, "why": "so"}
    assert misfits(deployment, {"parameters": given}) == [
        "use_case is missing",
        "is_forced is of another type",
        "event is a constant",
        "why is unknown",
    ]


def test_what_an_alarm_means_for_training_starts_a_retraining():
    from decisionloop.learn.triggers import CALLS_FOR_TRAINING
    from tasks.watch.alarms import EVENTS

    started = {name for one, trigger in TRIGGERED for name in trigger["expect"] if one["name"] == "retrain"}
    assert started == {f"decisionloop.{EVENTS[family]}" for family in CALLS_FOR_TRAINING}


def test_whoever_starts_a_retraining_by_hand_is_told_what_to_give():
    deployment = next(one for one in DEPLOYMENTS if one["name"] == "retrain")
    properties = flow_of(deployment).parameters.properties
    assert all(parameter["description"] for parameter in properties.values())
    choice = next(kind for kind in properties["candidates"]["anyOf"] if kind["type"] == "array")
    from decisionloop.learn.candidates import Kind

    assert choice["items"]["enum"] == list(get_args(Kind))


@EACH_SCHEDULE
def test_a_schedule_is_one_that_prefect_can_follow(deployment, schedule):
    from prefect.cli.deploy._models import RawScheduleConfig
    from prefect.client.schemas.schedules import CronSchedule

    RawScheduleConfig.model_validate(schedule)
    CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
    assert schedule["slug"], "without a slug a changed schedule is a second one"


@pytest.mark.parametrize("cron", ["0 6 * *", "61 6 * * *", "weekly please"])
def test_a_wrong_cron_would_be_noticed(cron):
    from prefect.client.schemas.schedules import CronSchedule

    with pytest.raises(ValidationError):
        CronSchedule(cron=cron, timezone="UTC")


def test_the_loop_runs_when_its_contract_says():
    for deployment, schedule in SCHEDULED:
        if deployment["entrypoint"] != "flows/loop.py:loop":
            continue
        name = deployment["parameters"]["use_case"]
        contract = yaml.safe_load((ROOT / "usecases" / name / "usecase.yaml").read_text(encoding="utf-8"))["schedule"]
        assert (schedule["cron"], schedule["timezone"]) == (contract["cron"], contract.get("timezone", "UTC"))


@EACH
def test_every_deployment_goes_to_the_pool_that_serve_makes(deployment):
    from decisionloop.cli.serve import POOL

    assert deployment["work_pool"]["name"] == POOL
    assert Path(deployment["entrypoint"].partition(":")[0]).parts[0] == "flows"
