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
    correction   for tokens that other weights sampled, by w = proximal / behaviour: `none`; `truncated`: min(w, cap);
                 `band`: w within [1 / cap, cap], else 0; `decoupled`: w up to cap, else 0
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
    objective = replace(PRESETS[preset], **named)
    _check_numbers(objective)
    return objective


def _check_numbers(objective: Objective) -> None:
    def need(is_right: bool, key: str, what: str) -> None:
        if not is_right:
            raise ValueError(f"loss.{key} is {getattr(objective, key)!r}: {what}.")

    need(0 < objective.clip_low <= 1, "clip_low", "it must be above 0 and at most 1")
    need(objective.clip_high > 0, "clip_high", "it must be above 0")
    need(objective.correction_cap >= 1, "correction_cap", "it must be 1 or more")
    need(objective.beta >= 0, "beta", "it must be 0 or more")
    has_budget = objective.denominator != "constant" or (objective.max_length or 0) > 0
    need(has_budget, "max_length", "denominator constant needs the budget of tokens that it divides by")
    is_once = objective.correction == "none" or objective.anchor == "proximal"
    need(is_once, "correction", "against the policy that sampled the ratio corrects already; set anchor to proximal")


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

        rho = exp(l - l_anchor)                                                        per token, or the sequence's mean
        ppo:    -w min(rho A, clip(rho, 1 - low, 1 + high) A) + beta KL
        cispo:  -w sg(clip(rho, 1 - low, 1 + high)) A l       + beta KL

    logprobs    [B, T] float32  log pi(a_t) under the weights being updated
    behaviour   [B, T] float32  the same under the policy that sampled
    proximal    [B, T] float32  the same under the weights before the batch's first step; None if it is this one
    reference   [B, T] float32  the same under the reference policy; None if there is no KL term
    advantages  [B, T] float32
    mask        [B, T] bool     True where the policy chose the token; what stands elsewhere, NaN too, has no effect
    Returns     [B, T] float32, 0 where mask is False
    """
    assert logprobs.ndim == 2
    assert logprobs.shape == behaviour.shape == advantages.shape == mask.shape
    logprobs, behaviour, advantages = (where(mask, values) for values in (logprobs, behaviour, advantages))
    proximal = logprobs.detach() if proximal is None else where(mask, proximal)
    anchor = behaviour if objective.anchor == "behaviour" else proximal
    ratio = policy_ratio(objective, logprobs, anchor, mask)
    clipped = ratio.clamp(1 - objective.clip_low, 1 + objective.clip_high)
    if objective.clip == "ppo":
        surrogate = torch.minimum(ratio * advantages, clipped * advantages)
    else:
        surrogate = clipped.detach() * advantages * logprobs
    if objective.correction != "none":
        surrogate = surrogate * correction_weights(objective, proximal, behaviour, mask)
    loss = -surrogate
    if objective.needs_reference:
        if reference is None:
            raise ValueError("this objective needs the reference policy's log-probabilities.")
        loss = loss + objective.beta * kl_estimate(objective.kl, logprobs, where(mask, reference))
    return where(mask, loss)


def policy_ratio(
    objective: Objective, logprobs: torch.Tensor, anchor: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """pi / anchor of each token, or of each sequence: exp of its mean log-ratio (GSPO, eq. 7), on all its tokens.

    logprobs, anchor  [B, T] float32; mask [B, T] bool
    Returns           [B, T] float32; of tokens that are masked out, 1 or the sequence's
    """
    log_ratio = where(mask, logprobs - anchor).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    if objective.ratio == "sequence":
        log_ratio = (log_ratio.sum(1) / mask.sum(1).clamp_min(1)).unsqueeze(1).expand_as(logprobs)
    return log_ratio.exp()


def correction_weights(
    objective: Objective, proximal: torch.Tensor, behaviour: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Importance weights w = proximal / behaviour of tokens that other weights sampled, without gradient.

    truncated  min(w, cap): Yao et al. 2025 (TIS)
    band       w within [1 / cap, cap], else 0: IcePop (2025)
    decoupled  w up to cap, else 0: Fu et al. 2025 (AReaL), eq. 5 with its filter
    The level says whether w is a token's or the product over its sequence.

    proximal, behaviour  [B, T] float32; mask [B, T] bool
    Returns              [B, T] float32
    """
    log_weight = where(mask, proximal - behaviour)
    if objective.correction_level == "sequence":
        log_weight = log_weight.sum(1, keepdim=True).expand_as(proximal)
    weight = log_weight.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp().detach()
    cap = objective.correction_cap
    if objective.correction == "truncated":
        return weight.clamp_max(cap)
    lowest = 1 / cap if objective.correction == "band" else 0.0
    return where((weight >= lowest) & (weight <= cap), weight)


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


def where(mask: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """`values`, and 0 where mask is False: unlike a product it lets no NaN through, nor its gradient."""
    return torch.where(mask, values, torch.zeros((), dtype=values.dtype, device=values.device))
