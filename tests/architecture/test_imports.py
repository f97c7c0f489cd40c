"""Imports point one way, the stages touch nothing, and importing does nothing."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.architecture.code import PACKAGES, ROOT, imported, modules, tree_of

STAGES = ("predict", "act", "observe", "monitor", "learn", "release")
# pathlib is none of these: a contract names folders, and naming a path is not reading it.
FILES_AND_NETWORK = {"os", "io", "shutil", "tempfile", "sqlite3", "socket", "urllib", "http", "subprocess", "open"}


def test_the_import_contracts_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout
    assert "0 broken" in told.stdout


def test_every_part_of_the_library_has_its_place_in_the_layers():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    placed = {name.strip() for layer in layers for name in layer.split("|")}
    found = {path.with_suffix("").parts[1] for path in modules("decisionloop")} - {"__init__"}
    assert {f"decisionloop.{name}" for name in found} == {name for name in placed if "." in name}
    assert set(PACKAGES) - {"decisionloop"} == {name for name in placed if "." not in name}


def test_a_stage_touches_neither_files_nor_the_network():
    trees = {path: tree_of(path) for path in modules("decisionloop") if path.parts[1] in STAGES}
    assert len(trees) > len(STAGES)
    touching = {path: names for path, tree in trees.items() if (names := _touching(tree))}
    assert touching == {}


def _touching(tree: ast.Module) -> set[str]:
    """What a module imports or names by which it would read or write files, or ask the network."""
    by_name = {"open", "read_text", "write_text", "read_bytes", "write_bytes", "read_csv", "read_parquet"}
    named = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(tree)}
    return by_name & named | FILES_AND_NETWORK & {name.partition(".")[0] for name in imported(tree)}


# Told by the process that imports: what our own lines did while their module was loaded. A line that only imports
# leaves the blame to the module that it imports.
WATCHED_IMPORT = """
import importlib, json, os, sys, threading

root, packages, names = json.loads(sys.argv[1])
folders = tuple(os.path.join(root, package) + os.sep for package in packages)
DEEDS = {"open", "os.mkdir", "os.remove", "os.rename", "os.putenv", "os.unsetenv", "os.system", "shutil.rmtree",
         "socket.connect", "socket.bind", "sqlite3.connect", "subprocess.Popen", "signal.signal"}
done = []

def watch(event, arguments):
    if event not in DEEDS:
        return
    if event == "open" and not set(str(arguments[1] or "")) & set("wax+"):
        return
    frame = sys._getframe(1)
    while frame is not None and "importlib._bootstrap" not in frame.f_code.co_filename:
        if frame.f_code.co_filename.startswith(folders):
            done.append(f"{frame.f_code.co_filename}:{frame.f_lineno}: {event} {arguments[:1]!r}")
            return
        frame = frame.f_back

sys.addaudithook(watch)
for name in names:
    importlib.import_module(name)
threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
print(json.dumps({"done": done, "threads": threads, "files": os.listdir()}))
"""


def _watch_import(root, packages, names, folder):
    order = json.dumps([str(root), packages, names])
    told = subprocess.run(
        [sys.executable, "-c", WATCHED_IMPORT, order],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": "", "HOME": str(folder), "PREFECT_HOME": str(folder.parent), "PYTHONPATH": str(root)},
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_nothing_happens_at_import(tmp_path):
    # alembic runs env.py, it is never imported.
    paths = [path.with_suffix("") for path in modules(*PACKAGES) if path.name not in {"env.py", "__main__.py"}]
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    folder = tmp_path / "empty"
    folder.mkdir()
    assert _watch_import(ROOT, PACKAGES, names, folder) == {"done": [], "threads": [], "files": []}


def test_what_happens_at_import_would_be_seen(tmp_path):
    package, folder = tmp_path / "ours", tmp_path / "empty"
    package.mkdir()
    folder.mkdir()
    (package / "__init__.py").write_text("import ours.writing\n")
    (package / "writing.py").write_text(
        "import pathlib, os\npathlib.Path('here.txt').write_text('x')\nos.environ['A'] = 'b'\n"
    )
    told = _watch_import(tmp_path, ["ours"], ["ours"], folder)
    assert [line.rpartition("/")[2].split(" ")[:2] for line in told["done"]] == [
        ["writing.py:2:", "open"],
        ["writing.py:3:", "os.putenv"],
    ]
    assert told["files"] == ["here.txt"]


def test_there_is_one_sequence_of_watching():
    """What the loop does and what the simulated years are watched by is the same code: neither judges by itself."""
    judges = {"judge_inputs", "judge_outputs", "judge_impact", "judge_performance", "judge_feedback", "judge_value"}
    judges |= {"judge_outcome_shift", "judge_labels", "pull_plug", "lift_sequence", "entity_lift", "natural_variation"}
    callers = {path: _names(tree_of(path)) for path in modules("tasks") + modules("benchmarks")}
    years = {path: names for path, names in callers.items() if path.parts[:2] in {("benchmarks", "monitor_years")}}
    loop = {path: names for path, names in callers.items() if path.parts[0] == "tasks"}
    # The coverage of a confidence sequence is measured by itself.
    years = {path: names for path, names in years.items() if path.name != "peeking.py"}
    assert {str(path): names & judges for path, names in (loop | years).items() if names & judges} == {}
    shared = {"watch_features", "watch_outputs", "watch_impact", "watch_cohort", "LateArrivals"}
    for side in (loop, years):
        assert shared <= set().union(*side.values())


def _names(tree: ast.Module) -> frozenset[str]:
    """What a module imports from others, by its own name."""
    return frozenset(alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names)
