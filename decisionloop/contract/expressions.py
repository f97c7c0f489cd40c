"""The small language in which a contract says what is earned or lost.

Arithmetic, comparisons, ``where(condition, a, b)``, ``minimum``, ``maximum``, ``abs``, ``log1p`` and ``exp`` over
named columns and constants; evaluated in float64 on numpy arrays. Nothing else can be called or reached. Text can be
compared with text by ``==`` and ``!=`` and chosen by ``where``; it is no number.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from decisionloop.errors import ContractError, Fault

Values = Mapping[str, "np.ndarray | float"]

FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "where": np.where,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "abs": np.abs,
    "log1p": np.log1p,
    "exp": np.exp,
}
_OPERATORS: dict[type[ast.AST], Callable[..., np.ndarray]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.USub: np.negative,
    ast.UAdd: np.positive,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.BitAnd: np.logical_and,
    ast.BitOr: np.logical_or,
    ast.Invert: np.logical_not,
}
_EQUALITY = (ast.Eq, ast.NotEq)
_DEEPEST, _LONGEST = 100, 4_000
_GRAMMAR = "Use numbers, 'text', names, + - * / **, comparisons, & | ~ and " + ", ".join(f"{f}()" for f in FUNCTIONS)


@dataclass(frozen=True)
class Expression:
    """A parsed expression. ``names`` are the columns and constants that it reads."""

    text: str

    @cached_property
    def tree(self) -> ast.expr:
        """The checked syntax tree. Raises ValueError for anything outside the language."""
        if len(self.text) > _LONGEST:
            raise ValueError(f"is longer than {_LONGEST} characters. Say it more simply")
        try:
            tree = ast.parse(self.text.strip(), mode="eval").body
            _check(tree)
        except SyntaxError as error:
            raise ValueError(f"cannot be read at column {error.offset}: {error.msg}. {_GRAMMAR}") from error
        except (RecursionError, MemoryError) as error:
            raise ValueError("is nested too deeply. Say it more simply") from error
        return tree

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of columns and constants that the expression reads."""
        called = {id(node.func) for node in ast.walk(self.tree) if isinstance(node, ast.Call)}
        return frozenset(
            node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name) and id(node) not in called
        )

    def require_number(self, texts: Collection[str]) -> None:
        """Raise ValueError unless it is a number wherever it is evaluated; ``texts`` are the names that hold text."""
        if _kind(self.tree, texts) == "text":
            raise ValueError("is text, not a number")

    def evaluate(self, values: Values, rows: int) -> np.ndarray:
        """Evaluate over columns of length ``rows``; returns float64 of shape (rows,).

        Where a value is missing, or the result is none (0 / 0), that row is NaN or infinite and the caller's to judge.
        Raises ContractError, which names the expression, where the columns are not of the types that it needs.
        """
        try:
            with np.errstate(all="ignore"):
                result = _number(_evaluate(self.tree, values))
            return np.array(np.broadcast_to(result, (rows,)))
        except (TypeError, ValueError, OverflowError) as error:
            problem = f"cannot be evaluated: {error}"
            remedy = "Compare text with text by == or !=, and calculate with numbers only."
            raise ContractError("an expression of the contract", [Fault(self.text, "-", problem, remedy)]) from error

    def holds(self, values: Values, rows: int) -> np.ndarray:
        """Where the expression is true, bool (rows,); what cannot be told is not."""
        result = self.evaluate(values, rows)
        return (result != 0) & ~np.isnan(result)

    def is_affine_in(self, name: str) -> bool:
        """True when the expression is a + b * name with a and b free of ``name`` (its mean needs only E[name])."""
        return _degree(self.tree, name) <= 1


def _check(node: ast.AST, depth: int = 0) -> None:
    """Refuse every construct that the language does not have."""
    if depth > _DEEPEST:
        raise RecursionError
    match node:
        case ast.Constant(value=bool()) | ast.Name() | ast.Constant(value=str()):
            return
        case ast.Constant(value=int() | float() as number):
            if not _is_finite(number):
                raise ValueError("holds a number too large to calculate with")
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            for side in (left, right):
                _check(side, depth + 1)
        case ast.UnaryOp(operator, operand) if type(operator) in _OPERATORS:
            _check(operand, depth + 1)
        case ast.Compare(left, [operator], [right]) if type(operator) in _OPERATORS:
            for side in (left, right):
                _check(side, depth + 1)
        case ast.Call(ast.Name(id=name), arguments, []) if name in FUNCTIONS:
            wanted = {"where": 3, "minimum": 2, "maximum": 2}.get(name, 1)
            if len(arguments) != wanted:
                raise ValueError(f"{name}() takes {wanted} arguments, not {len(arguments)}")
            for argument in arguments:
                _check(argument, depth + 1)
        case _:
            raise ValueError(f"'{_shortened(ast.unparse(node))}' is not allowed. {_GRAMMAR}")


