"""Python expressions that can only read: what would change an actor, or might, is refused.

Python cannot refuse side effects by itself, so an expression is rewritten: every attribute, item,
call and loop in it passes a gate that looks at the type before anything of it runs. Code of the
actor's own classes (methods, properties, `__getitem__`) never runs, except `__repr__`, comparisons
and arithmetic. Not a sandbox: whoever may attach is trusted, and kept from mistakes.
"""

import ast
import inspect
import types
from collections.abc import Callable
from typing import Any

ADVICE = "Only reading is allowed here; attach with --write to change."

# Packages whose properties, items and methods are known to read.
_KNOWN = {"builtins", "collections", "numpy", "torch", "transformers", "datetime", "pathlib", "fractions", "decimal"}

_METHODS = {"get", "items", "keys", "values", "count", "index", "item", "mean", "sum", "min", "max", "std"} | {
    "tolist",
    "numel",
    "norm",
}

_ALLOWED = (
    ast.Expression,
    ast.Name,
    ast.Load,
    ast.Store,
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
    ast.Call,
    ast.keyword,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
    ast.comprehension,
    ast.FormattedValue,
    ast.JoinedStr,
)

_FILE = "<attach>"
_MISSING = object()


def read(expression: str, instance: Any) -> Any:
    """The value of the expression with `self` bound to the instance.

    Raises PermissionError for what might change something, else what the expression raises.
    """
    tree = _Gated().visit(ast.parse(expression.strip(), mode="eval"))
    code = compile(ast.fix_missing_locations(tree), _FILE, "eval")
    return eval(code, {"__builtins__": {}, "self": instance, **_GATES})


def refuse(what: str) -> PermissionError:
    return PermissionError(f"refused: {what} may change something. {ADVICE}")


class _Gated(ast.NodeTransformer):
    """Puts a gate before everything that could run code of the actor's."""

    def visit(self, node: ast.AST) -> Any:
        if not isinstance(node, _ALLOWED):
            raise refuse(type(node).__name__)
        return super().visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id.startswith("__"):
            raise refuse(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self._only_loaded(node)
        return _gate("__attribute", self.visit(node.value), ast.Constant(node.attr))

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self._only_loaded(node)
        return _gate("__item", self.visit(node.value), self.visit(node.slice))

    def visit_Slice(self, node: ast.Slice) -> ast.AST:
        bounds = [
            ast.Constant(None) if part is None else self.visit(part) for part in (node.lower, node.upper, node.step)
        ]
        return _gate("__slice", *bounds)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        given = [self.visit(argument) for argument in node.args]
        named = [self.visit(keyword) for keyword in node.keywords]
        if isinstance(node.func, ast.Name) and node.func.id in READERS:
            return _gate("__reader", ast.Constant(node.func.id), *given, keywords=named)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            return _gate("__method", self.visit(node.func.value), ast.Constant(node.func.attr), *given, keywords=named)
        raise refuse(f"{ast.unparse(node.func)}()")

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node = self.generic_visit(node)  # type: ignore[assignment]
        node.iter = _gate("__iterable", node.iter)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        node = self.generic_visit(node)  # type: ignore[assignment]
        for at, operator in enumerate(node.ops):
            if isinstance(operator, (ast.In, ast.NotIn)):
                node.comparators[at] = _gate("__iterable", node.comparators[at])
        return node

    def _only_loaded(self, node: ast.Attribute | ast.Subscript) -> None:
        """`for self.x in …` assigns to the actor."""
        if not isinstance(node.ctx, ast.Load):
            raise refuse(f"assigning to {ast.unparse(node)}")


def _gate(name: str, *arguments: Any, keywords: list[ast.keyword] | None = None) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), keywords or [])


# --- gates ------------------------------------------------------------------------------------------


