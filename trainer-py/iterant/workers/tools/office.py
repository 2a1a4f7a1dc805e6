"""Our own suite of tool-use tasks: services of an office, with tasks made by a seed. Needs no package at all.

`python -m iterant.workers.tools.office --level easy --count 200 --seed 0` serves it.
"""

import argparse
import inspect
import types
import typing
from typing import Any

from iterant.workers.tools.office_apis import APIS, STATELESS
from iterant.workers.tools.office_tasks import LEVELS, make_rows
from iterant.workers.tools.suite import Suite, code_hash, tasks_of

TYPES = {str: "string", int: "integer", float: "float", list: "array"}


def open_suite(level: str, count: int, seed: int) -> Suite:
    """The suite with so many tasks. Raises LookupError for a level that is none."""
    questions, answers = make_rows(level, count, seed)
    place = f"office, level {level}, seed {seed}"
    modules = dict.fromkeys(APIS, "iterant.workers.tools.office_apis")
    own = {**modules, "tasks": "iterant.workers.tools.office_tasks"}
    return Suite(
        name="office",
        modules=modules,
        stateless=STATELESS,
        docs={name: [_doc(method) for method in _public(api)] for name, api in APIS.items()},
        tasks=tasks_of(questions, answers, place),
        versions={"tasks": f"{level} {count} {seed}", "code": code_hash(own)},
    )


def _public(api: type) -> list[types.FunctionType]:
    return [value for name, value in vars(api).items() if not name.startswith("_") and inspect.isfunction(value)]


def _doc(method: types.FunctionType) -> dict[str, Any]:
    """A function's description in BFCL's form, from its signature and docstring."""
    told, _, about = inspect.cleandoc(method.__doc__ or "").partition("\n\n")
    described = dict(line.split(": ", 1) for line in about.splitlines())
    hints = typing.get_type_hints(method)
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return {
        "name": method.__name__,
        "description": told,
        "parameters": {
            "type": "dict",
            "properties": {one.name: _property(hints[one.name], described[one.name]) for one in parameters},
            "required": [one.name for one in parameters if one.default is inspect.Parameter.empty],
        },
        "response": {"type": "dict"},
    }


def _property(hint: Any, description: str) -> dict[str, Any]:
    kind = typing.get_origin(hint) or hint
    items = {"items": {"type": TYPES[typing.get_args(hint)[0]]}} if kind is list else {}
    return {"type": TYPES[kind], **items, "description": description}


if __name__ == "__main__":
    from iterant.workers.tools.host import serve_suite

    parser = argparse.ArgumentParser(prog="python -m iterant.workers.tools.office", description=__doc__)
    parser.add_argument("--level", choices=LEVELS, default="easy")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    serve_suite(lambda: open_suite(given.level, given.count, given.seed))