def _is_finite(number: float) -> bool:
    try:
        return bool(np.isfinite(float(number)))
    except OverflowError:
        return False


def _kind(node: ast.AST, texts: Collection[str]) -> Literal["number", "text"]:
    """What the node is; raises ValueError where text and numbers are mixed."""
    match node:
        case ast.Constant(value=str()):
            return "text"
        case ast.Name(id=name):
            return "text" if name in texts else "number"
        case ast.Compare(left, [operator], [right]):
            kinds = {_kind(left, texts), _kind(right, texts)}
            if len(kinds) > 1 or ("text" in kinds and not isinstance(operator, _EQUALITY)):
                raise ValueError(f"'{ast.unparse(node)}' compares text with what it cannot be compared with")
            return "number"
        case ast.Call(ast.Name(id="where"), [condition, yes, no], _):
            kinds = {_kind(yes, texts), _kind(no, texts)}
            if _kind(condition, texts) == "text" or len(kinds) > 1:
                raise ValueError(f"'{ast.unparse(node)}' mixes text and numbers")
            return kinds.pop()
        case ast.BinOp(left, _, right):
            parts: list[ast.expr] = [left, right]
        case ast.UnaryOp(_, operand):
            parts = [operand]
        case ast.Call(_, arguments, _):
            parts = arguments
        case _:
            parts = []
    if any(_kind(part, texts) == "text" for part in parts):
        raise ValueError(f"'{ast.unparse(node)}' calculates with text")
    return "number"


def _evaluate(node: ast.AST, values: Values) -> np.ndarray | float | str:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Constant(value=value):
            return float(value)  # type: ignore[arg-type]
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left, operator, right):
            return _OPERATORS[type(operator)](_number(_evaluate(left, values)), _number(_evaluate(right, values)))
        case ast.UnaryOp(operator, operand):
            return _OPERATORS[type(operator)](_number(_evaluate(operand, values)))
        case ast.Compare(left, [operator], [right]):
            return _compared(operator, _evaluate(left, values), _evaluate(right, values))
        case ast.Call(ast.Name(id="where"), [condition, yes, no], _):
            return np.where(_number(_evaluate(condition, values)) != 0, _evaluate(yes, values), _evaluate(no, values))
        case ast.Call(ast.Name(id=name), arguments, _):
            return FUNCTIONS[name](*(_number(_evaluate(argument, values)) for argument in arguments))
    raise AssertionError(ast.dump(node))  # _check admits nothing else


def _number(value: np.ndarray | float | str) -> np.ndarray:
    """Float64, so that no whole number wraps around and no power of one is refused; raises ValueError for text."""
    if _is_text(value):
        raise ValueError("text is not a number")
    return np.asarray(value, dtype=np.float64)


def _is_text(value: np.ndarray | float | str) -> bool:
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype.kind in "OUST")


def _compared(operator: ast.cmpop, left: np.ndarray | float | str, right: np.ndarray | float | str) -> np.ndarray:
    are_text = {_is_text(left), _is_text(right)}
    if True in are_text:
        if False in are_text or not isinstance(operator, _EQUALITY):
            raise ValueError("text is compared with what it cannot be compared with")
        return _OPERATORS[type(operator)](np.asarray(left, dtype=object), np.asarray(right, dtype=object))
    return _OPERATORS[type(operator)](_number(left), _number(right))


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _degree(node: ast.AST, name: str) -> int:
    """Polynomial degree in ``name``: 0 free of it, 1 affine, 2 anything else."""
    match node:
        case ast.Name(id=found):
            return int(found == name)
        case ast.BinOp(left, ast.Add() | ast.Sub(), right):
            return max(_degree(left, name), _degree(right, name))
        case ast.BinOp(left, ast.Mult(), right):
            return min(2, _degree(left, name) + _degree(right, name))
        case ast.BinOp(left, ast.Div(), right):
            return 2 if _degree(right, name) else _degree(left, name)
        case ast.UnaryOp(ast.USub() | ast.UAdd(), operand):
            return _degree(operand, name)
        case ast.Call(ast.Name(id="where"), [condition, yes, no], _):
            return 2 if _degree(condition, name) else max(_degree(yes, name), _degree(no, name))
    return 2 if any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node)) else 0
