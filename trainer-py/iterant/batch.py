"""The wire batch: flat per-token streams, checked at the door and cut into padded micro-batches.

Knows shapes, masks and policy versions; knows neither tasks, rewards nor environments. The other side of this page is
actors/batch.ts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

NO_VERSION = -1
PAD_ID = 0
STREAMS = ("ids", "mask", "behaviour_logprobs", "advantages", "versions")


@dataclass(frozen=True)
class Batch:
    """R rollouts laid end to end make T tokens; rollout i takes the next `lengths[i]` of them.

    ids                 [T] int64
    mask                [T] bool     True where the token is trained on
    behaviour_logprobs  [T] float32  under the policy that sampled; 0 where mask is False
    advantages          [T] float32  0 where mask is False
    versions            [T] int64    policy version that sampled; NO_VERSION where mask is False
    lengths             [R] int64    sum to T
    """

    batch_id: str
    ids: np.ndarray
    mask: np.ndarray
    behaviour_logprobs: np.ndarray
    advantages: np.ndarray
    versions: np.ndarray
    lengths: np.ndarray

    @property
    def token_count(self) -> int:
        """Tokens that are trained on."""
        return int(self.mask.sum())

    @property
    def rollout_count(self) -> int:
        return len(self.lengths)


@dataclass(frozen=True)
class MicroBatch:
    """Some rollouts of a batch, padded on the right to one length; every stream is of the token *predicted*.

    ids                 [B, T]      int64
    mask                [B, T - 1]  bool     of ids[:, 1:], False on padding; so all below
    behaviour_logprobs  [B, T - 1]  float32
    advantages          [B, T - 1]  float32
    weights             [B, T - 1]  float32  what each token's loss counts, so that sums over all micro-batches are
                                             the loss of the whole batch, however it was cut
    versions            [B, T - 1]  int64
    """

    ids: torch.Tensor
    mask: torch.Tensor
    behaviour_logprobs: torch.Tensor
    advantages: torch.Tensor
    weights: torch.Tensor
    versions: torch.Tensor

    def to(self, device: torch.device) -> "MicroBatch":
        return MicroBatch(
            *(
                tensor.to(device)
                for tensor in (
                    self.ids,
                    self.mask,
                    self.behaviour_logprobs,
                    self.advantages,
                    self.weights,
                    self.versions,
                )
            )
        )


def parse_batch(fields: Mapping[str, Any]) -> Batch:
    """A batch as it came over the wire. Raises ValueError naming the batch and the first thing that cannot be."""
    batch_id = str(fields.get("batch_id", "without id"))

    def refuse(what: str) -> ValueError:
        return ValueError(f"{what} - batch {batch_id} - hand over batches as actors/batch.ts makes them.")

    missing = [name for name in (*STREAMS, "lengths", "prompt_lengths") if name not in fields]
    if missing:
        raise refuse(f"it has no {missing[0]}")
    arrays = {name: _array(fields[name]) for name in (*STREAMS, "lengths", "prompt_lengths")}
    lengths = arrays["lengths"].astype(np.int64)
    count = len(arrays["ids"])
    for name in STREAMS:
        if arrays[name].shape != (count,):
            raise refuse(f"{name} has shape {list(arrays[name].shape)}, not [{count}]")
    if len(lengths) == 0 or lengths.min() < 2 or lengths.sum() != count:
        raise refuse(f"its lengths {lengths.tolist()[:8]} do not lay {count} tokens end to end, 2 or more each")
    if arrays["prompt_lengths"].shape != lengths.shape:
        raise refuse(f"prompt_lengths has shape {list(arrays['prompt_lengths'].shape)}, not [{len(lengths)}]")
    mask = arrays["mask"].astype(bool)
    starts = np.cumsum(lengths) - lengths
    if mask[starts].any():
        raise refuse("the first token of a rollout is trained on, and nothing predicts it")
    for name in ("behaviour_logprobs", "advantages"):
        if not np.isfinite(arrays[name]).all():
            raise refuse(f"{name} holds a number that is not finite")
    if (arrays["versions"][mask] < 0).any():
        raise refuse("a token that is trained on has no version")
    return Batch(
        batch_id,
        arrays["ids"].astype(np.int64),
        mask,
        arrays["behaviour_logprobs"].astype(np.float32),
        arrays["advantages"].astype(np.float32),
        arrays["versions"].astype(np.int64),
        lengths,
    )


def _array(value: Any) -> np.ndarray:
    """A stream; the wire carries arrays of bytes as bytes."""
    return np.frombuffer(value, dtype=np.uint8) if isinstance(value, bytes | bytearray) else np.asarray(value)


def token_weights(batch: Batch, denominator: str, max_length: int | None) -> np.ndarray:
    """What each token's loss counts; sums of weighted token losses are the loss of the batch.

    per_sequence  1 / (R n_i): the mean over a rollout's n_i tokens, then over all R rollouts (eq. 4)
    token         1 / (sum of n_i): the mean over all tokens (DAPO)
    constant      1 / (R max_length): a fixed budget of tokens (Dr. GRPO)
    Rollouts without a token to train on count in R: a masked, overlong one is part of its group.

    Returns [T] float32, 0 where mask is False
    """
    per_rollout = np.add.reduceat(batch.mask.astype(np.int64), np.cumsum(batch.lengths) - batch.lengths)
    if denominator == "per_sequence":
        share = 1.0 / (batch.rollout_count * np.maximum(per_rollout, 1))
    elif denominator == "token":
        share = np.full(batch.rollout_count, 1.0 / max(batch.token_count, 1))
    elif denominator == "constant":
        if not max_length:
            raise ValueError("denominator constant needs max_length, the budget of tokens that it divides by.")
        share = np.full(batch.rollout_count, 1.0 / (batch.rollout_count * max_length))
    else:
        raise ValueError(f"denominator is {denominator!r}: it must be per_sequence, token or constant.")
    weights: np.ndarray = (np.repeat(share, batch.lengths) * batch.mask).astype(np.float32)
    return weights


def cut(batch: Batch, weights: np.ndarray, positions: int) -> list[MicroBatch]:
    """Micro-batches of at most `positions` padded positions each, or one rollout where that is longer.

    Sorted by length, so that little is padding. Rollouts without a token to train on are left out: their share is in
    the weights of the others.
    """
    starts = np.cumsum(batch.lengths) - batch.lengths
    trained = [at for at in range(batch.rollout_count) if batch.mask[starts[at] : starts[at] + batch.lengths[at]].any()]
    order = sorted(trained, key=lambda at: (-batch.lengths[at], at))
    parts: list[list[int]] = []
    for at in order:
        if parts and batch.lengths[parts[-1][0]] * (len(parts[-1]) + 1) <= positions:
            parts[-1].append(at)
        else:
            parts.append([at])
    return [_micro_batch(batch, weights, starts, rows) for rows in parts]


def _micro_batch(batch: Batch, weights: np.ndarray, starts: np.ndarray, rows: list[int]) -> MicroBatch:
    longest = int(max(batch.lengths[rows]))

    def padded(stream: np.ndarray, fill: float) -> np.ndarray:
        block = np.full((len(rows), longest), fill, dtype=stream.dtype)
        for at, row in enumerate(rows):
            block[at, : batch.lengths[row]] = stream[starts[row] : starts[row] + batch.lengths[row]]
        return block

    return MicroBatch(
        torch.from_numpy(padded(batch.ids, PAD_ID)),
        torch.from_numpy(padded(batch.mask, False)[:, 1:].copy()),
        torch.from_numpy(padded(batch.behaviour_logprobs, 0)[:, 1:].copy()),
        torch.from_numpy(padded(batch.advantages, 0)[:, 1:].copy()),
        torch.from_numpy(padded(weights, 0)[:, 1:].copy()),
        torch.from_numpy(padded(batch.versions, NO_VERSION)[:, 1:].copy()),
    )
