"""Keys and values of slots: written where they belong, kept while the room grows, moved whole."""

from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from iterant.sampling.cache import SlotCache


def states(rows: int, positions: int, start: float = 0.0) -> torch.Tensor:
    """[rows, 2 heads, positions, 3], no number twice."""
    count = rows * 2 * positions * 3
    return torch.arange(count, dtype=torch.float32).view(rows, 2, positions, 3) + start


def read_of(sequences: torch.Tensor) -> DynamicCache:
    read = DynamicCache()
    read.update(sequences, sequences + 0.5, 0)
    return read


def write(cache: SlotCache, at: list[int], length: int, new: torch.Tensor) -> Any:
    cache.aim(torch.tensor(at), length)
    return cache.update(new, new + 0.5, 0)


def test_each_row_is_written_at_its_own_position_and_read_up_to_the_length_asked_for() -> None:
    cache = SlotCache(4)
    prompts = states(2, 5)
    cache.fill(np.array([0]), 0, read_of(prompts), 5)
    cache.fill(np.array([1, 2]), 1, read_of(prompts), 3)
    new = states(3, 1, start=1000)
    keys, values = write(cache, [5, 3, 3], 6, new)
    assert keys.shape == (3, 2, 6, 3)
    torch.testing.assert_close(keys[0], torch.cat([prompts[0], new[0]], dim=1))
    for row in (1, 2):
        torch.testing.assert_close(keys[row, :, :4], torch.cat([prompts[1, :, :3], new[row]], dim=1))
    torch.testing.assert_close(values[0, :, :5], prompts[0] + 0.5)


def test_what_is_there_stays_when_rows_and_positions_grow() -> None:
    cache = SlotCache(100)
    prompt = states(1, 60)
    cache.fill(np.array([0]), 0, read_of(prompt), 60)
    for rows, length in ((1, 64), (20, 65), (100, 300)):
        keys, _ = write(cache, [length - 1] * rows, length, states(rows, 1))
        assert keys.shape[:3] == (rows, 2, length)
        torch.testing.assert_close(keys[0, :, :60], prompt[0])


def test_rows_are_moved_with_all_that_they_hold() -> None:
    cache = SlotCache(8)
    prompts = states(4, 6)
    for row in range(4):
        cache.fill(np.array([row]), row, read_of(prompts), 6)
    cache.move(torch.tensor([0, 1]), torch.tensor([2, 3]), 6)
    keys, values = write(cache, [6, 6], 7, states(2, 1))
    torch.testing.assert_close(keys[:, :, :6], prompts[2:])
    torch.testing.assert_close(values[:, :, :6], prompts[2:] + 0.5)
