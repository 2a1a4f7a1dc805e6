"""Looking into a Python actor: what can be read, and that reading changes nothing."""

import queue
from collections import defaultdict
from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import pytest

from iterant.inspection import describe, evaluate


class Place(NamedTuple):
    row: int
    column: int


class Colour(Enum):
    RED = "red"


class Named(dict[str, int]):
    """As a dict, under a name of its own."""


class Shelf:
    """An actor with everything that a careless reader could change."""

    def __init__(self) -> None:
        self.count = 3
        self.items = [3, 1, 2]
        self.by_name: defaultdict[str, list[int]] = defaultdict(list, {"a": [1]})
        self.waiting: queue.Queue[int] = queue.Queue()
        self.waiting.put(1)
        self.rest = iter([1, 2, 3])
        self.weights = np.array([1.0, 2.0])
        self.where = Place(1, 2)
        self.colour = Colour.RED
        self.named = Named(a=1)
        self.changes = 0

    def get(self) -> int:
        self.changes += 1
        return self.changes

    def weigh(self, _item: int) -> int:
        return self.get()

    @property
    def total(self) -> int:
        return self.get()

    def __getitem__(self, at: int) -> int:
        return self.get()

    def __iter__(self) -> Iterator[int]:
        return iter([self.get()])


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def state(shelf: Shelf) -> tuple[Any, ...]:
    unchanged = (shelf.count, list(shelf.items), dict(shelf.by_name), shelf.waiting.qsize(), shelf.changes)
    return (*unchanged, shelf.weights.tolist(), shelf.rest.__length_hint__())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("self.count + 1", "4"),
        ("[self.count, None]", "[3, None]"),
        ("self.items[-1]", "2"),
        ("self.items[0:2]", "[3, 1]"),
        ("self.by_name['a'][0]", "1"),
        ("self.by_name.get('nope')", "None"),
        ("sorted(self.items, reverse=True)", "[3, 2, 1]"),
        ("[x for x in self.items if x > 1]", "[3, 2]"),
        ("sum(x for x in self.items)", "6"),
        ("{k: len(v) for k, v in self.by_name.items()}", "{'a': 1}"),
        ("3 in self.items", "True"),
        ("self.weights.mean()", "np.float64(1.5)"),
        ("self.weights[1:, None].shape", "(1, 1)"),
        ("f'{self.count}'", "'3'"),
        ("type(self)", "<class 'test_inspection.Shelf'>"),
        ("'yes' if self.count else 'no'", "'yes'"),
        ("self.get", None),
        ("self.where.row + self.where[1] + sum(x for x in self.where)", "6"),
        ("self.colour.value", "'red'"),
        ("self.named['a']", "1"),
    ],
)
def test_reads(shelf: Shelf, expression: str, text: str | None) -> None:
    before = state(shelf)
    seen = evaluate(shelf, expression, can_write=False)
    assert not seen["isError"], seen["text"]
    if text is not None:
        assert seen["text"] == text
    assert state(shelf) == before


@pytest.mark.parametrize(
    "expression",
    [
        "self.get()",
        "self.total",
        "self[0]",
        "[x for x in self]",
        "list(self)",
        "self.waiting.get()",
        "list(self.rest)",
        "[x for x in self.rest]",
        "1 in self.rest",
        "sum(self.rest)",
        "dict(a=1, b=self.weigh(1))",
        "sorted(self.items, key=self.weigh)",
        "max(self.items, key=self.weigh)",
        "[0 for self.count in [5]]",
        "[0 for self.items[0] in [5]]",
        "self.weights.sum(0, None, self.weights)",
        "self.weights.sum(out=self.weights)",
        "self.items.sort()",
        "(x := 1)",
        "lambda: 1",
        "self.__class__",
        "__attribute(self, 'count')",
        "[*self.rest]",
    ],
)
def test_refuses_what_would_change_something_or_might(shelf: Shelf, expression: str) -> None:
    before = state(shelf)
    seen = evaluate(shelf, expression, can_write=False)
    assert seen["isError"]
    assert seen["text"].startswith("refused: ")
    assert state(shelf) == before


def test_says_what_is_missing_without_making_it(shelf: Shelf) -> None:
    assert evaluate(shelf, "self.by_name['x']", can_write=False)["text"] == "KeyError: 'x'"
    assert (
        evaluate(shelf, "self.nope", can_write=False)["text"]
        == "AttributeError: 'Shelf' object has no attribute 'nope'"
    )
    assert dict(shelf.by_name) == {"a": [1]}


def test_writes_when_asked_to_expressions_and_statements(shelf: Shelf) -> None:
    assert evaluate(shelf, "self.get()", can_write=True)["json"] == "1"
    assert evaluate(shelf, "self.count = 9", can_write=True) == {"text": "None", "json": "null", "isError": False}
    assert shelf.count == 9


def test_a_syntax_error_of_a_called_function_is_not_taken_for_one_of_the_expression(shelf: Shelf) -> None:
    expression = "self.items.append(1) or compile('1 +', '', 'eval')"
    assert evaluate(shelf, expression, can_write=True)["text"].startswith("SyntaxError")
    assert shelf.items == [3, 1, 2, 1]


@pytest.mark.parametrize("can_write", [True, False])
def test_an_endless_expression_is_stopped_and_the_actor_lives(shelf: Shelf, can_write: bool) -> None:
    endless = "while True: pass" if can_write else "[0 for a in range(10**9) for b in range(10**9) if False]"
    seen = evaluate(shelf, endless, can_write, timeout_ms=50)
    assert seen == {"text": "stopped after 50 ms. The actor goes on; ask for less.", "json": None, "isError": True}
    assert shelf.get() == 1


def test_describes_what_there_is_to_complete(shelf: Shelf) -> None:
    assert describe(shelf)["methods"] == ["get", "weigh"]
    assert "by_name" in describe(shelf)["fields"]
