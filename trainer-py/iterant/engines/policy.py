"""What every engine computes on its share of a batch: forward, token losses, sums. Knows no optimiser and no rank."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from iterant.batch import Batch
from iterant.engines.seam import Sums
from iterant.losses import Objective, gather_logprobs, kl_estimate, policy_ratio, token_losses, where
from iterant.micro_batch import MicroBatch, cut

# Of log-probabilities in float32; layouts that are not the same differ by tenths.
SAME_WITHIN = 1e-3


class Policy:
    """Runs one model over micro-batches at one temperature."""

    def __init__(self, temperature: float, autocast: str, device: torch.device) -> None:
        self._temperature = temperature
        self._autocast = autocast
        self._device = device

    def forward(self, model: Any, micro: MicroBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """[R, S] log-probabilities of the response tokens, and the entropies where they were chosen."""
        layout: dict[str, torch.Tensor | None] = {}
        if micro.segments is not None:
            layout = {"position_ids": micro.positions, "attention_mask": micro.attention_mask()}
        context = (
            torch.autocast(self._device.type, dtype=torch.bfloat16) if self._autocast == "bfloat16" else nullcontext()
        )
        with context:
            # Without use_cache=False rows that share a prompt come out wrong, and nothing says so.
            logits = model(input_ids=micro.ids, use_cache=False, **layout).logits
        chosen = logits.flatten(0, 1).index_select(0, micro.sources.flatten())
        return gather_logprobs(chosen.unflatten(0, micro.sources.shape), micro.targets, self._temperature)

    def score(self, model: Any, micro_batches: Sequence[MicroBatch]) -> list[torch.Tensor]:
        with torch.no_grad():
            return [self.forward(model, micro.to(self._device))[0].cpu() for micro in micro_batches]

    def loss(
        self,
        model: Any,
        micro: MicroBatch,
        objective: Objective,
        proximal: torch.Tensor | None,
        reference: torch.Tensor | None,
    ) -> tuple[torch.Tensor, Sums]:
        """[] the micro-batch's part of the batch's loss, and sums over its tokens."""
        micro = micro.to(self._device)
        proximal = None if proximal is None else proximal.to(self._device)
        reference = None if reference is None else reference.to(self._device)
        logprobs, entropy = self.forward(model, micro)
        losses = token_losses(
            objective, logprobs, micro.behaviour_logprobs, proximal, reference, micro.advantages, micro.mask
        )
        loss = (losses * micro.weights).sum()
        with torch.no_grad():
            sums = _sums(objective, micro, logprobs.detach(), entropy, proximal, reference)
            sums["loss"] = loss.detach()
            names, values = zip(*sums.items(), strict=True)
            numbers = torch.stack([value.double() for value in values]).tolist()  # one wait for the device, not ten
        return loss, dict(zip(names, numbers, strict=True))


def _sums(
    objective: Objective,
    micro: MicroBatch,
    logprobs: torch.Tensor,
    entropy: torch.Tensor,
    proximal: torch.Tensor | None,
    reference: torch.Tensor | None,
) -> dict[str, torch.Tensor]:
    mask = micro.mask
    behaviour = micro.behaviour_logprobs
    proximal = logprobs if proximal is None else proximal
    ratio = policy_ratio(objective, logprobs, behaviour if objective.anchor == "behaviour" else proximal, mask)
    is_clipped = mask & ((ratio < 1 - objective.clip_low) | (ratio > 1 + objective.clip_high))
    ratio = where(mask, ratio)
    gap = where(micro.is_fresh, (logprobs - behaviour).abs())
    sums = {
        "tokens": mask.sum(),
        "entropy": where(mask, entropy).sum(),
        "ratio": ratio.sum(),
        "ratio_max": ratio.max(),
        "clipped": is_clipped.sum(),
        "fresh": micro.is_fresh.sum(),
        "gap": gap.sum(),
        "gap_max": gap.max(),
    }
    if reference is not None:
        sums["kl"] = where(mask, kl_estimate("k3", logprobs, reference)).sum()
    return sums


def sharing_width(model: Any, device: torch.device) -> int:
    """The hidden size of a model that reads a shared prompt once and scores as if it had not; else 0.

    Tried out on the model itself: some take no such mask, some carry state from token to token. One with a sliding
    window is not tried: nothing short shows what it does.
    """
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds != {"full_attention"} or getattr(config, "sliding_window", None) is not None:
        return 0
    draw = np.random.default_rng(0)
    prompt, lengths = draw.integers(0, config.vocab_size, 5), np.array([9, 12, 8])
    ids = np.concatenate([np.r_[prompt, draw.integers(0, config.vocab_size, length - 5)] for length in lengths])
    mask = np.concatenate([np.arange(length) >= 5 for length in lengths])
    nothing = np.zeros(len(ids), dtype=np.float32)
    batch = Batch("self-test", ids, mask, nothing, nothing, np.zeros_like(ids), lengths, np.full(3, 5))
    policy = Policy(1.0, "none", device)  # in float32: what bfloat16 rounds away would hide the difference
    (apart,) = policy.score(model, cut(batch, nothing, 100, 0))
    try:
        (shared,) = policy.score(model, cut(batch, nothing, 100, 0, width=1000))
    except (TypeError, ValueError, RuntimeError):
        return 0  # it takes no positions, or no mask of four dimensions
    order = [1, 0, 2]  # rows of one rollout are sorted by length
    return int(config.hidden_size) if torch.allclose(shared[order], apart, atol=SAME_WITHIN) else 0


def add_sums(total: Sums, part: Sums) -> None:
    """Adds up; what ends in `_max` keeps the larger."""
    for name, value in part.items():
        total[name] = max(total.get(name, value), value) if name.endswith("_max") else total.get(name, 0.0) + value


def device_of(name: str) -> torch.device:
    """auto: CUDA where there is one."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
