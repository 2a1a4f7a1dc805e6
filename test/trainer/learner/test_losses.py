"""The objective against the paper's numbers, a slow oracle written otherwise, and finite differences."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iterant.batch import parse_batch, token_weights
from iterant.losses import (
    PRESETS,
    Objective,
    correction_weights,
    gather_logprobs,
    kl_estimate,
    objective_of,
    policy_ratio,
    token_losses,
)
from wire_batches import make_batch


def one(value: float) -> torch.Tensor:
    return torch.tensor([[value]], dtype=torch.float64)


def loss_of(log_ratio: float, advantage: float, objective: Objective = Objective()) -> float:  # noqa: B008 frozen
    losses = token_losses(objective, one(log_ratio - 1), one(-1), None, None, one(advantage), torch.tensor([[True]]))
    return float(losses)


@pytest.mark.parametrize(
    ("log_ratio", "advantage", "surrogate"),
    [(0.3, 1.0, 1.2), (0.3, -1.0, -1.349859), (-0.5, -1.0, -0.8), (-0.5, 1.0, math.exp(-0.5)), (0.0, 2.0, 2.0)],
)
def test_clipping_takes_the_worse_of_both_for_either_sign(log_ratio: float, advantage: float, surrogate: float) -> None:
    assert -loss_of(log_ratio, advantage) == pytest.approx(surrogate, abs=1e-6)


def test_the_kl_estimators_of_the_papers_example() -> None:
    logprob, reference = one(-1.0), one(-1.2)
    assert float(kl_estimate("k1", logprob, reference)) == pytest.approx(0.2)
    assert float(kl_estimate("k2", logprob, reference)) == pytest.approx(0.02)
    assert float(kl_estimate("k3", logprob, reference)) == pytest.approx(0.018731, abs=1e-6)
    assert float(kl_estimate("k3", logprob, logprob)) == 0
    with pytest.raises(ValueError, match="no KL estimator 'k4': say k1, k2 or k3"):
        kl_estimate("k4", logprob, reference)


@given(st.floats(-60, 60), st.floats(-60, 60))
def test_k3_is_never_negative_and_always_finite(logprob: float, reference: float) -> None:
    value = float(kl_estimate("k3", one(logprob), one(reference)))
    assert value >= 0
    assert math.isfinite(value)


def oracle(objective: Objective, rows: list[dict[str, Any]]) -> float:
    """The loss of a batch in plain Python, token by token, as the papers write it."""
    total = 0.0
    trained = sum(len(row["l"]) for row in rows)
    for row in rows:
        count = len(row["l"])
        mean_log_ratio = 0.0
        for t in range(count):
            anchor = row["b"][t] if objective.anchor == "behaviour" else row["p"][t]
            mean_log_ratio += (row["l"][t] - anchor) / max(count, 1)
        for t in range(count):
            anchor = row["b"][t] if objective.anchor == "behaviour" else row["p"][t]
            ratio = math.exp(row["l"][t] - anchor if objective.ratio == "token" else mean_log_ratio)
            clipped = min(max(ratio, 1 - objective.clip_low), 1 + objective.clip_high)
            if objective.clip == "ppo":
                gain = min(ratio * row["A"], clipped * row["A"])
            else:
                gain = clipped * row["A"] * row["l"][t]
            stale = row["p"][t] - row["b"][t]
            if objective.correction_level == "sequence":
                stale = sum(p - b for p, b in zip(row["p"], row["b"], strict=True))
            weight = math.exp(stale)
            cap = objective.correction_cap
            gain *= {
                "none": 1.0,
                "truncated": min(weight, cap),
                "band": weight if 1 / cap <= weight <= cap else 0.0,
                "decoupled": weight if weight <= cap else 0.0,
            }[objective.correction]
            penalty = 0.0
            if objective.kl != "none":
                d = row["r"][t] - row["l"][t]
                penalty = {"k1": -d, "k2": d * d / 2, "k3": math.exp(d) - d - 1}[objective.kl]
            share = {
                "per_sequence": 1 / (len(rows) * max(count, 1)),
                "token": 1 / max(trained, 1),
                "constant": 1 / (len(rows) * (objective.max_length or 1)),
            }[objective.denominator]
            total += share * (-gain + objective.beta * penalty)
    return total


objectives = st.builds(
    Objective,
    anchor=st.sampled_from(["behaviour", "proximal"]),
    ratio=st.sampled_from(["token", "sequence"]),
    clip=st.sampled_from(["ppo", "cispo"]),
    clip_low=st.floats(0.01, 0.5),
    clip_high=st.floats(0.01, 0.5),
    correction=st.sampled_from(["none", "truncated", "band", "decoupled"]),
    correction_level=st.sampled_from(["token", "sequence"]),
    correction_cap=st.floats(1.1, 4),
    kl=st.sampled_from(["none", "k1", "k2", "k3"]),
    beta=st.floats(0.01, 0.5),
    denominator=st.sampled_from(["per_sequence", "token", "constant"]),
    max_length=st.just(16),
)
lengths = st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any)


@settings(max_examples=150, deadline=None)
@given(objectives, lengths, st.integers(0, 10_000))
def test_the_loss_is_the_oracles_for_any_mix_of_knobs(objective: Objective, counts: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    longest = max(counts)
    drawn = {name: -3 * torch.rand(len(counts), longest, dtype=torch.float64) for name in "lbpr"}
    advantages = torch.randn(len(counts), 1, dtype=torch.float64).expand(-1, longest)
    mask = torch.arange(longest) < torch.tensor(counts).unsqueeze(1)
    share = {
        "per_sequence": 1 / (len(counts) * torch.tensor(counts, dtype=torch.float64).clamp_min(1)).unsqueeze(1),
        "token": torch.tensor(1 / sum(counts), dtype=torch.float64),
        "constant": torch.tensor(1 / (len(counts) * 16), dtype=torch.float64),
    }[objective.denominator]
    losses = token_losses(objective, drawn["l"], drawn["b"], drawn["p"], drawn["r"], advantages, mask)
    rows = [
        {**{name: drawn[name][at, :count].tolist() for name in "lbpr"}, "A": float(advantages[at, 0])}
        for at, count in enumerate(counts)
    ]
    assert float((losses * share).sum()) == pytest.approx(oracle(objective, rows), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("preset", PRESETS)
def test_gradients_are_finite_differences(preset: str) -> None:
    """Away from the corners of clipping, where there is none to compare. CISPO's clipped weight is a constant."""
    objective = replace(PRESETS[preset], clip_low=0.9, clip_high=9.0)
    torch.manual_seed(1)
    shape = (2, 3)
    behaviour, proximal, reference = (-1 - torch.rand(shape, dtype=torch.float64) for _ in range(3))
    advantages = torch.randn(shape[0], 1, dtype=torch.float64).expand(shape)
    logprobs = (behaviour + 0.1).requires_grad_()
    mask = torch.ones(shape, dtype=torch.bool)

    def loss(values: torch.Tensor) -> torch.Tensor:
        return token_losses(objective, values, behaviour, proximal, reference, advantages, mask).sum()

    (gradient,) = torch.autograd.grad(loss(logprobs), logprobs)
    if objective.clip == "cispo":
        ratio = (logprobs - behaviour).exp().detach()
        torch.testing.assert_close(gradient, -ratio * advantages)
        return
    step = 1e-6
    for at in [(0, 0), (1, 2)]:
        moved = torch.zeros(shape, dtype=torch.float64)
        moved[at] = step
        with torch.no_grad():
            slope = (loss(logprobs + moved) - loss(logprobs - moved)) / (2 * step)
        assert float(gradient[at]) == pytest.approx(float(slope), rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(objectives, st.integers(0, 10_000))
def test_what_stands_where_the_mask_is_false_has_no_effect_on_loss_or_gradient(objective: Objective, seed: int) -> None:
    torch.manual_seed(seed)
    shape = (3, 5)
    mask = torch.rand(shape) < 0.6
    inputs = [-3 * torch.rand(shape, dtype=torch.float64) for _ in range(4)]
    inputs.append(torch.randn(shape, dtype=torch.float64))

    def run(streams: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        leaf = streams[0].clone().requires_grad_()
        losses = token_losses(objective, leaf, *streams[1:], mask)
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        return losses.detach(), gradient

    clean = run(inputs)
    poisoned = run([torch.where(mask, stream, torch.nan) for stream in inputs])
    for one, other in zip(clean, poisoned, strict=True):
        assert torch.equal(one, other)
        assert not other[~mask].any()


@pytest.mark.parametrize(
    ("correction", "log_weight", "weight"),
    [
        ("truncated", 0.5, math.exp(0.5)),
        ("truncated", 1.0, 2.0),
        ("truncated", -3.0, math.exp(-3.0)),
        ("band", 0.5, math.exp(0.5)),
        ("band", 1.0, 0.0),
        ("band", -1.0, 0.0),
        ("decoupled", 0.5, math.exp(0.5)),
        ("decoupled", 1.0, 0.0),
        ("decoupled", -3.0, math.exp(-3.0)),
    ],
)
def test_corrections_differ_in_what_they_do_beyond_their_cap_of_two(
    correction: str, log_weight: float, weight: float
) -> None:
    objective = Objective(anchor="proximal", correction=correction)
    proximal, behaviour = one(log_weight - 5), one(-5)
    got = correction_weights(objective, proximal, behaviour, torch.tensor([[True]]))
    assert float(got) == pytest.approx(weight)


def test_a_sequence_ratio_is_the_geometric_mean_of_its_tokens() -> None:
    """GSPO, eq. 7: exp(mean(.3, -.1)) = e^.1 for both tokens, whatever is masked out beside them."""
    log_ratios = torch.tensor([[0.3, -0.1, 9.0]])
    mask = torch.tensor([[True, True, False]])
    ratio = policy_ratio(PRESETS["gspo"], log_ratios, torch.zeros(1, 3), mask)
    assert ratio[0].tolist() == pytest.approx([math.exp(0.1)] * 3)


def test_cispo_keeps_the_gradient_of_tokens_that_ppo_gives_up() -> None:
    for clip, expected in (("ppo", 0.0), ("cispo", -1.2)):
        leaf = one(0.5 - 1).requires_grad_()
        losses = token_losses(Objective(clip=clip), leaf, one(-1), None, None, one(1), torch.tensor([[True]]))
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        assert float(gradient) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"clip_low": 0.0}, r"loss\.clip_low is 0\.0: it must be above 0 and at most 1\."),
        ({"beta": -1.0}, r"loss\.beta is -1\.0: it must be 0 or more\."),
        ({"correction_cap": 0.5}, r"loss\.correction_cap is 0\.5: it must be 1 or more\."),
        ({"denominator": "constant"}, r"loss\.max_length is None: denominator constant needs the budget"),
        ({"correction": "band"}, r"loss\.correction is 'band': .*; set anchor to proximal\."),
    ],
)
def test_numbers_that_make_no_objective_are_refused_by_key(config: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        objective_of({"preset": "grpo", **config})


def test_the_preset_grpo_is_the_papers_table() -> None:
    """Table 4 and eq. 4; actors/config.ts names no number of its own beside it."""
    assert PRESETS["grpo"] == Objective(
        clip_low=0.2, clip_high=0.2, kl="k3", beta=0.001, denominator="per_sequence", correction="none"
    )


def test_a_preset_is_overruled_key_by_key_and_a_wrong_word_is_named() -> None:
    assert objective_of({"preset": "grpo", "denominator": "token", "beta": 0.0}) == replace(
        PRESETS["grpo"], denominator="token", beta=0.0
    )
    with pytest.raises(ValueError, match=r"loss\.preset is 'gpro': it must be one of grpo, dr_grpo"):
        objective_of({"preset": "gpro"})
    with pytest.raises(ValueError, match=r"loss\.clipp is no key"):
        objective_of({"clipp": 0.2})
    with pytest.raises(ValueError, match=r"loss\.kl is 'k9': it must be one of none, k1, k2, k3"):
        objective_of({"kl": "k9"})


def test_logprobs_are_of_the_tempered_distribution_and_entropy_is_its_own() -> None:
    logits = torch.tensor([[[0.0, 1.0, 2.0]]])
    logprobs, entropy = gather_logprobs(logits, torch.tensor([[2]]), 0.5)
    expected = torch.softmax(torch.tensor([0.0, 2.0, 4.0]), dim=0)
    assert float(logprobs) == pytest.approx(math.log(float(expected[2])))
    assert float(entropy) == pytest.approx(-float((expected * expected.log()).sum()))


def test_a_masked_rollout_counts_among_the_rollouts() -> None:
    """Three of four are trained on: each token of theirs weighs as one of four (D20)."""
    batch = parse_batch(make_batch(0, [(2, 2)] * 4, 40, masked=[1]))
    assert float(token_weights(batch, "per_sequence", None).sum()) == pytest.approx(0.75)
    assert float(token_weights(batch, "token", None).sum()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("advantages", None, "it has no advantages"),
        ("lengths", [9, 9], "do not lay"),
        ("behaviour_logprobs", float("nan"), "behaviour_logprobs holds a number that is not finite"),
        ("versions", -1, "a token that is trained on has no version"),
        ("mask", 1, "a token of a prompt is trained on"),
        ("mask", 2, "mask holds something else than 0 and 1"),
        ("ids", 0.5, "ids are float64, not whole numbers"),
        ("advantages", [1.0], r"advantages has shape \[1\], not \[14\]"),
        ("prompt_lengths", [3, 8], "a prompt is empty, or longer than its rollout"),
        ("prompt_lengths", [3], "prompt_lengths has 1 of 2 rollouts"),
        ("rollout_ids", ["a", "a"], "a rollout is in it twice"),
        ("prompt_hashes", ["", ""], "the prompt of rollout r0 hashes to [0-9a-f]{32}, not to "),
    ],
)
def test_a_malformed_batch_is_refused_by_name(field: str, value: Any, complaint: str) -> None:
    fields = make_batch(7, [(3, 4), (2, 5)], 40)
    if value is None:
        del fields[field]
    elif isinstance(value, list):
        fields[field] = value
    else:
        fields[field] = [value] * 14
    with pytest.raises(ValueError, match=rf"{complaint}.* - batch made-7 - "):
        parse_batch(fields)
