"""Batches as they come over the wire, made up for tests: shapes right, numbers drawn by a seed."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from iterant.batch import hash_prompt


def make_batch(
    seed: int, shapes: Sequence[tuple[int, int]], vocabulary: int, masked: Sequence[int] = ()
) -> dict[str, Any]:
    """One rollout for each (prompt length, response length); those in `masked` are there with a mask of zeros.

    Prompts of the same length are the same prompt.
    """
    draw = np.random.default_rng(seed)
    streams: dict[str, list[np.ndarray]] = {
        name: [] for name in ("ids", "mask", "behaviour_logprobs", "advantages", "versions")
    }
    prompts: dict[int, np.ndarray] = {}
    for at, (prompt, response) in enumerate(shapes):
        is_trained = at not in masked
        sampled = np.r_[np.zeros(prompt), np.full(response, float(is_trained))]
        ids = draw.integers(5, vocabulary, prompt + response)
        ids[:prompt] = prompts.setdefault(prompt, ids[:prompt])
        streams["ids"].append(ids)
        streams["mask"].append(sampled)
        streams["behaviour_logprobs"].append(-draw.uniform(0.5, 4, prompt + response) * sampled)
        streams["advantages"].append(draw.normal() * sampled)
        streams["versions"].append(np.where(sampled > 0, 0, -1))
    lengths = np.array([prompt + response for prompt, response in shapes], dtype=np.int32)
    return {
        "batch_id": f"made-{seed}",
        "ids": np.concatenate(streams["ids"]).astype(np.int32),
        "mask": np.concatenate(streams["mask"]).astype(np.uint8).tobytes(),
        "behaviour_logprobs": np.concatenate(streams["behaviour_logprobs"]).astype(np.float32),
        "advantages": np.concatenate(streams["advantages"]).astype(np.float32),
        "versions": np.concatenate(streams["versions"]).astype(np.int32),
        "lengths": lengths,
        "prompt_lengths": np.array([prompt for prompt, _ in shapes], dtype=np.int32),
        "rollout_ids": [f"r{at}" for at in range(len(shapes))],
        "prompt_hashes": [hash_prompt(ids[:prompt]) for ids, (prompt, _) in zip(streams["ids"], shapes, strict=True)],
    }