def _attribute(value: Any, name: str) -> Any:
    """A field. A property of a class that is not known to read would run the actor's code."""
    if name.startswith("__"):
        raise PermissionError(f"refused: {name} is Python's own. Read a field of the actor.")
    kind = type(value)
    if _is_known(value):
        return getattr(value, name)
    if not _is_native(value, "__getattribute__"):
        raise refuse(f"reading {name} of a {kind.__name__}, which computes its fields,")
    found = inspect.getattr_static(value, name, _MISSING)
    if found is _MISSING:
        raise AttributeError(f"'{kind.__name__}' object has no attribute '{name}'")
    computed = inspect.getattr_static(kind, name, None)
    if isinstance(computed, property) or (
        hasattr(type(computed), "__get__") and type(computed).__module__ not in _PLAIN_DESCRIPTORS
    ):
        raise refuse(f"{name} is a property of {kind.__name__}: it")
    return getattr(value, name)


# Where the kinds of methods, slots, fields of named tuples and members of enums are defined.
_PLAIN_DESCRIPTORS = {"builtins", "_collections", "enum"}


def _item(value: Any, key: Any) -> Any:
    if not _is_known(value) and not _is_native(value, "__getitem__"):
        raise refuse(f"an item of a {type(value).__name__}, which computes it,")
    if isinstance(value, dict) and not dict.__contains__(value, key):
        raise KeyError(key)  # a defaultdict would make the entry
    return value[key]


def _iterable(value: Any) -> Any:
    """What can be gone through again. An iterator of the actor's would be used up."""
    is_ours = isinstance(value, types.GeneratorType) and value.gi_code.co_filename == _FILE
    if hasattr(type(value), "__next__") and not is_ours:
        raise refuse(f"going through a {type(value).__name__}, which uses it up,")
    if not is_ours and not _is_known(value) and not _is_native(value, "__iter__"):
        raise refuse(f"going through a {type(value).__name__}, which computes its items,")
    return value


def _reader(name: str, *arguments: Any, **named: Any) -> Any:
    """One of the readers; they go through their arguments, and call what they are given as a key."""
    if "key" in named:
        raise refuse(f"{name}() with a key")
    if name not in _SCALAR_READERS:
        arguments = tuple(
            _iterable(argument) if hasattr(type(argument), "__iter__") else argument for argument in arguments
        )
    return READERS[name](*arguments, **named)


def _method(value: Any, name: str, *arguments: Any, **named: Any) -> Any:
    if not _is_known(value):
        raise refuse(f"{name}() of a {type(value).__name__}")
    given = [*arguments, *named.values()]
    if _root(value) in ("numpy", "torch") and not all(isinstance(one, _PLAIN_VALUES) for one in given):
        raise refuse(f"{name}() with an array to write to")
    return getattr(value, name)(*arguments, **named)


_PLAIN_VALUES = (int, float, str, bool, tuple, type(None))


def _is_known(value: Any) -> bool:
    return _root(value) in _KNOWN


def _is_native(value: Any, method: str) -> bool:
    """A class of the actor's that takes this method over from a built-in one as it is."""
    found = getattr(type(value), method, None)
    return isinstance(found, (types.WrapperDescriptorType, types.MethodDescriptorType))


def _root(value: Any) -> str:
    return type(value).__module__.partition(".")[0]


def _type(value: Any) -> type:
    return type(value)


# What an expression may call by name.
READERS: dict[str, Callable[..., Any]] = {
    reader.__name__: reader
    for reader in (abs, all, any, bool, dict, float, int, len, list, max, min, range, repr, round)
} | {"set": set, "sorted": sorted, "str": str, "sum": sum, "tuple": tuple, "type": _type}
_SCALAR_READERS = {"abs", "bool", "float", "int", "len", "range", "repr", "round", "str", "type"}

_GATES: dict[str, Any] = {
    "__attribute": _attribute,
    "__item": _item,
    "__slice": slice,
    "__iterable": _iterable,
    "__reader": _reader,
    "__method": _method,
}
