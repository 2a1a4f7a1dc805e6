"""Looking into a living actor: its shape, and expressions evaluated with `self` bound to it.

Read-only unless asked (see `reading`). An expression that takes too long is stopped; the actor lives on.
Knows no messages; the host asks.
"""

import json
import reprlib
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from iterant.reading import read

MAX_TEXT = 20_000
HOOKS = {"start", "stop", "turn"}


def is_public(name: str) -> bool:
    """True for what can be called from outside: no hook, no name that begins with an underscore."""
    return not name.startswith("_") and name not in HOOKS


def public_methods(instance: Any) -> list[str]:
    return sorted(name for name in dir(type(instance)) if is_public(name) and callable(getattr(type(instance), name)))


def describe(instance: Any) -> dict[str, Any]:
    """What completion offers: class name, methods, fields."""
    fields = sorted(vars(instance)) if hasattr(instance, "__dict__") else []
    return {"className": type(instance).__name__, "methods": public_methods(instance), "fields": fields}


def evaluate(instance: Any, expression: str, can_write: bool, timeout_ms: float = 30_000) -> dict[str, Any]:
    """`{text, json, isError}`; never raises for what the expression does."""
    try:
        with _time_limit(timeout_ms):
            value = _run(expression, {"self": instance, "np": np}) if can_write else read(expression, instance)
            return {"text": _show(value), "json": _to_json(value), "isError": False}
    except _OutOfTimeError:
        text = f"stopped after {timeout_ms:g} ms. The actor goes on; ask for less."
        return {"text": text, "json": None, "isError": True}
    except PermissionError as error:
        return {"text": str(error), "json": None, "isError": True}
    except Exception as error:
        return {"text": f"{type(error).__name__}: {error}", "json": None, "isError": True}


class _OutOfTimeError(BaseException):
    """No Exception, so that an expression's own `except Exception` does not keep it going."""


@contextmanager
def _time_limit(timeout_ms: float) -> Iterator[None]:
    """Interrupts Python code of the main thread; native code runs to its end first. Elsewhere there is no limit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _OutOfTimeError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(timeout_ms, 1) / 1000)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _run(source: str, names: dict[str, Any]) -> Any:
    try:
        code = compile(source.strip(), "<attach>", "eval")
    except SyntaxError:
        exec(compile(source, "<attach>", "exec"), names)
        return None
    return eval(code, names)


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
