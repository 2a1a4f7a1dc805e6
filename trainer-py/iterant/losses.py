"""The objective, from orthogonal knobs; papers' names are presets over them.

Pure functions of log-probabilities, advantages and masks. What a token's loss counts in the whole (`denominator`) is
settled in `batch.token_weights`, so that nothing here depends on how a batch was cut.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch

# Differences of log-probabilities are clamped to this before they are raised to a power (open-instruct).
MAX_LOG_RATIO = 40.0


@dataclass(frozen=True)
class Objective:
    """anchor       what the clipped ratio is taken against: the policy that sampled (`behaviour`), or the weights
                  before the batch's first step (`proximal`)
    ratio        of each token, or one for the sequence: exp of the mean log-ratio (GSPO)
    clip         `ppo` takes the worse of clipped and unclipped; `cispo` weighs the log-probability by the clipped ratio
    clip_low, clip_high  the ratio is kept in [1 - low, 1 + high]
    correction   weight for tokens that other weights sampled, from proximal / behaviour: `none`; `truncated` at cap;
                 `band` drops what lies outside [1 / cap, cap]; `decoupled` takes it as it is, up to cap
    kl, beta     estimator of the divergence from the reference policy, and its coefficient
    denominator, max_length  see `batch.token_weights`
    """

    anchor: str = "behaviour"
    ratio: str = "token"
    clip: str = "ppo"
    clip_low: float = 0.2
    clip_high: float = 0.2
    correction: str = "none"
    correction_level: str = "token"
    correction_cap: float = 2.0
    kl: str = "none"
    beta: float = 0.0
    denominator: str = "per_sequence"
    max_length: int | None = None

    @property
    def needs_proximal(self) -> bool:
        return self.anchor == "proximal" or self.correction != "none"

    @property
    def needs_reference(self) -> bool:
        return self.kl != "none" and self.beta > 0


PRESETS: dict[str, Objective] = {
    # Shao et al. 2024 and the paper's eq. 4: per-sequence mean, symmetric clip, k3 with beta 0.001
    "grpo": Objective(kl="k3", beta=0.001),
    # Liu et al. 2025b: no division by length; the centred advantage is the group's affair
    "dr_grpo": Objective(denominator="constant", max_length=1024),
    # Yu et al. 2025: clip higher, mean over all tokens, no KL
    "dapo": Objective(clip_high=0.28, denominator="token"),
    # Zheng et al. 2025: one ratio a sequence, clipped narrowly
    "gspo": Objective(ratio="sequence", clip_low=3e-4, clip_high=4e-4),
    # MiniMax 2025: the weight is clipped, never the gradient
    "cispo": Objective(clip="cispo", clip_low=1.0, clip_high=4.0, denominator="token"),
    # Fu et al. 2025 (AReaL): clip against the proximal policy, weigh by proximal / behaviour
    "decoupled": Objective(anchor="proximal", correction="decoupled", correction_cap=5.0, denominator="token"),
}

_CHOICES = {
    "anchor": ("behaviour", "proximal"),
    "ratio": ("token", "sequence"),
    "clip": ("ppo", "cispo"),
    "correction": ("none", "truncated", "band", "decoupled"),
    "correction_level": ("token", "sequence"),
    "kl": ("none", "k1", "k2", "k3"),
    "denominator": ("per_sequence", "token", "constant"),
}


def objective_of(config: Mapping[str, Any]) -> Objective:
    """A preset by `config["preset"]`, with every other key of the config over it. Raises ValueError naming the key."""
    named = dict(config)
    preset = named.pop("preset", "grpo")
    if preset not in PRESETS:
        raise ValueError(f"loss.preset is {preset!r}: it must be one of {', '.join(PRESETS)}.")
    known = {field.name for field in fields(Objective)}
    for key, value in named.items():
        if key not in known:
            raise ValueError(f"loss.{key} is no key: known are {', '.join(sorted(known))}.")
        if key in _CHOICES and value not in _CHOICES[key]:
            raise ValueError(f"loss.{key} is {value!r}: it must be one of {', '.join(_CHOICES[key])}.")
    return replace(PRESETS[preset], **named)


def token_losses(
    objective: Objective,
    logprobs: torch.Tensor,
    behaviour: torch.Tensor,
    proximal: torch.Tensor | None,
    reference: torch.Tensor | None,
    advantages: torch.Tensor,
    mask: torch.Tensor,
) -> torch.Tensor:
    """The loss of each token, before weights: minus the surrogate of eq. 4, plus beta times the KL estimate.

    logprobs    [B, T] float32  log pi(a_t) under the weights being updated
    behaviour   [B, T] float32  the same under the policy that sampled
    proximal    [B, T] float32  the same under the weights before the batch's first step; None if not needed
    reference   [B, T] float32  the same under the reference policy; None if not needed
    advantages  [B, T] float32
    mask        [B, T] bool     True where the policy chose the token
    Returns     [B, T] float32, 0 where mask is False
    """
    assert logprobs.ndim == 2
    assert logprobs.shape == behaviour.shape == advantages.shape == mask.shape
    anchor = behaviour if objective.anchor == "behaviour" else _needed(proximal, "proximal")
    log_ratio = (logprobs - anchor).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO) * mask
    if objective.ratio == "sequence":
        log_ratio = (log_ratio.sum(1) / mask.sum(1).clamp_min(1)).unsqueeze(1).expand_as(logprobs)
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - objective.clip_low, 1 + objective.clip_high)
    if objective.clip == "ppo":
        surrogate = torch.minimum(ratio * advantages, clipped * advantages)
    else:
        surrogate = clipped.detach() * advantages * logprobs
    if objective.correction != "none":
        surrogate = surrogate * correction_weights(objective, _needed(proximal, "proximal"), behaviour, mask)
    loss = -surrogate
    if objective.needs_reference:
        loss = loss + objective.beta * kl_estimate(objective.kl, logprobs, _needed(reference, "reference"))
    return loss * mask


def correction_weights(
    objective: Objective, proximal: torch.Tensor, behaviour: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Importance weights of tokens that other weights sampled, without gradient (TIS: Yao et al. 2025).

    proximal, behaviour  [B, T] float32; mask [B, T] bool
    Returns              [B, T] float32
    """
    log_weight = (proximal - behaviour).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO) * mask
    if objective.correction_level == "sequence":
        log_weight = log_weight.sum(1, keepdim=True).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).expand_as(proximal)
    weight = log_weight.exp().detach()
    cap = objective.correction_cap
    if objective.correction == "band":
        return ((weight >= 1 / cap) & (weight <= cap)).to(weight.dtype)
    return weight.clamp_max(cap)


