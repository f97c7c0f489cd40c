"""No contract says what nobody reads: every key decides or tells something somewhere in the code."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from decisionloop.contract.documentation import sections

ROOT = Path(__file__).parents[2]
ROOMS = ("decisionloop", "tasks", "flows", "expectations")
WITHIN_THE_CONTRACT = {
    "Feature.is_model_input": "UseCase.model_inputs",
    "Online.period_hours": "Online.period",
}
"""Keys that only the contract itself reads, and where; the code asks for what it makes of them."""
BY_GETATTR = {
    f"DataQuality.{check}"
    for check in (
        "schema_",
        "vanished_categories",
        "row_count",
        "constant_columns",
        "legacy_actions",
    )
}
"""Severities that `Check.severity_in` of expectations/checks.py reads by the name in its ``quality``."""


@cache
def trees(*rooms: str) -> tuple[ast.AST, ...]:
    """The code of some rooms, without that of the contract unless it is asked for."""
    files = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    is_asked = "decisionloop/contract" in rooms
    return tuple(ast.parse(path.read_text()) for path in files if is_asked or path.parent.name != "contract")


def read_in(*rooms: str) -> set[str]:
    """Every attribute that the code of some rooms reads."""
    nodes = [node for tree in trees(*rooms) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {node.attr for node in nodes if isinstance(node.ctx, ast.Load)}


def test_every_key_of_a_contract_is_read_outside_of_it():
    read = read_in(*ROOMS)
    unread = {
        f"{section.__name__}.{name}" for section in sections() for name in section.model_fields if name not in read
    }
    assert unread == {*WITHIN_THE_CONTRACT, *BY_GETATTR}, "read it, or retire it (contract/retired.py)"


def test_keys_that_are_read_otherwise_are_read_there():
    within = read_in("decisionloop/contract")
    assert {key.partition(".")[2] for key in WITHIN_THE_CONTRACT} <= within
    outside = read_in(*ROOMS)
    assert {"model_inputs", "budget"} <= outside
    named = [node for tree in trees("expectations") for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    asked = {node.value.value for node in named if node.arg == "quality" and isinstance(node.value, ast.Constant)}
    assert {key.partition(".")[2] for key in BY_GETATTR} <= asked
