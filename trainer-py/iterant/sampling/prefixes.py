"""Keys and values of sequences that are done, for those that go on from them: a conversation's next turn, the next task
behind the same system prompt.

Sequences of one version of the weights, the least recently used going first when memory runs out. Knows neither slots
nor models.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch

# Reading fewer positions than these is cheaper than keeping them.
WORTHWHILE = 256
# They are looked through one by one.
MAX_KEPT = 256

Layers = list[tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True, eq=False)
class Prefix:
    """ids [T] int64; layers: keys and values, [heads, T, size] each; version of the weights that computed them."""

    ids: np.ndarray
    version: int
    layers: Layers

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(states.numel() * states.element_size() for layer in self.layers for states in layer)


class PrefixStore:
    """What is kept: at most MAX_KEPT sequences, and so many bytes. A capacity of 0 keeps nothing."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._kept: OrderedDict[int, Prefix] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """Bytes that are held."""
        return self._size

    def wants(self, ids: np.ndarray) -> bool:
        """Whether it is worth handing this sequence in."""
        return self._capacity > 0 and len(ids) >= WORTHWHILE

    def put(self, prefix: Prefix) -> None:
        """Keeps a sequence in place of those that it goes on from; lets go of other versions, then of the oldest."""
        for key, other in list(self._kept.items()):
            is_older_weight = other.version != prefix.version
            if is_older_weight or _common(other.ids, prefix.ids) == len(other.ids):
                self._drop(key)
        self._count += 1
        self._kept[self._count] = prefix
        self._size += prefix.size
        while self._size > self._capacity or len(self._kept) > MAX_KEPT:
            self._drop(next(iter(self._kept)))

    def find(self, ids: np.ndarray, version: int) -> tuple[Prefix, int] | None:
        """The sequence that shares most positions with the beginning of `ids`, and how many; None if that is few."""
        best, length = None, WORTHWHILE - 1
        for key, prefix in self._kept.items():
            common = _common(prefix.ids, ids) if prefix.version == version else 0
            if common > length:
                best, length = key, common
        if best is None:
            return None
        self._kept.move_to_end(best)
        return self._kept[best], length

    def _drop(self, key: int) -> None:
        self._size -= self._kept.pop(key).size


def _common(one: np.ndarray, other: np.ndarray) -> int:
    """At how many positions from the first on both have the same id."""
    length = min(len(one), len(other))
    differing = np.flatnonzero(one[:length] != other[:length])
    return int(differing[0]) if len(differing) > 0 else length
