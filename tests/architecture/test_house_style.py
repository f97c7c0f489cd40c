"""What is public says what it is for, and what is long is taken apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.code import PACKAGES, ROOT, modules, tree_of

MODULE_LINES = 300
FUNCTION_LINES = 60
PARAMETERS = 6
MANY_PARAMETERS = {
    # Numba compiles what takes arrays and numbers, not objects that hold them.
    "decisionloop/predict/online/kernels.py": {"trees_margin", "trees_score", "trees_contributions"},
    "decisionloop/predict/reasons/kernel.py": {"_rank", "write_rows"},
    "decisionloop/predict/scorer/numba_kernels.py": {"_and_masks", "_sum_steps", "_add_block"},
    "decisionloop/predict/scorer/numba_tables.py": {
        "fill_masks",
        "_leaf_table",
        "_fill_block",
        "fill_blocks",
    },
    "decisionloop/predict/scorer/shapley.py": {"_fill_blocks"},  # stands in for the kernel of this name
    # The parameters of a command are its options.
    "decisionloop/cli/flag_commands.py": {"set_flag"},
    "decisionloop/cli/switch_commands.py": {"kill_switch"},
    "decisionloop/cli/usecase_commands.py": {"usecase_new"},
    # The parameters of a flow are the form that a person fills in, in Prefect's UI.
    "flows/retrain.py": {"retrain"},
}
"""What may take more than `PARAMETERS`, by file, and why."""
# Revisions are written once, and read by alembic.
CODE = tuple(path for path in modules(*PACKAGES) if "migrations" not in path.parts)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public_definitions(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """Every public function and class of a module, and every public method of such a class, with its name."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node.name, node
            for part in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(part, Definition) and not part.name.startswith("_"):
                    yield f"{node.name}.{part.name}", part


def _is_repeated(node: Definition) -> bool:
    """Whether its documentation stands elsewhere: at what it overrides or overloads, or at the protocol it is in."""
    names = {getattr(one, "id", getattr(one, "attr", "")) for one in node.decorator_list}
    is_declared_only = len(node.body) == 1 and ast.unparse(node.body[0]) == "..."
    return bool(names & {"override", "overload"}) or is_declared_only


def test_everything_public_says_what_it_is_for():
    silent = [
        f"{path}:{node.lineno} {name}"
        for path in CODE
        for name, node in public_definitions(tree_of(path))
        if not ast.get_docstring(node) and not _is_repeated(node)
    ]
    assert not silent, "no docstring: " + ", ".join(silent)
    trees = {str(path): tree_of(path) for path in CODE}
    mute = [path for path, tree in trees.items() if tree.body and not ast.get_docstring(tree)]
    assert not mute, "does not say what it is for: " + ", ".join(mute)


def test_a_silent_definition_would_be_noticed():
    tree = ast.parse("def told():\n  'So.'\ndef _own(): return 1\nclass Loud:\n  'So.'\n  def method(self): return 1\n")
    assert [name for name, node in public_definitions(tree) if not ast.get_docstring(node)] == ["Loud.method"]


def test_no_module_is_longer_than_can_be_overlooked():
    lengths = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in CODE}
    long = [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > MODULE_LINES]
    assert not long, f"more than {MODULE_LINES} lines, look for the missing concept:\n" + "\n".join(long)


def test_no_function_is_longer_than_can_be_overlooked():
    long = [f"{path}:{name}: {lines} lines" for path in CODE for name, lines in _function_lengths(path)]
    assert not long, f"more than {FUNCTION_LINES} lines, look for the missing concept:\n" + "\n".join(long)


def _function_lengths(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.name, lines


def test_no_function_takes_apart_what_is_one_object():
    many = [
        f"{path}:{name}: {count} parameters"
        for path in CODE
        for name, count in long_signatures(tree_of(path))
        if name not in MANY_PARAMETERS.get(path.as_posix(), ())
    ]
    assert not many, f"more than {PARAMETERS} parameters, pass the object that they are:\n" + "\n".join(many)


def test_what_may_take_many_parameters_still_does():
    for file, names in MANY_PARAMETERS.items():
        found = {name for name, _ in long_signatures(tree_of(Path(file)))}
        assert found == names, f"{file}: MANY_PARAMETERS names {sorted(names)}, of which {sorted(found)} need it"


def test_a_signature_that_is_too_long_would_be_noticed():
    tree = ast.parse(
        "def six(a, b, c, d, e, f): ...\n"
        "def seven(a, b, c, d, e, *, f, g): ...\n"
        "def open_ended(a, b, /, c, d, e, *f, **g): ...\n"
        "class Own:\n"
        "  def six_of_its_own(self, a, b, c, d, e, f): ...\n"
        "  async def _seven(self, a, b, c, d, e, f, g): ...\n"
        "  def made(cls, a, b, c, d, e, f):\n"
        "    def within(a, b, c, d, e, f, g, h): ...\n"
    )
    assert list(long_signatures(tree)) == [("seven", 7), ("open_ended", 7), ("_seven", 7), ("within", 8)]


def long_signatures(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every function of a module, public or not, that takes more than may be, and how many (not `self` and `cls`)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            taken = node.args
            parameters = [*taken.posonlyargs, *taken.args, *taken.kwonlyargs, taken.vararg, taken.kwarg]
            count = sum(one is not None and one.arg not in {"self", "cls"} for one in parameters)
            if count > PARAMETERS:
                yield node.name, count


def test_no_module_is_a_drawer_for_everything():
    drawers = {"utils", "util", "common", "helpers", "helper", "misc", "base_utils"}
    assert not [str(path) for path in modules(*PACKAGES, "tests", "benchmarks") if path.stem in drawers]
