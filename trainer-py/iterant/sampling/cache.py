"""Keys and values of many sequences: what attention layers write to and read from while slots are decoded.

One row a slot, one position a token, preallocated and grown by doubling: fresh memory is dear on some machines. Wears
the face of a Hugging Face cache, so that any causal LM whose layers keep keys and values runs over it unchanged.
"""

from typing import Any

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import Cache

MIN_ROWS = 8
MIN_POSITIONS = 64


class SlotCache(Cache):  # type: ignore[misc]  # its package is believed without being read
    """Per layer [rows, heads, positions, size]. `aim` says which part the next forward pass works on."""

    def __init__(self, max_rows: int) -> None:
        super().__init__(layers=[])
        self._keys: list[torch.Tensor] = []
        self._values: list[torch.Tensor] = []
        self._max_rows = max_rows
        self._shape = (0, 0)
        self._at = torch.zeros(0, dtype=torch.int64)
        self._rows = torch.zeros(0, dtype=torch.int64)
        self._length = 0

    def reserve(self, rows: int, positions: int) -> None:
        """Makes sure that so many rows hold so many positions each. What is there stays."""
        own_rows, own_positions = self._shape
        if rows > own_rows:
            rows = min(max(MIN_ROWS, _next_power_of_2(rows)), self._max_rows)
        if positions > own_positions:
            positions = max(MIN_POSITIONS, _next_power_of_2(positions))
        shape = (max(rows, own_rows), max(positions, own_positions))
        if shape == self._shape:
            return
        for states in (self._keys, self._values):
            for layer, old in enumerate(states):
                states[layer] = old.new_zeros((shape[0], old.shape[1], shape[1], old.shape[3]))
                states[layer][:own_rows, :, :own_positions] = old
        self._shape = shape

    def aim(self, at: torch.Tensor, length: int) -> None:
        """The next pass writes row i at position at[i] and reads positions 0..length-1 of these rows.

        at  [N] int64, all below length
        """
        self.reserve(len(at), length)
        self._at, self._length = at, length
        self._rows = torch.arange(len(at), device=at.device)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Called by each attention layer with one new position, [N, heads, 1, size]. Returns views."""
        self._allocate(layer_idx, key_states, value_states)
        keys, values = self._keys[layer_idx], self._values[layer_idx]
        keys[self._rows, :, self._at] = key_states[:, :, 0]
        values[self._rows, :, self._at] = value_states[:, :, 0]
        count = len(self._rows)
        return keys[:count, :, : self._length], values[:count, :, : self._length]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self._length - 1

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        return self._length, 0

    def fill(self, rows: np.ndarray, source: int, read: DynamicCache, size: int) -> None:
        """Gives each of these rows the first `size` positions of sequence `source` of a prefill."""
        first, last = int(rows[0]), int(rows[-1]) + 1
        self.reserve(last, size)
        for layer, states in enumerate(read.layers):
            self._allocate(layer, states.keys, states.values)
            self._keys[layer][first:last, :, :size] = states.keys[source, :, :size]
            self._values[layer][first:last, :, :size] = states.values[source, :, :size]

    def read(self, row: int, size: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Copies of a row's first `size` positions: keys and values of each layer, [heads, size, size of a head]."""
        return [
            (keys[row, :, :size].clone(), values[row, :, :size].clone())
            for keys, values in zip(self._keys, self._values, strict=True)
        ]

    def move(self, holes: torch.Tensor, movers: torch.Tensor, length: int) -> None:
        """Copies the first `length` positions of rows `movers` to rows `holes`; the two have no row in common."""
        for states in (*self._keys, *self._values):
            states[holes, :, :length] = states[movers, :, :length]

    def _allocate(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        if layer < len(self._keys):
            return
        rows, positions = self._shape
        for states, like in ((self._keys, keys), (self._values, values)):
            states.append(like.new_zeros((rows, like.shape[1], positions, like.shape[3])))


def _next_power_of_2(number: int) -> int:
    return 1 << (number - 1).bit_length()
