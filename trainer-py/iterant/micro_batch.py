"""Micro-batches: some rollouts of a batch, laid out for one forward pass.

A prompt that several rollouts begin with is read once: its tokens stand in the row once, each response after it, and no
response sees another. Knows layouts; the loss is the same in each, because what a token counts is settled before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch

from iterant.batch import Batch

PAD_ID = 0
PROMPT, PADDING = 0, -1


@dataclass(frozen=True)
class MicroBatch:
    """R rollouts in B rows of T inputs; S is the longest response. What is [R, S] is False or 0 past a response's end.

    ids                 [B, T] int64    inputs, padded on the right; a response's last token predicts none: left out
    positions           [B, T] int64    of each input in its own rollout; None where a row is one rollout
    segments            [B, T] int64    PROMPT, PADDING, or the number of the response in its row; None likewise
    sources             [R, S] int64    where among the B T inputs the token stands that a response token came after
    targets             [R, S] int64    the response tokens
    mask                [R, S] bool     True where it is trained on
    behaviour_logprobs  [R, S] float32
    advantages          [R, S] float32
    weights             [R, S] float32  what each token's loss counts: sums over all micro-batches are the batch's loss
    is_fresh            [R, S] bool     sampled by the weights that are about to be updated (lag 0)
    """

    ids: torch.Tensor
    positions: torch.Tensor | None
    segments: torch.Tensor | None
    sources: torch.Tensor
    targets: torch.Tensor
    mask: torch.Tensor
    behaviour_logprobs: torch.Tensor
    advantages: torch.Tensor
    weights: torch.Tensor
    is_fresh: torch.Tensor

    def to(self, device: torch.device) -> "MicroBatch":
        tensors = (getattr(self, field.name) for field in fields(self))
        return MicroBatch(*(None if tensor is None else tensor.to(device) for tensor in tensors))

    def attention_mask(self) -> torch.Tensor | None:
        """[B, 1, T, T] bool, True where a token sees another: its own past in its own rollout.

        None is a model's usual one. Padding stands on the right, where no real token looks.
        """
        if self.segments is None:
            return None
        query, key = self.segments.unsqueeze(2), self.segments.unsqueeze(1)
        length = self.segments.shape[1]
        is_past = torch.ones(length, length, dtype=torch.bool, device=self.segments.device).tril()
        return (is_past & ((key == PROMPT) | (key == query))).unsqueeze(1)


def cut(batch: Batch, weights: np.ndarray, positions: int, version: int, width: int = 0) -> list[MicroBatch]:
    """Micro-batches of at most `positions` padded positions each, or one rollout where that is longer.

    Sorted by length, so that little is padding. Rollouts without a token to train on are left out: their share is in
    the weights of the others.

    version  of the weights that are about to be updated
    width    hidden size of a model that can read a prompt once for several rollouts; 0: each has a row of its own
    """
    rows = sorted(_rows(batch, positions, width), key=lambda row: (-_length(batch, row), row))
    parts: list[list[list[int]]] = []
    for row in rows:
        if parts and _length(batch, parts[-1][0]) * (len(parts[-1]) + 1) <= positions:
            parts[-1].append(row)
        else:
            parts.append([row])
    is_fresh = batch.mask & (batch.versions == version)
    return [_lay_out(batch, weights, is_fresh, part) for part in parts]


def _rows(batch: Batch, positions: int, width: int) -> list[list[int]]:
    """Rollouts by the row that they share, as long as sharing is cheaper than another row."""
    open_rows: dict[bytes, list[int]] = {}
    rows: list[list[int]] = []
    for at, (start, length, prompt) in enumerate(zip(batch.starts, batch.lengths, batch.prompt_lengths, strict=True)):
        if not batch.mask[start : start + length].any():
            continue
        key = batch.ids[start : start + prompt].tobytes()
        row = open_rows.get(key)
        response = int(length - prompt) - 1
        if row is not None:
            taken = _length(batch, row)
            if width > 0 and taken + response <= positions and _is_cheaper(int(prompt), taken, response, width):
                row.append(at)
                continue
        open_rows[key] = [at]
        rows.append(open_rows[key])
    return rows


def _is_cheaper(prompt: int, taken: int, response: int, width: int) -> bool:
    """Whether a response joins a row of `taken` inputs, or the prompt is read again before it.

    Joining saves prompt positions of 24 width^2 operations a layer, and costs pairs of positions at 4 width each: all
    pairs of the longer row are computed, also those that the mask then drops; a row of its own computes the past only.
    Measured (LOG.md): with prompts as long as responses 1.3 times as fast, twice as long 1.8, four times 2.4.
    """
    pairs = (taken + response) ** 2 - taken**2 - (prompt + response) ** 2 / 2
    return 6 * width * prompt > pairs


def _length(batch: Batch, row: Sequence[int]) -> int:
    """Inputs of a row."""
    prompt = batch.prompt_lengths[row[0]]
    return int(prompt + sum(batch.lengths[at] - prompt - 1 for at in row))


def _lay_out(batch: Batch, weights: np.ndarray, is_fresh: np.ndarray, rows: list[list[int]]) -> MicroBatch:
    starts, lengths, prompts = batch.starts, batch.lengths, batch.prompt_lengths
    longest = max(_length(batch, row) for row in rows)
    rollouts = [at for row in rows for at in row]
    responses = [slice(starts[at] + prompts[at], starts[at] + lengths[at]) for at in rollouts]
    width = max(response.stop - response.start for response in responses)
    ids = np.full((len(rows), longest), PAD_ID, dtype=np.int64)
    positions = np.zeros((len(rows), longest), dtype=np.int64)
    segments = np.full((len(rows), longest), PADDING, dtype=np.int64)
    sources = np.zeros((len(rollouts), width), dtype=np.int64)
    number = 0
    for at_row, row in enumerate(rows):
        prompt = int(prompts[row[0]])
        ids[at_row, :prompt] = batch.ids[starts[row[0]] :][:prompt]
        positions[at_row, :prompt] = np.arange(prompt)
        segments[at_row, :prompt] = PROMPT
        begin = prompt
        for segment, at in enumerate(row, start=1):
            inputs = int(lengths[at] - prompt) - 1
            end = begin + inputs
            ids[at_row, begin:end] = batch.ids[starts[at] + prompt :][:inputs]
            positions[at_row, begin:end] = prompt + np.arange(inputs)
            segments[at_row, begin:end] = segment
            sources[number, 0] = at_row * longest + prompt - 1
            sources[number, 1 : inputs + 1] = at_row * longest + np.arange(begin, end)
            begin = end
            number += 1

    def padded(stream: np.ndarray) -> torch.Tensor:
        block = np.zeros((len(rollouts), width), dtype=stream.dtype)
        for at, response in enumerate(responses):
            block[at, : response.stop - response.start] = stream[response]
        return torch.from_numpy(block)

    is_shared = any(len(row) > 1 for row in rows)
    return MicroBatch(
        torch.from_numpy(ids),
        torch.from_numpy(positions) if is_shared else None,
        torch.from_numpy(segments) if is_shared else None,
        torch.from_numpy(sources),
        padded(batch.ids),
        padded(batch.mask),
        padded(batch.behaviour_logprobs),
        padded(batch.advantages),
        padded(weights),
        padded(is_fresh),
    )
