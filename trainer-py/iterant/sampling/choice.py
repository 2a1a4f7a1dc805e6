"""From logits to tokens and their exact log-probabilities; many sequences at once, each with its own settings.

A token follows from (seed, sample, position) and the distribution alone: a counter-based generator gives each its own
uniform number, so that nothing depends on who else is in the batch.
"""

import numpy as np
import torch

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def uniform(seed: np.ndarray, sample: np.ndarray, position: np.ndarray) -> np.ndarray:
    """One number in (0, 1) for each (seed, sample, position).

    Three rounds of SplitMix64 (Steele, Lea and Flood 2014) used as a hash; 53 bits, never 0 or 1.

    seed, sample, position  [N] uint64
    Returns                 [N] float64
    """
    mixed = _mix(_mix(_mix(seed) ^ sample) ^ position)
    return ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53


def choose(
    logits: torch.Tensor,
    temperature: torch.Tensor,
    top_p: torch.Tensor,
    top_k: torch.Tensor,
    draws: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples a token for each row by inversion of its distribution.

    The distribution is softmax(logits / temperature), cut to the top_k likeliest and to the fewest that hold top_p of
    it, and renormalised. At temperature 0 the likeliest token is taken, and its log-probability is the untempered
    model's.

    logits       [N, V] float32
    temperature  [N] float32, top_p [N] float32, top_k [N] int64 (0 keeps all)
    draws        [N] float64 in (0, 1)
    Returns      tokens [N] int64, logprobs [N] float32 under the distribution that was sampled from
    """
    assert logits.ndim == 2
    assert temperature.shape == top_p.shape == top_k.shape == draws.shape == logits.shape[:1]
    is_greedy = temperature == 0
    logprobs = torch.log_softmax(logits / torch.where(is_greedy, 1.0, temperature).unsqueeze(1), dim=-1)
    if bool(((top_p < 1) | (top_k > 0)).any()):
        logprobs = _cut(logprobs, top_p, top_k, is_greedy)
    cumulative = logprobs.to(torch.float64).exp_().cumsum_(dim=-1)
    # The sum misses 1 by rounding: drawing from what it is keeps the last token in reach and impossible ones out of it.
    target = (draws * cumulative[:, -1]).unsqueeze(1)
    tokens = torch.searchsorted(cumulative, target, right=False).squeeze(1)
    if bool(is_greedy.any()):
        tokens = torch.where(is_greedy, logits.argmax(dim=-1), tokens)
    return tokens, logprobs.gather(1, tokens.unsqueeze(1)).squeeze(1)


def _cut(logprobs: torch.Tensor, top_p: torch.Tensor, top_k: torch.Tensor, is_greedy: torch.Tensor) -> torch.Tensor:
    size = logprobs.shape[1]
    ordered, order = logprobs.sort(dim=-1, descending=True, stable=True)
    probabilities = ordered.exp()
    before = probabilities.cumsum(dim=-1) - probabilities  # what the likelier ones hold: the first always stays
    rank = torch.arange(size, device=logprobs.device)
    limit = torch.where(top_k > 0, top_k, size).unsqueeze(1)
    is_out = ((before >= top_p.unsqueeze(1)) & (top_p < 1).unsqueeze(1)) | (rank >= limit)
    is_out &= ~is_greedy.unsqueeze(1)
    is_out[:, 0] = False
    kept = ordered.masked_fill(is_out, float("-inf"))
    return torch.empty_like(kept).scatter_(1, order, torch.log_softmax(kept, dim=-1))


def _mix(value: np.ndarray) -> np.ndarray:
    value = value + _GOLDEN
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    mixed: np.ndarray = value ^ (value >> np.uint64(31))
    return mixed
