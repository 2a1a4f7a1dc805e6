"""What every engine computes on its share of a batch: forward, token losses, sums. Knows no optimiser and no rank."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch

from iterant.batch import MicroBatch
from iterant.engines.seam import Sums
from iterant.losses import Objective, gather_logprobs, kl_estimate, policy_ratio, token_losses, where


class Policy:
    """Runs one model over micro-batches at one temperature."""

    def __init__(self, temperature: float, autocast: str, device: torch.device) -> None:
        self._temperature = temperature
        self._autocast = autocast
        self._device = device

    def forward(self, model: Any, micro: MicroBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """[B, T - 1] log-probabilities of the tokens that came next, and entropies.

        Padding stands on the right, where a causal model never looks from a real token: no mask is needed.
        """
        context = (
            torch.autocast(self._device.type, dtype=torch.bfloat16) if self._autocast == "bfloat16" else nullcontext()
        )
        with context:
            logits = model(input_ids=micro.ids, use_cache=False).logits
        return gather_logprobs(logits[:, :-1], micro.ids[:, 1:], self._temperature)

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


def add_sums(total: Sums, part: Sums) -> None:
    """Adds up; what ends in `_max` keeps the larger."""
    for name, value in part.items():
        total[name] = max(total.get(name, value), value) if name.endswith("_max") else total.get(name, 0.0) + value


def device_of(name: str) -> torch.device:
    """auto: CUDA where there is one."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
