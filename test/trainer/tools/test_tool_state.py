"""Digests tell states apart that a call could tell apart, and no others; comparison is as rewards need it."""

import os
import pickle
import random
import subprocess
import sys
from copy import deepcopy
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iterant.workers.tools.state import covers, digest, same


class Folder:
    """A tree that knows its parents, with a wall-clock time that nobody sees."""

    def __init__(self, name: str, parent: "Folder | None" = None) -> None:
        self.name = name
        self.parent = parent
        self.contents: dict[str, Any] = {}
        self._changed = datetime.now()


def tree(*names: str) -> Folder:
    root = Folder("root")
    for name in names:
        root.contents[name] = Folder(name, root)
    return root


VALUES = [
    *(None, False, True, 0, 1, -1, 2**70, 0.0, -0.0, 1.0, float("nan"), float("inf")),
    *("", "1", "a", "\ud800", b"a", Decimal("1"), Decimal("1.0"), Decimal("NaN")),
    *([], (), {}, set(), frozenset(), [1], (1,), {1: 1}, {"1": 1}, {1}, [[]], [()], [1, 2], [2, 1]),
    *({"a": 1, "b": 2}, {"b": 2, "a": 1}, [Decimal("1")], (Decimal("1"),), {"a": Decimal("1")}, {Decimal("1")}),
    *(["a", "b"], ["ab"], [["a"], "b"], [["a", "b"]], random.Random(1), random.Random(2)),
    *(tree(), tree("a"), tree("a", "b"), tree("b", "a"), [tree("a")], Folder("a")),
]


def test_every_two_different_states_have_different_digests() -> None:
    assert len({digest(value) for value in VALUES}) == len(VALUES)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_copy_has_the_same_digest(value: Any) -> None:
    assert digest(deepcopy(value)) == digest(value) == digest(pickle.loads(pickle.dumps(value)))


def test_the_order_in_which_a_set_was_filled_does_not_count() -> None:
    filled: set[str] = set()
    for index in reversed(range(50)):
        filled.add(f"name {index}")
    assert digest(filled) == digest({f"name {index}" for index in range(50)})
    assert digest({Decimal(1), Decimal(2), Decimal(3)}) == digest({Decimal(3), Decimal(2), Decimal(1)})


def test_what_a_random_stream_has_drawn_counts() -> None:
    one, other = random.Random(1), random.Random(1)
    one.random()
    assert digest(one) != digest(other)
    other.random()
    assert digest(one) == digest(other)


def test_another_process_with_other_hashes_has_the_same_digest() -> None:
    value = "[{'b', 'a', 'c'}, {'x': (1.5, None)}, random.Random(1)]"
    program = f"import random; from iterant.workers.tools.state import digest; print(digest({value}))"
    path = os.pathsep.join(sys.path)
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2", "3")
    }
    assert said == {digest([{"b", "a", "c"}, {"x": (1.5, None)}, random.Random(1)])}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1, [2]], (1, (2,)), True),
        ({"a": [1]}, {"a": (1,)}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (5, 5.0, True),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ("12", ["1", "2"], False),
        ([1], {1}, False),
    ],
)
def test_a_list_and_a_tuple_with_the_same_items_are_the_same(one: Any, other: Any, expected: bool) -> None:
    assert same(one, other) is expected
    assert same(other, one) is expected


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_covering_is_inclusion_with_multiplicity_in_any_order(found: list[int], wanted: list[int]) -> None:
    assert covers(found, wanted) == all(found.count(item) >= wanted.count(item) for item in wanted)
