"""Loading large libraries: without collections in between, and without the modules that nobody asks anything of."""

from __future__ import annotations

import gc
import importlib
import sys
from pathlib import Path

import pytest

from decisionloop.imports import deferred, uncollected

NAMES = ("drawing", "drawing.charts", "user")


@pytest.fixture(autouse=True)
def _library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A library `user` that imports a package and a module of it at its top, and uses the module in one function."""
    (tmp_path / "drawing").mkdir()
    (tmp_path / "drawing" / "__init__.py").write_text("COLOUR = 'red'\n")
    (tmp_path / "drawing" / "charts.py").write_text("COUNT = 3\n")
    (tmp_path / "user.py").write_text(
        "import drawing\nfrom drawing import charts\n\ndef count():\n    return charts.COUNT, drawing.COLOUR\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in NAMES:
        sys.modules.pop(name, None)


def test_a_deferred_module_is_loaded_when_it_is_used_and_only_then():
    importlib.import_module("drawing")
    with deferred("drawing.charts"):
        user = importlib.import_module("user")
    assert "drawing.charts" not in sys.modules
    assert user.count() == (3, "red")
    assert sys.modules["drawing.charts"].COUNT == 3


def test_a_deferred_package_is_loaded_when_a_module_of_it_is_imported():
    with deferred("drawing"):
        user = importlib.import_module("user")
        assert "drawing.charts" in sys.modules  # `from drawing import charts` asked something of the package
    assert user.count() == (3, "red")


def test_an_import_after_the_deferral_has_the_module_itself():
    with deferred("drawing"):
        stand_in = importlib.import_module("drawing")
    drawing = importlib.import_module("drawing")
    assert Path(drawing.__spec__.origin).name == "__init__.py"
    assert stand_in is not drawing
    assert stand_in.COLOUR == drawing.COLOUR == "red"


def test_a_module_that_is_loaded_is_not_deferred():
    drawing = importlib.import_module("drawing")
    with deferred("drawing"):
        assert importlib.import_module("drawing") is drawing
    assert sys.modules["drawing"] is drawing


def test_what_is_not_there_is_said_when_it_is_used():
    with deferred("drawing_of_nobody"):
        stand_in = importlib.import_module("drawing_of_nobody")
    with pytest.raises(ModuleNotFoundError, match="drawing_of_nobody"):
        stand_in.COLOUR  # noqa: B018


def test_nothing_is_deferred_after_a_failure():
    with pytest.raises(ZeroDivisionError), deferred("drawing"):
        raise ZeroDivisionError
    assert "drawing" not in sys.modules


def test_nothing_is_collected_while_a_library_loads_and_what_it_made_is_left_alone_after():
    assert gc.isenabled()
    before = gc.get_freeze_count()
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            pass
        assert not gc.isenabled()
        made = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() > before + len(made)


def test_a_failure_leaves_the_collector_at_work():
    with pytest.raises(ZeroDivisionError), uncollected():
        raise ZeroDivisionError
    assert gc.isenabled()
