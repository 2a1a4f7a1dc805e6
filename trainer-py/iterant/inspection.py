"""Looking into a living actor: its shape, and expressions evaluated with `self` bound to it.

Read-only unless asked: Python cannot refuse side effects by itself, so only expressions that read,
compare and count are let through. Knows no messages; the host asks.
"""

import ast
import json
import reprlib
from typing import Any

import numpy as np

MAX_TEXT = 20_000
HOOKS = {"start", "stop", "turn"}

# What a read-only expression may call: nothing here changes its arguments.
READERS: dict[str, Any] = {
    reader.__name__: reader
    for reader in (
        abs,
        all,
        any,
        bool,
        dict,
        float,
        int,
        len,
        list,
        max,
        min,
        repr,
        round,
        sorted,
        str,
        sum,
        tuple,
        type,
    )
}

_ALLOWED = (
    ast.Expression,
    ast.Name,
    ast.Load,
    ast.Attribute,
    ast.Subscript,
    ast.Slice,
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.Set,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
    ast.comprehension,
    ast.Store,
    ast.FormattedValue,
    ast.JoinedStr,
)
# Methods that read, on whatever they are called.
_READING_METHODS = {
    "get",
    "items",
    "keys",
    "values",
    "item",
    "mean",
    "sum",
    "min",
    "max",
    "std",
    "tolist",
    "numel",
    "norm",
}


def is_public(name: str) -> bool:
    """True for what can be called from outside: no hook, no name that begins with an underscore."""
    return not name.startswith("_") and name not in HOOKS


def public_methods(instance: Any) -> list[str]:
    return sorted(name for name in dir(type(instance)) if is_public(name) and callable(getattr(type(instance), name)))


def describe(instance: Any) -> dict[str, Any]:
    """What completion offers: class name, methods, fields."""
    fields = sorted(vars(instance)) if hasattr(instance, "__dict__") else []
    return {"className": type(instance).__name__, "methods": public_methods(instance), "fields": fields}


def evaluate(instance: Any, expression: str, can_write: bool) -> dict[str, Any]:
    """`{text, json, isError}`; never raises for what the expression does."""
    try:
        if can_write:
            value = _run(expression, {"self": instance, "np": np})
        else:
            value = _read(expression, {"self": instance, **READERS})
    except Exception as error:
        return {"text": f"{type(error).__name__}: {error}", "json": None, "isError": True}
    return {"text": _show(value), "json": _to_json(value), "isError": False}


def _read(expression: str, names: dict[str, Any]) -> Any:
    tree = ast.parse(expression.strip(), mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            target = node.func
            is_reader = isinstance(target, ast.Name) and target.id in READERS
            is_reading = isinstance(target, ast.Attribute) and target.attr in _READING_METHODS
            if not (is_reader or is_reading):
                raise PermissionError(
                    f"refused: {ast.unparse(target)}() may change something. "
                    "Only reading is allowed here; attach with --write to change."
                )
        elif not isinstance(node, _ALLOWED) and not isinstance(node, ast.keyword):
            raise PermissionError(
                f"refused: {type(node).__name__} may change something. "
                "Only reading is allowed here; attach with --write to change."
            )
        elif isinstance(node, ast.Attribute) and node.attr.startswith("__"):
            raise PermissionError(f"refused: {node.attr} is Python's own. Read a field of the actor.")
    return eval(compile(tree, "<attach>", "eval"), {"__builtins__": {}, **names})


def _run(source: str, names: dict[str, Any]) -> Any:
    try:
        return eval(compile(source.strip(), "<attach>", "eval"), names)
    except SyntaxError:
        exec(compile(source, "<attach>", "exec"), names)
        return None


def _show(value: Any) -> str:
    limit = reprlib.Repr()
    limit.maxlevel = 4
    limit.maxdict = limit.maxlist = limit.maxtuple = limit.maxset = 100
    limit.maxstring = limit.maxother = 2000
    text = limit.repr(value)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text)} characters)"


def _to_json(value: Any) -> str | None:
    def plain(thing: Any) -> Any:
        if isinstance(thing, np.ndarray):
            return thing.tolist()
        if isinstance(thing, np.generic):
            return thing.item()
        if isinstance(thing, (set, frozenset)):
            return sorted(thing, key=repr)
        raise TypeError

    try:
        return json.dumps(value, default=plain)
    except (TypeError, ValueError):
        return None  # it has no JSON: the text shows it
