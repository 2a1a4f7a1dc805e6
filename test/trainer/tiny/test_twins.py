"""Tiny twins: what is published of the originals, their tokenizers, and the engine on each of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from sampling.conformance import ask

from iterant.models import eos_ids, load_model, load_tokenizer, room_of
from iterant.sampling.engine import Engine
from iterant.tiny.twins import TWINS, make_twin

CHAT = [
    {"role": "system", "content": "Use the tools."},
    {"role": "user", "content": "What is 1 + 1? Il répond 漢."},
    {"role": "assistant", "content": "<think>hm</think>2"},
    {"role": "tool", "content": '["done"]'},
]
# Hidden layers' widths differ; these are of config.json and generation_config.json as published.
PUBLISHED: dict[str, dict[str, Any]] = {
    "llama-3.2-3b": {"class": "LlamaForCausalLM", "ratio": 24 / 8, "room": 131072, "tied": True, "ends": 3},
    "qwen2.5-7b": {"class": "Qwen2ForCausalLM", "ratio": 28 / 4, "room": 32768, "tied": False, "ends": 2},
    "r1-distill-qwen-7b": {"class": "Qwen2ForCausalLM", "ratio": 28 / 4, "room": 131072, "tied": False, "ends": 1},
}
SEEN = {
    "llama-3.2-3b": "<|eot_id|><|start_header_id|>ipython<|end_header_id|>\n\n[",
    "qwen2.5-7b": "<|im_start|>user\n<tool_response>\n[",
    "r1-distill-qwen-7b": "<｜Assistant｜>2<｜end▁of▁sentence｜>",
}


@pytest.fixture(scope="module", params=sorted(TWINS))
def twin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp(request.param)
    make_twin(request.param, folder)
    return request.param, folder


def test_a_twin_is_what_its_original_is_but_for_its_size(twin: tuple[str, Path]) -> None:
    name, folder = twin
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    config = model.config
    assert {
        "class": type(model).__name__,
        "ratio": config.num_attention_heads / config.num_key_value_heads,
        "room": room_of(model),
        "tied": config.tie_word_embeddings,
        "ends": len(eos_ids(model, tokenizer)),
    } == PUBLISHED[name]
    assert sum(parameter.numel() for parameter in model.parameters()) < 1_000_000
    sampling = json.loads((folder / "generation_config.json").read_text())
    assert {key: sampling[key] for key in TWINS[name].sampling} == TWINS[name].sampling


def test_a_chat_reads_as_the_originals_and_comes_back_from_its_ids(twin: tuple[str, Path]) -> None:
    name, folder = twin
    tokenizer = load_tokenizer(folder)
    text = tokenizer.apply_chat_template(CHAT, tokenize=False, add_generation_prompt=True)
    assert SEEN[name] in text
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_the_engine_samples_from_it_with_its_own_settings(twin: tuple[str, Path]) -> None:
    name, folder = twin
    engine = Engine({"model": str(folder), "slots": 2})
    sampling = {**TWINS[name].sampling, "max_tokens": 8}
    reply = ask(engine, CHAT, n=2, seed=1, lane="eval", sampling=sampling)
    assert all(0 < len(completion["ids"]) <= 8 for completion in reply["completions"])


def test_a_seed_gives_the_same_weights_and_another_gives_others(tmp_path: Path) -> None:
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        make_twin("qwen2.5-7b", tmp_path / folder, seed)
    a, b, c = ((tmp_path / folder / "model.safetensors").read_bytes() for folder in "abc")
    assert a == b
    assert a != c
