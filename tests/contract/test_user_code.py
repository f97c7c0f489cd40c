"""Whatever a user's code raises is a fault with its file and line; nothing of it ends the program."""

from __future__ import annotations

import signal
from pathlib import Path

import pandas as pd
import pytest
from prefect.exceptions import TerminationSignal

from decisionloop.contract import UseCase, UseCaseFolder
from decisionloop.contract.code import load_code
from decisionloop.contract.user_code import UserCodeFailed, call
from decisionloop.errors import ContractError
from decisionloop.predict.features import build_frame
from decisionloop.predict.rules import apply_rules
from decisionloop.sources.custom import open_custom

RAISES = {
    "import sys\n{}sys.exit(0)": "SystemExit: 0",
    "import sys\n{}sys.exit('stop')": "SystemExit: stop",
    "\n{}raise SystemExit": "SystemExit: None",
    "\n{}raise GeneratorExit": "GeneratorExit",
    "class Own(BaseException): pass\n{}raise Own('mine')": "Own: mine",
    "\n{}raise RuntimeError('boom')": "RuntimeError: boom",
    "\n{}1 / 0": "ZeroDivisionError",
    "def deep(): return deep()\n{}deep()": "RecursionError",
}
EACH = pytest.mark.parametrize(("text", "expected"), RAISES.items(), ids=RAISES.values())
FEATURES = "def features(known, as_of):\n    return known\n"
RULES = "def rules(features):\n    return features.index\n"


@pytest.fixture
def write(tmp_path: Path, contract: UseCase):
    def written(**files: str) -> UseCaseFolder:
        for name, text in {"features": FEATURES, "rules": RULES, **files}.items():
            (tmp_path / f"{name}.py").write_text(text)
        return UseCaseFolder(tmp_path, contract, "")

    return written


def only_fault(error: ContractError):
    (fault,) = error.faults
    assert fault.remedy
    return fault


def test_the_end_of_a_run_that_comes_while_it_runs_is_no_fault_of_it():
    def features():
        raise TerminationSignal(signal.SIGTERM)

    with pytest.raises(TerminationSignal):
        call(features)


@EACH
@pytest.mark.parametrize("name", ["features", "rules"])
def test_at_import(write, name, text, expected):
    with pytest.raises(ContractError) as raised:
        load_code(write(**{name: text.format("")}))
    fault = only_fault(raised.value)
    assert fault.path == f"{name}.py"
    assert expected in fault.problem
    assert fault.value == f"{name}.py, line {1 if 'deep' in text else 2}"


def inside(function: str, text: str) -> str:
    head, _, raising = text.partition("{}")
    return f"{head}{function}\n    {raising}\n"


@EACH
def test_when_features_are_computed(write, contract, text, expected):
    code = load_code(write(features=inside("def features(known, as_of):", text)))
    known = pd.DataFrame({"client_id": ["1"], "at": pd.to_datetime(["2026-01-01"], utc=True)})
    with pytest.raises(ContractError) as raised:
        build_frame(contract, code.features, known, known, pd.Timestamp("2026-01-02", tz="UTC"), "at")
    assert expected in only_fault(raised.value).problem
    assert "features.py, line " in str(raised.value)


@EACH
@pytest.mark.parametrize("name", ["rules", "reasons"])
def test_when_the_rules_decide(write, contract, name, text, expected):
    text = inside(f"def {name}(features):", text)
    if name == "reasons":
        text += "import pandas as pd\ndef rules(features):\n    return pd.Series('wait', index=features.index)\n"
    frame = pd.DataFrame({"client_id": ["1"], "spend": [1.0], "orders": [1.0], "channel": ["web"], "sex": ["1"]})
    with pytest.raises(ContractError) as raised:
        apply_rules(contract, load_code(write(rules=text)), frame)
    fault = only_fault(raised.value)
    assert (fault.path, expected in fault.problem) == (name, True)
    assert "rules.py, line " in fault.value


@EACH
def test_when_a_source_is_opened(write, text, expected):
    with pytest.raises(ContractError, match=r"source\.py, line ") as raised:
        open_custom(write(source=inside("def source(use_case, folder):", text)))
    assert expected in str(raised.value)


def test_a_package_beside_is_named_too(write, tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").write_text("def word():\n    raise SystemExit(3)\n")
    with pytest.raises(ContractError) as raised:
        load_code(write(features="from .shared import word\nword()\n"))
    assert only_fault(raised.value).value == "shared/__init__.py, line 2"


def test_an_interruption_is_nobody_s_fault():
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(interrupted)
    with pytest.raises(UserCodeFailed, match="ValueError"):
        call(int, "x")
