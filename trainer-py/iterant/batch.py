"""The wire batch: flat per-token streams, checked at the door, and what each token counts in the loss of the whole.

Knows shapes, masks and policy versions; knows neither tasks, rewards nor environments. The other side of this page is
actors/batch.ts.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

STREAMS = ("ids", "mask", "behaviour_logprobs", "advantages", "versions")
PER_ROLLOUT = ("lengths", "prompt_lengths", "rollout_ids", "prompt_hashes")


@dataclass(frozen=True)
class Batch:
    """R rollouts laid end to end make T tokens; rollout i takes the next `lengths[i]` of them.

    ids                 [T] int64
    mask                [T] bool     True where the token is trained on
    behaviour_logprobs  [T] float32  under the policy that sampled; 0 where mask is False
    advantages          [T] float32  0 where mask is False
    versions            [T] int64    policy version that sampled; -1 where mask is False
    lengths             [R] int64    sum to T
    prompt_lengths      [R] int64    at least 1 each; what comes after is the response, observations included
    """

    batch_id: str
    ids: np.ndarray
    mask: np.ndarray
    behaviour_logprobs: np.ndarray
    advantages: np.ndarray
    versions: np.ndarray
    lengths: np.ndarray
    prompt_lengths: np.ndarray

    @property
    def token_count(self) -> int:
        """Tokens that are trained on."""
        return int(self.mask.sum())

    @property
    def rollout_count(self) -> int:
        return len(self.lengths)

    @property
    def starts(self) -> np.ndarray:
        """[R] int64, where each rollout begins."""
        starts: np.ndarray = np.cumsum(self.lengths) - self.lengths
        return starts


def parse_batch(wire: Mapping[str, Any], vocabulary_size: int | None = None) -> Batch:
    """A batch as it came over the wire. Raises ValueError naming the batch and the first thing that cannot be."""
    batch_id = str(wire.get("batch_id", "without id"))

    def need(is_right: bool, what: str) -> None:
        if not is_right:
            raise ValueError(f"{what} - batch {batch_id} - hand over batches as actors/batch.ts makes them.")

    for name in (*STREAMS, *PER_ROLLOUT):
        need(name in wire, f"it has no {name}")
    arrays = {name: _array(wire[name]) for name in (*STREAMS, "lengths", "prompt_lengths")}
    ids, mask, lengths, prompts = (arrays[name] for name in ("ids", "mask", "lengths", "prompt_lengths"))
    tokens, rollouts = len(ids), len(lengths)
    for name in STREAMS:
        need(arrays[name].shape == (tokens,), f"{name} has shape {list(arrays[name].shape)}, not [{tokens}]")
    for name in PER_ROLLOUT:
        need(len(wire[name]) == rollouts, f"{name} has {len(wire[name])} of {rollouts} rollouts")
    is_end_to_end = rollouts > 0 and lengths.min() > 0 and int(lengths.sum()) == tokens
    need(is_end_to_end, f"its lengths {lengths.tolist()[:8]} do not lay {tokens} tokens end to end")
    need(bool(((prompts >= 1) & (prompts <= lengths)).all()), "a prompt is empty, or longer than its rollout")
    need(len(set(wire["rollout_ids"])) == rollouts, "a rollout is in it twice")
    for name in ("ids", "versions"):
        need(arrays[name].dtype.kind in "iu", f"{name} are {arrays[name].dtype}, not whole numbers")
    if vocabulary_size is not None:
        is_known = ids.min() >= 0 and ids.max() < vocabulary_size
        need(bool(is_known), f"it has ids outside the model's 0 to {vocabulary_size - 1}")
    need(bool(np.isin(mask, (0, 1)).all()), "mask holds something else than 0 and 1")
    trained = mask.astype(bool)
    starts = np.cumsum(lengths) - lengths
    need(not _prompt_positions(starts, prompts, tokens)[trained].any(), "a token of a prompt is trained on")
    for name in ("behaviour_logprobs", "advantages"):
        need(bool(np.isfinite(arrays[name]).all()), f"{name} holds a number that is not finite")
    need(not (arrays["versions"][trained] < 0).any(), "a token that is trained on has no version")
    for at, said in enumerate(wire["prompt_hashes"]):
        found = hash_prompt(ids[starts[at] : starts[at] + prompts[at]])
        need(found == said, f"the prompt of rollout {wire['rollout_ids'][at]} hashes to {found}, not to {said}")
    return Batch(
        batch_id,
        ids.astype(np.int64),
        trained,
        arrays["behaviour_logprobs"].astype(np.float32),
        arrays["advantages"].astype(np.float32),
        arrays["versions"].astype(np.int64),
        lengths.astype(np.int64),
        prompts.astype(np.int64),
    )


def hash_prompt(ids: np.ndarray) -> str:
    """As `hashPrompt` of actors/rollout.ts: what a rollout was sampled from is what it is trained on."""
    return hashlib.sha256(ids.astype("<i4").tobytes()).hexdigest()[:32]


def _array(value: Any) -> np.ndarray:
    """A stream; the wire carries arrays of bytes as bytes."""
    return np.frombuffer(value, dtype=np.uint8) if isinstance(value, bytes | bytearray) else np.asarray(value)


def _prompt_positions(starts: np.ndarray, prompts: np.ndarray, tokens: int) -> np.ndarray:
    """[T] bool, True where a token is of a prompt; the prompts end where their rollouts' responses begin."""
    steps = np.zeros(tokens + 1, dtype=np.int64)
    np.add.at(steps, starts, 1)
    np.add.at(steps, starts + prompts, -1)
    inside: np.ndarray = np.cumsum(steps[:tokens]) > 0
    return inside


def token_weights(batch: Batch, denominator: str, max_length: int | None) -> np.ndarray:
    """What each token's loss counts; sums of weighted token losses are the loss of the batch.

    per_sequence  1 / (R n_i): the mean over a rollout's n_i tokens, then over all R rollouts (eq. 4)
    token         1 / (sum of n_i): the mean over all tokens (DAPO)
    constant      1 / (R max_length): a fixed budget of tokens (Dr. GRPO)
    Rollouts without a token to train on count in R: a masked, overlong one is part of its group.

    Returns [T] float32, 0 where mask is False
    """
    per_rollout = np.add.reduceat(batch.mask.astype(np.int64), batch.starts)
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
