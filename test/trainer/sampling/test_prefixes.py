"""Sequences that are kept: the longest common beginning is found, within its version and the memory there is."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from iterant.sampling import prefixes
from iterant.sampling.prefixes import Prefix, PrefixStore


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "WORTHWHILE", 2)


def prefix(ids: list[int], version: int = 0) -> Prefix:
    """16 bytes a position."""
    states = torch.zeros(1, len(ids), 2)
    return Prefix(np.array(ids), version, [(states, states.clone())])


def shared(one: list[int], other: list[int]) -> int:
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return length


sequences = st.lists(st.lists(st.integers(0, 1), min_size=2, max_size=6), max_size=12)


@given(sequences, st.lists(st.integers(0, 1), min_size=1, max_size=8))
def test_the_longest_beginning_of_all_that_were_handed_in_is_found(kept: list[list[int]], asked: list[int]) -> None:
    store = PrefixStore(10_000)
    for ids in kept:
        store.put(prefix(ids))
    longest = max((shared(ids, asked) for ids in kept), default=0)
    found = store.find(np.array(asked), 0)
    if longest < 2:
        assert found is None
    else:
        assert found is not None
        assert found[1] == longest
        assert found[0].ids[:longest].tolist() == asked[:longest]


@given(sequences, st.integers(0, 200))
def test_memory_is_never_exceeded_and_the_newest_that_fits_is_there(kept: list[list[int]], capacity: int) -> None:
    store = PrefixStore(capacity)
    for ids in kept:
        store.put(prefix(ids))
        assert store.size <= capacity
        assert (store.find(np.array(ids), 0) is not None) == (16 * len(ids) <= capacity)


def test_a_sequence_takes_the_place_of_those_it_goes_on_from() -> None:
    store = PrefixStore(1000)
    for ids in ([1, 2], [3, 4], [1, 2, 3]):
        store.put(prefix(ids))
    assert len(store) == 2


def test_what_is_used_stays_longer() -> None:
    store = PrefixStore(64)
    store.put(prefix([1, 1]))
    store.put(prefix([2, 2]))
    store.find(np.array([1, 1, 1]), 0)
    store.put(prefix([3, 3]))
    assert store.find(np.array([1, 1]), 0) is not None
    assert store.find(np.array([2, 2]), 0) is None


def test_other_weights_find_nothing_and_their_first_sequence_clears_the_old_ones() -> None:
    store = PrefixStore(1000)
    store.put(prefix([1, 1], version=1))
    assert store.find(np.array([1, 1]), 2) is None
    store.put(prefix([2, 2], version=2))
    assert len(store) == 1


def test_no_more_are_kept_than_can_be_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "MAX_KEPT", 3)
    store = PrefixStore(10_000)
    for first in range(5):
        store.put(prefix([first, first]))
    assert len(store) == 3


def test_without_memory_or_worth_nothing_is_wanted() -> None:
    assert not PrefixStore(0).wants(np.arange(100))
    assert not PrefixStore(1000).wants(np.arange(1))
    assert PrefixStore(1000).wants(np.arange(2))
