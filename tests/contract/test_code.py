"""The user's files are imported privately, and whatever is wrong with them is a fault with a remedy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from decisionloop.contract import UseCase, UseCaseFolder
from decisionloop.contract.code import load_code, load_source_function
from decisionloop.errors import ContractError

FEATURES = "def features(known, as_of):\n    return known\n"
RULES = "def rules(features):\n    return features.index\n"
Write = Callable[..., UseCaseFolder]


@pytest.fixture
def write(tmp_path: Path, contract: UseCase) -> Write:
    """Write files of a use case by keyword (None: no such file); returns its folder."""

    def written(features: str | None = FEATURES, rules: str | None = RULES, **others: str) -> UseCaseFolder:
        for name, text in {"features": features, "rules": rules, **others}.items():
            if text is not None:
                (tmp_path / f"{name}.py").write_text(text)
        return UseCaseFolder(tmp_path, contract, "")

    return written


def problems(folder: UseCaseFolder) -> str:
    with pytest.raises(ContractError) as raised:
        load_code(folder)
    assert all(fault.remedy for fault in raised.value.faults)
    return str(raised.value)


def test_functions_are_found_and_reasons_are_optional(write):
    code = load_code(write())
    assert code.features(pd.DataFrame(), pd.Timestamp("2005-05-01")).empty
    assert code.reasons is None
    assert load_code(write(rules=RULES + "def reasons(features):\n    return features\n")).reasons is not None


def test_nothing_but_a_private_module_is_left_behind(write, tmp_path):
    path, modules = list(sys.path), set(sys.modules)
    load_code(write())
    assert sys.path == path
    assert all(name.startswith("_decisionloop_") for name in set(sys.modules) - modules)
    assert {file.name for file in tmp_path.iterdir()} == {"features.py", "rules.py"}


def test_two_use_cases_do_not_meet(write, tmp_path, contract):
    first = load_code(write(features="WORD = 1\ndef features(known, as_of):\n    return WORD\n"))
    other = tmp_path / "other"
    other.mkdir()
    (other / "features.py").write_text("WORD = 2\ndef features(known, as_of):\n    return WORD\n")
    (other / "rules.py").write_text(RULES)
    second = load_code(UseCaseFolder(other, contract, ""))
    assert (first.features(None, None), second.features(None, None)) == (1, 2)


def test_a_changed_file_is_read_again_at_once(write):
    before = load_code(write(features="def features(known, as_of):\n    return 1\n"))
    after = load_code(write(features="def features(known, as_of):\n    return 2\n"))
    assert (before.features(None, None), after.features(None, None)) == (1, 2)


def test_a_file_may_define_dataclasses(write):
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
    assert load_code(write(features=text + FEATURES)).features is not None


def test_the_digest_is_of_both_files(write):
    digest = load_code(write()).digest
    assert load_code(write()).digest == digest
    assert load_code(write(rules=RULES + "# stricter\n")).digest != digest
    assert load_code(write(features=FEATURES + "\n")).digest != digest


def test_every_file_with_a_fault_is_named(write):
    said = problems(write(features=None, rules="def rule(features):\n    pass\n"))
    assert "features.py: there is no such file" in said
    assert "rules.py: rules: there is no such function" in said


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("def features(known):\n    pass\n", "wrong signature"),
        ("def features(known, as_of, more):\n    pass\n", "wrong signature"),
        ("def features(known, *, as_of):\n    pass\n", "wrong signature"),
        ("features = 3\n", "not a plain function"),
        ("async def features(known, as_of):\n    pass\n", "not a plain function"),
        ("def features(known, as_of)\n    pass\n", "line 1"),
        ("import pandas\nimport no_such_package_here\n", "line 2"),
        ("x = 1\ny = x / 0\n", "ZeroDivisionError"),
    ],
)
def test_a_function_that_cannot_be_called_is_a_fault(write, features, expected):
    assert expected in problems(write(features=features))


@pytest.mark.parametrize(
    "features", ["def features(known, as_of, cap=2):\n    pass\n", "def features(*rows):\n    pass\n"]
)
def test_further_arguments_with_defaults_are_fine(write, features):
    assert load_code(write(features=features)).features is not None


def test_source_py_is_asked_for_only_by_name(write):
    folder = write()
    with pytest.raises(ContractError, match=r"source\.py: there is no such file"):
        load_source_function(folder)
    folder = write(source="def source(use_case, folder):\n    return use_case.name\n")
    assert load_source_function(folder)(folder.use_case, folder.folder) == "parcels"


PACKAGED = (
    "from .shared import WORD\nfrom .shared.more import twice\ndef features(known, as_of):\n    return twice(WORD)\n"
)


@pytest.fixture
def package(tmp_path: Path) -> Callable[[str], None]:
    """Write the package `shared`, which says a word."""

    def written(word: str) -> None:
        (tmp_path / "shared").mkdir(exist_ok=True)
        (tmp_path / "shared" / "__init__.py").write_text(f"WORD = {word!r}\n")
        (tmp_path / "shared" / "more.py").write_text("def twice(word):\n    return word + word\n")

    return written


def test_a_file_may_import_a_package_beside_it(write, package, tmp_path):
    package("a")
    path, modules = list(sys.path), set(sys.modules)
    assert load_code(write(features=PACKAGED)).features(None, None) == "aa"
    assert sys.path == path
    assert all(name.startswith("_decisionloop_") for name in set(sys.modules) - modules)
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_changed_package_is_read_again_and_is_in_the_digest(write, package):
    package("a")
    before = load_code(write(features=PACKAGED))
    package("b")
    after = load_code(write(features=PACKAGED))
    assert (before.features(None, None), after.features(None, None)) == ("aa", "bb")
    assert before.digest != after.digest


def test_a_single_file_beside_is_out_of_reach(write):
    assert "No module named" in problems(write(features="from .rules import rules\n" + FEATURES))