def kl_estimate(kind: str, logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Estimates of KL(pi || ref) from one sample a token (Schulman 2020); differentiable in `logprobs`.

    k1 = l - r; k2 = (l - r)^2 / 2; k3 = exp(r - l) - (r - l) - 1, never negative

    logprobs, reference  [B, T] float32
    Returns              [B, T] float32
    """
    assert logprobs.shape == reference.shape
    difference = (logprobs - reference).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    if kind == "k1":
        return difference
    if kind == "k2":
        return difference.square() / 2
    if kind == "k3":
        return torch.exp(-difference) + difference - 1
    raise ValueError(f"there is no KL estimator {kind!r}: say k1, k2 or k3.")


def gather_logprobs(logits: torch.Tensor, ids: torch.Tensor, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of the tokens that came next, and the entropy where each was chosen.

    logits       [B, T, V]   of every position but the last
    ids          [B, T]      the token that came after each
    temperature  with which it was sampled: ratios are 1 on-policy only if it is the same here
    Returns      [B, T] float32 with gradient, [B, T] float32 without
    """
    assert logits.ndim == 3
    assert logits.shape[:2] == ids.shape
    scaled = logits.float() / temperature
    normalised = torch.log_softmax(scaled, dim=-1)
    chosen = normalised.gather(2, ids.unsqueeze(2)).squeeze(2)
    with torch.no_grad():
        entropy = -(normalised.exp() * normalised).sum(-1)
    return chosen, entropy


def _needed(logprobs: torch.Tensor | None, name: str) -> torch.Tensor:
    if logprobs is None:
        raise ValueError(f"this objective needs the {name} policy's log-probabilities.")
    return logprobs
