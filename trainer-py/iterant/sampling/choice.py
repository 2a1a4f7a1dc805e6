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

    Three rounds of SplitMix64 (Steele, Lea and Flood 2014) used as a hash; 52 bits, never 0 or 1.

    seed, sample, position  [N] uint64
    Returns                 [N] float64
    """
    mixed = _mix(_mix(_mix(seed) ^ sample) ^ position)
    return ((mixed >> np.uint64(12)).astype(np.float64) + 0.5) / 2**52


def choose(
    logits: torch.Tensor,
    temperature: np.ndarray,
    top_p: np.ndarray,
    top_k: np.ndarray,
    min_p: np.ndarray,
    draws: np.ndarray,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples a token for each row by inversion of its distribution: one uniform number a token, whatever V is.

    The distribution is softmax(logits / temperature), cut to the top_k likeliest, to the fewest that hold top_p of it,
    and to those at least min_p times as likely as the likeliest, and renormalised. At temperature 0 the likeliest token
    is taken, and its log-probability is the untempered model's. Settings come from the host, so that what no row asks
    for costs nothing and nothing waits for the device.

    logits       [N, V] float32
    temperature  [N] float32, top_p [N] float32, top_k [N] int64 (0 keeps all), min_p [N] float32 (0 keeps all)
    draws        [N] float64 in (0, 1)
    Returns      tokens [N] int64, logprobs [N] float32 under the distribution that was sampled from; a row whose
                 logits are not finite has a log-probability that is not finite, and any token
    """
    assert logits.ndim == 2
    assert temperature.shape == top_p.shape == top_k.shape == min_p.shape == draws.shape == tuple(logits.shape[:1])
    device = logits.device
    is_greedy = temperature == 0
    if (temperature != 1).any():
        scale = torch.from_numpy(np.where(is_greedy, 1.0, temperature).astype(np.float32)).to(device)
        logprobs = torch.log_softmax(logits / scale.unsqueeze(1), dim=-1)
    else:
        logprobs = torch.log_softmax(logits, dim=-1)
    cut_rows = np.flatnonzero(((top_p < 1) | (top_k > 0) | (min_p > 0)) & ~is_greedy)
    if len(cut_rows) > 0:
        rows = torch.from_numpy(cut_rows).to(device)
        logprobs[rows] = _cut(logprobs[rows], top_p[cut_rows], top_k[cut_rows], min_p[cut_rows])
    cumulative = logprobs.to(torch.float64).exp_().cumsum_(dim=-1)
    # The sum misses 1 by rounding: drawing from what it is keeps the last token in reach and impossible ones out of it.
    target = torch.from_numpy(draws).to(device).unsqueeze(1) * cumulative[:, -1:]
    tokens = torch.searchsorted(cumulative, target, right=False).squeeze(1)
    if is_greedy.any():
        tokens = torch.where(torch.from_numpy(is_greedy).to(device), logits.argmax(dim=-1), tokens)
    tokens = tokens.clamp(max=logits.shape[1] - 1)  # NaN sorts behind everything
    return tokens, logprobs.gather(1, tokens.unsqueeze(1)).squeeze(1)


def _cut(logprobs: torch.Tensor, top_p: np.ndarray, top_k: np.ndarray, min_p: np.ndarray) -> torch.Tensor:
    """[N, V] log-probabilities, -inf where they are cut off. Ties go to the lower id."""
    size = logprobs.shape[1]
    ordered, order = logprobs.sort(dim=-1, descending=True, stable=True)
    rank = torch.arange(size, device=logprobs.device)
    limit = torch.from_numpy(np.where(top_k > 0, top_k, size)).to(logprobs.device).unsqueeze(1)
    # Top-k first, then top-p of what is left, then min-p, as the Hugging Face samplers do.
    kept = torch.log_softmax(ordered.masked_fill(rank >= limit, float("-inf")), dim=-1)
    probabilities = kept.exp()
    before = (
        probabilities.cumsum(dim=-1, dtype=torch.float64) - probabilities
    )  # what the likelier ones hold: 0 for the first, which stays
    share = torch.from_numpy(np.where(top_p < 1, top_p, np.inf)).to(logprobs.device).unsqueeze(1)
    kept = torch.log_softmax(kept.masked_fill(before >= share, float("-inf")), dim=-1)
    if (min_p > 0).any():
        least = kept[:, :1] + torch.log(torch.from_numpy(min_p).to(logprobs.device)).unsqueeze(1)
        kept = torch.log_softmax(kept.masked_fill(kept < least, float("-inf")), dim=-1)
    return torch.empty_like(kept).scatter_(1, order, kept)


def penalise(logits: torch.Tensor, seen: list[np.ndarray | None], penalty: np.ndarray) -> None:
    """Makes tokens that were seen less likely, in place: Hugging Face's repetition penalty (Keskar et al. 2019).

    A logit above 0 is divided by the penalty, one below is multiplied with it.

    logits   [N, V] float32
    seen     ids of prompt and response so far of each row, [T] int, None where nothing is to be done
    penalty  [N] float32, 1 for none
    """
    for row, ids in enumerate(seen):
        if ids is None:
            continue
        known = torch.from_numpy(np.unique(ids).astype(np.int64)).to(logits.device)
        values = logits[row, known]
        factor = float(penalty[row])
        logits[row, known] = torch.where(values > 0, values / factor, values * factor)


def _mix(value: np.ndarray) -> np.ndarray:
    value = value + _GOLDEN
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    mixed: np.ndarray = value ^ (value >> np.uint64(31))
    return mixed
