"""Which models may read a prompt once for several rollouts: those that score as if it stood there for each."""

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from iterant.engines.policy import sharing_width

COMMON: dict[str, Any] = {"vocab_size": 50, "bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0}
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "intermediate_size": 64,
}


def width_of(kind: str, attention: str = "sdpa", **sizes: Any) -> int:
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **COMMON, **sizes)
    model: Any = AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(6)  # sharp: what a token sees shows in what it predicts
    return sharing_width(model, torch.device("cpu"))


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_models_with_full_attention_share_prompts(kind: str) -> None:
    assert width_of(kind, **SIZES) == 32


def test_so_does_one_with_learned_positions() -> None:
    assert width_of("gpt2", n_embd=32, n_layer=2, n_head=4, n_positions=64) == 32


def test_one_with_a_sliding_window_does_not() -> None:
    assert width_of("mistral", sliding_window=4, **SIZES) == 0
    assert width_of("gemma3_text", sliding_window=4, **SIZES) == 0


def test_one_that_carries_state_from_token_to_token_does_not() -> None:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}
    assert width_of("mamba", "eager", **sizes) == 0


def test_one_that_reads_the_mask_otherwise_does_not() -> None:
    """Eager attention adds a mask that ours is not made to be added as."""
    assert width_of("llama", "eager", **SIZES) == 0
