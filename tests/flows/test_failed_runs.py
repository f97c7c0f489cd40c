"""A run that fails leaves an alert and tells people, even where neither contract nor code can be read."""

from __future__ import annotations

import pytest

from decisionloop import workspace
from decisionloop.errors import BatchHalted, ContractError
from decisionloop.ledger.alerts import FAILED_RUN, alerts
from decisionloop.ledger.notices import undelivered_notices
from decisionloop.ledger.storage.engine import open_ledger
from flows.learn import learn
from flows.loop import loop
from flows.notify import notify
from flows.predict import predict
from tasks.tell.channels import AppriseChannel
from tests.flows.receivers import web_service
from tests.small_use_case import Written, as_of, settings_of, write_small
from tests.tasks.installation import copy, working_in

pytestmark = pytest.mark.xdist_group("flows")


@pytest.fixture
def web():
    """A web service that people are told by."""
    with web_service() as received:
        yield received


@pytest.fixture(scope="module")
def decided_once(tmp_path_factory):
    """A use case that has decided once, and tells people over the web; there was nothing to tell."""
    folder = tmp_path_factory.mktemp("decided once") / "life"
    written = write_small(folder / "usecases", monitors={"notifications": [{"block": "apprise-channel/failed"}]})
    with working_in(folder, written) as life:
        life.turn(0)
        assert not undelivered_notices(life.ledger, "small")
    return folder


@pytest.fixture
def small(prefect, decided_once, tmp_path, web):
    """The folder of a copy of it, to go on with."""
    AppriseChannel(url=f"json://127.0.0.1:{web.port}/").save("failed", overwrite=True)
    written = copy(decided_once, tmp_path / "life")
    with settings_of(tmp_path / "life"):
        yield written.folder


def _failures(folder):
    with open_ledger(f"sqlite:///{folder.parents[1]}/home/ledger.db") as ledger:
        return [one.message for one in alerts(ledger, "small") if one.kind == FAILED_RUN]


def _break(folder, file, text):
    (folder / file).write_text(text)
    workspace._open.cache_clear()  # a process that began before would go on with what it read


@pytest.mark.parametrize(
    ("file", "text", "at"),
    [("features.py", "def features(\n", as_of(1)), ("usecase.yaml", "name: small\nversion: [\n", None)],
    ids=["code, as-of given", "contract, as-of of the schedule"],
)
def test_a_turn_that_cannot_begin_is_told_of_once(small, web, file, text, at):
    _break(small, file, text)
    for _ in range(2 if at else 1):
        with pytest.raises(ContractError):
            loop("small", at)
    (message,) = _failures(small)
    assert message.startswith("The run loop failed.")
    assert file in message
    (post,) = web.posts
    assert post["title"] == "[critical] small: failed_run"
    assert message in post["message"]
    assert notify("small").startswith("0 notices delivered, 0 failed")


def test_data_of_people_in_an_error_of_a_library_stays_out_of_the_alert(small, web, monkeypatch):
    def fails(*_: object) -> str:
        raise RuntimeError("shop-0001 has 3 dogs")

    monkeypatch.setattr("flows.learn.as_of_run", fails)
    with pytest.raises(RuntimeError):
        learn("small", as_of(1))
    assert _failures(small) == ["The run learn failed. RuntimeError: the run's log in Prefect's UI says where."]


def test_a_halted_batch_is_told_of_as_halted_alone(small, web):
    Written(small).set("turnover", float("nan"), 1)
    with pytest.raises(BatchHalted):
        predict("small", as_of(1))
    assert _failures(small) == []
    notify("small")
    titles = [post["title"] for post in web.posts]
    assert "[critical] small/2024-01-08: validation" in titles
    assert not [title for title in titles if FAILED_RUN in title]


@pytest.mark.parametrize("file", ["rules.py", "features.py"])
def test_what_code_says_of_a_person_is_in_no_alert(small, web, file):
    name = file.removesuffix(".py")
    arguments = "features" if name == "rules" else "known, as_of"
    _break(small, file, f"def {name}({arguments}):\n    raise ValueError('Anna Svensson owes 3 EUR')\n")
    with pytest.raises(ContractError, match="Anna Svensson"):
        predict("small", as_of(1))
    (told,) = _failures(small)
    assert "Svensson" not in told
    assert f"{file}, line 2" in told
    assert "ValueError" in told
