"""Spaces in words: how an action is to be written, how one is read, how an observation is shown.

Knows no environment. An element is JSON by its space: a number for Discrete, nested lists for Box and the Multi spaces,
an object for Dict, a list for Tuple, a text for Text; a text that stands alone is itself, without quotes.
"""

import json
import math
from typing import Any

import numpy as np
from gymnasium import spaces

MAX_NUMBERS = 4096
MAX_LISTED = 12


class UnsuitableSpaceError(ValueError):
    """A space that cannot be put into words; the message says which and what to do."""


class UnreadableActionError(ValueError):
    """A text that is no action; the message says what is wrong with it."""


def check(space: spaces.Space[Any], where: str) -> None:
    """Raises UnsuitableSpaceError if the space, or one within it, has no words; `where`: `observation` or `action`."""
    match space:
        case spaces.Dict():
            for key, inner in space.spaces.items():
                check(inner, f"{where}.{key}")
        case spaces.Tuple():
            for at, inner in enumerate(space.spaces):
                check(inner, f"{where}[{at}]")
        case spaces.Box() | spaces.MultiDiscrete() | spaces.MultiBinary():
            count = math.prod(space.shape)
            if count > MAX_NUMBERS:
                raise UnsuitableSpaceError(
                    f"the {where} has {count} numbers, more than the {MAX_NUMBERS} that can be worded - wrap it"
                )
        case spaces.Discrete() | spaces.Text():
            pass
        case _:
            raise UnsuitableSpaceError(
                f"the {where} is a {type(space).__name__} - use Discrete, Box, Text, Dict, Tuple, MultiDiscrete or "
                "MultiBinary, or wrap it"
            )


def expected(space: spaces.Space[Any]) -> str:
    """What an element looks like: `an integer from 0 to 3`."""
    match space:
        case spaces.Discrete():
            return f"an integer from {space.start} to {space.start + space.n - 1}"
        case spaces.MultiDiscrete():
            return f"{_array(space.shape, 'integer')} {_bounds(space.start, space.start + space.nvec - 1)}"
        case spaces.MultiBinary():
            return f"{_array(space.shape, 'integer')} from 0 to 1"
        case spaces.Box():
            noun = "integer" if np.issubdtype(space.dtype, np.integer) else "number"
            return f"{_array(space.shape, noun)} {_bounds(space.low, space.high)}".strip()
        case spaces.Text():
            return _text(space)
        case spaces.Dict():
            return f"an object of {', '.join(f'{json.dumps(key)}: {expected(one)}' for key, one in space.items())}"
        case spaces.Tuple():
            return f"a list of {len(space.spaces)}: {'; '.join(expected(one) for one in space.spaces)}"
        case _:
            raise UnsuitableSpaceError(f"a {type(space).__name__} has no words")


def read(space: spaces.Space[Any], text: str) -> Any:
    """The element that a text stands for. Raises UnreadableActionError."""
    if isinstance(space, spaces.Text):
        return _element(space, text)
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableActionError(f"it is not JSON: {error}") from None
    try:
        return _element(space, value)
    except RecursionError:
        raise UnreadableActionError("it is nested too deeply") from None


def show(space: spaces.Space[Any], element: Any) -> str:
    """An element as a text; floats have the digits that tell them apart in their own precision, no more."""
    if isinstance(space, spaces.Text):
        return str(element)
    return json.dumps(plain(space, element), ensure_ascii=False)


def plain(space: spaces.Space[Any], element: Any) -> Any:
    """An element as what JSON knows."""
    match space:
        case spaces.Dict():
            return {key: plain(inner, element[key]) for key, inner in space.items()}
        case spaces.Tuple():
            return [plain(inner, one) for inner, one in zip(space.spaces, element, strict=True)]
        case spaces.Text():
            return str(element)
        case _:
            return _shortest(np.asarray(element, dtype=space.dtype))


def _shortest(array: np.ndarray) -> Any:
    if array.ndim > 0:
        return [_shortest(one) for one in array]
    return float(str(array[()])) if np.issubdtype(array.dtype, np.floating) else array.item()


def _element(space: spaces.Space[Any], value: Any) -> Any:
    match space:
        case spaces.Dict():
            if not isinstance(value, dict) or set(value) != set(space.spaces):
                raise UnreadableActionError(f"it is not an object with the keys {', '.join(space.spaces)}")
            return {key: _element(inner, value[key]) for key, inner in space.items()}
        case spaces.Tuple():
            if not isinstance(value, list) or len(value) != len(space.spaces):
                raise UnreadableActionError(f"it is not a list of {len(space.spaces)}")
            return tuple(_element(inner, one) for inner, one in zip(space.spaces, value, strict=True))
        case spaces.Text():
            element = value
        case spaces.Discrete():
            element = value if _is_number(value, space.dtype) else None
        case _:
            element = _numbers(space, value)
    if not space.contains(element):
        raise UnreadableActionError(f"{json.dumps(value)[:200]} is not {expected(space)}")
    return element if not isinstance(space, spaces.Discrete) else space.dtype.type(element)


def _numbers(space: spaces.Space[Any], value: Any) -> np.ndarray | None:
    """An array of the space's shape and kind; None where that would take a conversion nobody asked for."""
    if not all(_is_number(one, space.dtype) for one in _leaves(value)):
        return None
    try:
        array = np.asarray(value, dtype=space.dtype)
    except (ValueError, OverflowError):
        return None
    return array if np.isfinite(array).all() else None


def _leaves(value: Any) -> list[Any]:
    return [leaf for one in value for leaf in _leaves(one)] if isinstance(value, list) else [value]


def _is_number(value: Any, dtype: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int if np.issubdtype(dtype, np.integer) else (int, float))


def _array(shape: tuple[int, ...], noun: str) -> str:
    if shape == ():
        return f"a{'n' if noun == 'integer' else ''} {noun}"
    if len(shape) == 1:
        return f"a list of {shape[0]} {noun}{'' if shape[0] == 1 else 's'}"
    return f"nested lists of {' x '.join(map(str, shape))} {noun}s"


def _bounds(low: np.ndarray, high: np.ndarray) -> str:
    """`from -1 to 1` where all are bounded alike, one after another where they are few, nothing where none is."""
    lows, highs = np.ravel(low), np.ravel(high)
    pairs = [(_bound(one), _bound(other)) for one, other in zip(lows, highs, strict=True)]
    if len(set(pairs)) == 1:
        return _interval(*pairs[0])
    if len(pairs) > MAX_LISTED:
        return f"within bounds of their own, the first {_interval(*pairs[0])}"
    return ", ".join(_interval(*pair) or "unbounded" for pair in pairs)


def _bound(number: Any) -> str | None:
    """The number; None where it stands for no bound: infinity, or the end of what a float32 can hold."""
    if not math.isfinite(number) or abs(float(number)) > 1e30:
        return None
    return f"{_shortest(np.asarray(number)):g}" if isinstance(number, np.floating) else str(number)


def _interval(low: str | None, high: str | None) -> str:
    if low is None and high is None:
        return ""
    if low is None:
        return f"up to {high}"
    return f"from {low} to {high}" if high is not None else f"from {low}"


def _text(space: spaces.Text) -> str:
    characters = "".join(sorted(space.character_set))
    shown = characters if len(characters) <= 100 else f"{characters[:100]}…"
    return (
        f"a text of {space.min_length} to {space.max_length} of the characters {json.dumps(shown, ensure_ascii=False)}"
    )


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")
