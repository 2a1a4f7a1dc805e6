"""Layouts of a batch: whatever the cut, each trained token stands once, after its own past and nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iterant.batch import Batch, parse_batch, token_weights
from iterant.micro_batch import MicroBatch, cut
from wire_batches import make_batch

shapes = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 9)), min_size=1, max_size=8)


def seen_from(part: MicroBatch, source: int) -> tuple[int, ...]:
    """The ids that a model sees at a source, in the order of their positions."""
    rows, length = part.ids.shape
    row, at = divmod(source, length)
    mask = part.attention_mask()
    sees = torch.arange(length) <= at if mask is None else mask[row, 0, at]
    positions = torch.arange(length).expand(rows, -1) if part.positions is None else part.positions
    assert positions[row][sees].tolist() == list(range(int(sees.sum())))
    return tuple(part.ids[row][sees].tolist())


def tokens_of(parts: list[MicroBatch]) -> list[tuple[object, ...]]:
    return sorted(
        (
            *seen_from(part, int(part.sources[row, at])),
            int(part.targets[row, at]),
            float(part.behaviour_logprobs[row, at]),
            float(part.advantages[row, at]),
            float(part.weights[row, at]),
            bool(part.is_fresh[row, at]),
        )
        for part in parts
        for row, at in part.mask.nonzero().tolist()
    )


def tokens_as_written(batch: Batch, weights: np.ndarray, version: int) -> list[tuple[object, ...]]:
    return sorted(
        (
            *batch.ids[start : at + 1].tolist(),
            float(batch.behaviour_logprobs[at]),
            float(batch.advantages[at]),
            float(weights[at]),
            bool(batch.versions[at] == version),
        )
        for start, length in zip(batch.starts, batch.lengths, strict=True)
        for at in range(start, start + length)
        if batch.mask[at]
    )


@settings(max_examples=150, deadline=None)
@given(shapes, st.integers(1, 80), st.sampled_from([0, 1, 1000]), st.integers(0, 99))
def test_however_a_batch_is_cut_every_trained_token_stands_once_after_its_own_past(
    shape: list[tuple[int, int]], positions: int, width: int, seed: int
) -> None:
    batch = parse_batch(make_batch(seed, shape, 40, masked=[1] if len(shape) > 2 else []))
    weights = token_weights(batch, "per_sequence", None)
    parts = cut(batch, weights, positions, seed % 2, width)
    assert tokens_of(parts) == tokens_as_written(batch, weights, seed % 2)
    assert width > 0 or all(part.segments is None for part in parts)
    assert all(part.ids.numel() <= positions or part.mask.shape[0] == 1 for part in parts)


def test_rollouts_of_one_prompt_share_a_row_where_that_is_cheaper() -> None:
    batch = parse_batch(make_batch(0, [(6, 3)] * 4 + [(2, 5)], 40))
    weights = token_weights(batch, "token", None)
    (shared,) = cut(batch, weights, 100, 0, width=1000)
    assert shared.ids.shape == (2, 6 + 4 * 2)
    (apart,) = cut(batch, weights, 100, 0, width=0)
    assert apart.ids.shape == (5, 8)
    assert apart.attention_mask() is None
    # A long response beside a short prompt is cheaper alone: all pairs of a shared row are computed.
    long = parse_batch(make_batch(0, [(1, 300)] * 4, 40))
    assert all(part.segments is None for part in cut(long, token_weights(long, "token", None), 10_000, 0, width=8))


def test_a_batch_without_a_token_to_train_on_has_no_micro_batch() -> None:
    batch = parse_batch(make_batch(0, [(2, 3)], 40, masked=[0]))
    assert cut(batch, token_weights(batch, "token", None), 100, 0) == []


@pytest.mark.parametrize("denominator", ["per_sequence", "token"])
def test_the_weights_of_a_batch_are_a_mean(denominator: str) -> None:
    batch = parse_batch(make_batch(0, [(2, 3), (2, 9), (4, 1)], 40))
    assert float(token_weights(batch, denominator, None).sum()) == pytest.approx(1.0)
