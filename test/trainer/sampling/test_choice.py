"""From logits to tokens: the right distribution, exact log-probabilities, one number for each place."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers import MinPLogitsWarper, RepetitionPenaltyLogitsProcessor, TopKLogitsWarper

from iterant.sampling.choice import choose, penalise, uniform


def draws_of(count: int, seed: int = 0) -> np.ndarray:
    at = np.arange(count, dtype=np.uint64)
    return uniform(np.full(count, seed, np.uint64), np.zeros(count, np.uint64), at)


def choose_alike(  # type: ignore[no-untyped-def]
    logits: list[float], count: int, temperature: float = 1.0, top_p: float = 1.0, top_k: int = 0, min_p: float = 0.0
):
    rows = torch.tensor([logits]).expand(count, -1)
    return choose(
        rows,
        np.full(count, temperature, np.float32),
        np.full(count, top_p, np.float32),
        np.full(count, top_k),
        np.full(count, min_p, np.float32),
        draws_of(count),
    )


def test_uniform_numbers_are_spread_evenly_and_never_0_or_1() -> None:
    numbers = draws_of(100_000)
    assert numbers.min() > 0
    assert numbers.max() < 1
    counts, _ = np.histogram(numbers, bins=20, range=(0, 1))
    chi_square = float(((counts - 5000) ** 2 / 5000).sum())
    assert chi_square < 45  # 19 degrees of freedom: above 43.8 once in a thousand


def test_neighbours_in_seed_sample_and_position_have_numbers_of_their_own() -> None:
    grid = np.array([(s, n, p) for s in range(8) for n in range(8) for p in range(8)], dtype=np.uint64)
    numbers = uniform(grid[:, 0], grid[:, 1], grid[:, 2])
    assert len(np.unique(numbers)) == 512
    assert abs(float(np.corrcoef(numbers[:-1], numbers[1:])[0, 1])) < 0.15


def test_tokens_come_as_often_as_the_distribution_says() -> None:
    logits = [0.0, 1.0, 2.0, -3.0]
    tokens, _ = choose_alike(logits, 40_000, temperature=0.7)
    expected = torch.softmax(torch.tensor(logits) / 0.7, dim=0)
    shares = torch.bincount(tokens, minlength=4) / 40_000
    torch.testing.assert_close(shares, expected, atol=0.01, rtol=0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-8, 8), min_size=2, max_size=12),
    st.floats(0.2, 2),
    st.floats(0.1, 1),
    st.integers(0, 12),
)
def test_logprobs_are_those_of_the_cut_distribution_by_an_oracle(
    logits: list[float], temperature: float, top_p: float, top_k: int
) -> None:
    tokens, logprobs = choose_alike(logits, 64, temperature, top_p, top_k)
    scaled = torch.log_softmax(torch.tensor(logits) / temperature, dim=0).tolist()
    ranked = sorted(range(len(logits)), key=lambda at: (-scaled[at], at))
    likeliest = ranked[: top_k or None]
    reach = top_p * sum(math.exp(scaled[at]) for at in likeliest)
    kept: list[int] = []
    held = 0.0
    for at in likeliest:
        assume(top_p == 1 or abs(held - reach) > 1e-5)  # on the edge, rounding decides
        if kept and top_p < 1 and held >= reach:
            break
        kept.append(at)
        held += math.exp(scaled[at])
    total = sum(math.exp(scaled[at]) for at in kept)
    for token, logprob in zip(tokens.tolist(), logprobs.tolist(), strict=True):
        if token not in kept:  # a tie at the cut may fall either way
            assert min(abs(scaled[token] - scaled[at]) for at in kept) < 1e-5
            continue
        assert logprob == pytest.approx(scaled[token] - math.log(total), abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-80, 80), min_size=2, max_size=12, unique=True),  # no ties: they may fall either way
    st.integers(0, 12),
    st.floats(0.01, 0.9),
)
def test_min_p_keeps_what_transformers_keeps(tenths: list[int], top_k: int, min_p: float) -> None:
    logits = [tenth / 10 for tenth in tenths]
    assume(all(abs(logit - max(logits) - math.log(min_p)) > 1e-5 for logit in logits))  # on the edge, rounding decides
    scores = torch.tensor([logits])
    if top_k > 0:
        scores = TopKLogitsWarper(min(top_k, len(logits)))(None, scores)
    expected = MinPLogitsWarper(min_p)(None, scores).log_softmax(dim=-1)[0]
    tokens, logprobs = choose_alike(logits, 64, top_k=top_k, min_p=min_p)
    for token, logprob in zip(tokens.tolist(), logprobs.tolist(), strict=True):
        assert float(expected[token]) == pytest.approx(logprob, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-8, 8, width=32), min_size=4, max_size=4),
    st.lists(st.integers(0, 3), min_size=1),
    st.floats(0.5, 2, width=32),
)
def test_what_was_seen_is_penalised_as_transformers_does_and_other_rows_are_left_alone(
    logits: list[float], seen: list[int], penalty: float
) -> None:
    rows = torch.tensor([logits, logits])
    penalise(rows, [np.array(seen), None], np.array([penalty, 1], np.float32))
    expected = RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([seen]), torch.tensor([logits]))
    torch.testing.assert_close(rows, torch.cat([expected, torch.tensor([logits])]))


def test_at_temperature_0_the_likeliest_is_taken_with_the_untempered_models_logprob() -> None:
    tokens, logprobs = choose_alike([0.0, 3.0, 1.0], 4, temperature=0.0, top_p=0.5, top_k=1)
    assert tokens.tolist() == [1] * 4
    assert float(logprobs[0]) == pytest.approx(float(torch.log_softmax(torch.tensor([0.0, 3.0, 1.0]), 0)[1]))


def test_what_cannot_be_is_never_drawn() -> None:
    tokens, _ = choose_alike([float("-inf"), 0.0, float("-inf"), 0.0, float("-inf")], 5000)
    assert set(tokens.tolist()) == {1, 3}
