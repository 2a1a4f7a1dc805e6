"""Calls as text: the JSON that a model writes, and the Python expression that a reference answer is written in.

Neither is ever evaluated: JSON is parsed, expressions are taken apart with `ast` and hold literals only. Which
function a call means, and whether its arguments fit, is not known here.
"""

import ast
import json
from dataclasses import dataclass
from typing import Any

# ExIt's own transcripts call the arguments `parameters`, OpenAI's `arguments`; a model may have learned any of them.
ARGUMENT_KEYS = ("args", "arguments", "parameters")
SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class ModelCall:
    """A function's name and its arguments by name, as a model wrote them."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class ReferenceCall:
    """A call of a reference answer; some give arguments by position."""

    name: str
    positional: tuple[Any, ...]
    named: dict[str, Any]


class UnreadableCallError(ValueError):
    """A text that holds no calls; the message is for the model that wrote it."""


def read_calls(text: str) -> list[ModelCall]:
    """The calls in a model's JSON: a list of `{"name": …, "args": {…}}`, or one such object.

    Python's own parser, so that 5.0 stays a float and 2**64 an integer; of a key that stands twice the last counts.
    Raises UnreadableCallError if it is not JSON, empty, or an item has no name or no object of arguments.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableCallError(f"The tool call is not valid JSON: {error}.") from error
    items = value if isinstance(value, list) else [value]
    if not items:
        raise UnreadableCallError("The list of tool calls is empty.")
    return [_model_call(item) for item in items]


def read_reference(text: str) -> ReferenceCall:
    """A call such as `cd('temp')` or `mv(source='a', destination='b')`.

    Raises ValueError for anything but one call of a plain name with literal arguments.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            raise ValueError("not a call of a plain name")
        if any(keyword.arg is None for keyword in node.keywords):
            raise ValueError("a ** argument")
        positional = tuple(ast.literal_eval(value) for value in node.args)
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"a reference call cannot be read: {text!r}: {error}") from error
    return ReferenceCall(node.func.id, positional, named)


def _model_call(item: Any) -> ModelCall:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise UnreadableCallError(f'Not a tool call with a "name": {_shown(item)}.')
    arguments: Any = next((item[key] for key in ARGUMENT_KEYS if key in item), {})
    if not isinstance(arguments, dict):
        raise UnreadableCallError(f'"args" must be an object of arguments by name: {_shown(item)}.')
    return ModelCall(item["name"], arguments)


def _shown(item: Any) -> str:
    text = json.dumps(item)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
