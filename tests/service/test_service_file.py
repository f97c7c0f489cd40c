"""The service starts only where its file is whole and every secret is there; no secret is ever shown."""

from __future__ import annotations

import pytest

from decisionloop.errors import ConfigurationError, UsageError
from decisionloop.service.configuration import load_service_file
from decisionloop.service.running import open_service, run_service
from decisionloop.service.secret_values import known_senders
from tasks.predict.register_rules import prepare_to_decide
from tests.service.conftest import FILE, KEYS, SECRET, SECRETS, encoded

ONE = """
[senders.ours]
scheme = "standard"
secrets = [{ env = "OURS" }]
events = ["a"]
start = "retrain/retrain"
parameters = { use_case = "credit_line" }
"""


def senders_of(settings):
    return known_senders(load_service_file(settings.resolved_service_file()).senders)


def test_without_a_file_there_are_neither_senders_nor_keys():
    file = load_service_file(None)
    assert (dict(file.senders), dict(file.keys)) == ({}, {})


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_sender_without_a_secret_refuses_to_start_and_is_named(configure, monkeypatch, name, value):
    settings = configure(FILE)
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=rf"has no secret in the environment variable {name}\b.*Set it"):
        senders_of(settings)


def test_a_secret_can_come_from_a_file_whose_last_line_end_is_no_part_of_it(configure, tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    text = FILE.replace('{ env = "GITHUB" }', f'{{ file = "{path}" }}')
    assert senders_of(configure(text))["github"].secrets == (SECRET.encode(),)
    path.unlink()
    with pytest.raises(ConfigurationError, match="secret of sender github cannot be read"):
        senders_of(configure(text))


@pytest.mark.parametrize("value", ["whsec_no base64 at all", "plain text of some length", encoded("short")])
def test_a_secret_that_is_none_of_its_scheme_refuses_to_start_without_being_shown(configure, monkeypatch, value):
    settings = configure(ONE)
    monkeypatch.setenv("OURS", value)
    with pytest.raises(ConfigurationError, match="secret of sender ours") as caught:
        senders_of(settings)
    assert value not in str(caught.value)


def test_no_secret_is_in_what_a_sender_prints(configure):
    shown = repr(senders_of(configure(FILE)))
    assert not [value for value in (*SECRETS.values(), SECRET) if value in shown]


FAULTS = {
    "no TOML": ("[senders", "no TOML"),
    "a sender twice": (ONE + ONE, "no TOML"),
    "an unknown key": (ONE + 'colour = "red"', r"senders\.ours\.colour"),
    "an unknown scheme": (ONE.replace('"standard"', '"plain"'), r"senders\.ours\.scheme"),
    "no secrets": (ONE.replace('[{ env = "OURS" }]', "[]"), r"senders\.ours\.secrets"),
    "three secrets": (ONE.replace('[{ env = "OURS" }]', '[{env = "A"}, {env = "B"}, {env = "C"}]'), "secrets"),
    "a secret in the file": (ONE.replace('[{ env = "OURS" }]', '["whsec_c2VjcmV0"]'), r"secrets\.0"),
    "a secret in two places": (ONE.replace('{ env = "OURS" }', '{ env = "A", file = "b" }'), "either env or file"),
    "no use case": (ONE.replace('use_case = "credit_line"', 'reason = "a"'), "parameters lack use_case"),
    "about nothing there": (ONE + 'about = ["alias"]', "parameters lack alias"),
    "no deployment": (ONE.replace("retrain/retrain", "retrain"), r"senders\.ours\.start"),
    "GitHub without a time": (ONE.replace('"standard"', '"github"'), "GitHub signs no time"),
    "a key that is no digest": ('[keys.a]\nsha256 = "in the clear"\nscopes = ["read"]', r"keys\.a\.sha256"),
    "an unknown scope": (KEYS.replace('"read"', '"write"'), r"keys\.dashboard\.scopes"),
}


@pytest.mark.parametrize(("text", "named"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_file_refuses_to_start_and_names_the_fault_and_its_place(configure, text, named):
    with pytest.raises(ConfigurationError, match=named) as caught:
        load_service_file(configure(text).resolved_service_file())
    assert "c2VjcmV0" not in str(caught.value)
    assert "in the clear" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(configure, tmp_path):
    settings = configure("")
    (tmp_path / "service.toml").unlink()
    with pytest.raises(ConfigurationError, match=r"service\.toml.*DECISIONLOOP_SERVICE_FILE"):
        load_service_file(settings.resolved_service_file())


def test_the_doctor_says_who_may_send_and_names_a_missing_secret(configure, monkeypatch):
    from decisionloop.cli.doctor import CHECKS, _guarded

    (check,) = [one for one in CHECKS if one.__name__ == "_service"]
    settings = configure(FILE + KEYS)
    (found,) = _guarded(check, settings)
    assert (found.level, found.seen) == (
        "ok",
        "webhooks may be sent by ours, github, registry; API keys have dashboard, pipeline",
    )
    monkeypatch.delenv("GITHUB")
    (found,) = _guarded(check, settings)
    assert found.level == "fault"
    assert "sender github has no secret" in found.seen


def test_senders_without_a_prefect_server_refuse_to_start(configure):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        with pytest.raises(ConfigurationError, match="PREFECT_API_URL"):
            open_service(configure(FILE), prepare_to_decide)
        assert open_service(configure(KEYS), prepare_to_decide).starter is None  # there is nothing to start


def test_without_keys_it_listens_on_this_machine_alone(configure):
    with pytest.raises(UsageError, match=r"this machine only, not on 0\.0\.0\.0"):
        run_service(configure(""), "0.0.0.0", 0, prepare_to_decide)


def test_a_port_that_is_taken_is_named(configure):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            run_service(configure(""), "127.0.0.1", port, prepare_to_decide)
