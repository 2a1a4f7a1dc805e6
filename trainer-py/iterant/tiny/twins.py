"""Tiny twins of the paper's three policies: their architecture, special tokens and way of chatting, random weights.

What trains a twin on two cores is what trains the model on GPUs: the same classes of model and tokenizer are loaded,
the same ids end a response, the same settings sample. Widths, depth and vocabulary are small; ratios of heads are kept.
The vocabulary is learnt from the texts of this package, so a twin is made from nothing that has to be fetched.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, ByteLevelBPETokenizer, Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

VOCABULARY_SIZE = 2048  # special tokens not counted
LAYERS = 2
HEAD_SIZE = 16

LLAMA_CHAT = (
    "{{ bos_token }}{% for message in messages %}"
    "<|start_header_id|>{{ 'ipython' if message.role == 'tool' else message.role }}<|end_header_id|>\n\n"
    "{{ message.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
QWEN_CHAT = (
    "{% for message in messages %}<|im_start|>{{ 'user' if message.role == 'tool' else message.role }}\n"
    "{% if message.role == 'tool' %}<tool_response>\n{{ message.content }}\n</tool_response>"
    "{% else %}{{ message.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# An earlier answer is shown without its reasoning; the next one begins with it.
DEEPSEEK_CHAT = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.role == 'assistant' %}<｜Assistant｜>{{ message.content.split('</think>')[-1] }}{{ eos_token }}"
    "{% elif message.role == 'system' %}{{ message.content }}"
    "{% else %}<｜User｜>{{ message.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<｜Assistant｜><think>\n{% endif %}"
)


@dataclass(frozen=True)
class Twin:
    """What a published model is like, apart from its size.

    heads, kv_heads  attention heads of the twin, in the ratio of the original
    intermediate     width of the MLP over that of the residual stream
    config           other fields of its config.json
    tokenizer        the class that its files name
    tokens, end      special tokens by attribute; what ends a response, the tokenizer's own first
    sampling         of its generation_config.json
    """

    kind: str
    heads: int
    kv_heads: int
    intermediate: float
    config: Mapping[str, Any]
    tokenizer: str
    tokens: Mapping[str, str]
    end: tuple[str, ...]
    chat: str
    sampling: Mapping[str, Any]
    more_tokens: tuple[str, ...] = field(default=())


TWINS = {
    "llama-3.2-3b": Twin(
        kind="llama",
        heads=6,
        kv_heads=2,
        intermediate=8192 / 3072,
        config={
            "max_position_embeddings": 131072,
            "rms_norm_eps": 1e-5,
            "tie_word_embeddings": True,
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 500000.0,
                "factor": 32.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192,
            },
        },
        tokenizer="PreTrainedTokenizerFast",
        tokens={"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
        end=("<|eot_id|>", "<|end_of_text|>", "<|eom_id|>"),
        chat=LLAMA_CHAT,
        sampling={"temperature": 0.6, "top_p": 0.9},
        more_tokens=("<|start_header_id|>", "<|end_header_id|>", "<|finetune_right_pad_id|>"),
    ),
    "qwen2.5-7b": Twin(
        kind="qwen2",
        heads=7,
        kv_heads=1,
        intermediate=18944 / 3584,
        config={
            "max_position_embeddings": 32768,
            "rms_norm_eps": 1e-6,
            "tie_word_embeddings": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
        },
        tokenizer="Qwen2Tokenizer",
        tokens={"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>"},
        end=("<|im_end|>", "<|endoftext|>"),
        chat=QWEN_CHAT,
        sampling={"temperature": 0.7, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.05},
        more_tokens=("<|im_start|>",),
    ),
    "r1-distill-qwen-7b": Twin(
        kind="qwen2",
        heads=7,
        kv_heads=1,
        intermediate=18944 / 3584,
        config={
            "max_position_embeddings": 131072,
            "rms_norm_eps": 1e-6,
            "tie_word_embeddings": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        },
        tokenizer="LlamaTokenizerFast",
        tokens={"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"},
        end=("<｜end▁of▁sentence｜>",),
        chat=DEEPSEEK_CHAT,
        sampling={"temperature": 0.6, "top_p": 0.95},
        more_tokens=("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"),
    ),
}


def make_twin(name: str, folder: Path, seed: int = 0) -> None:
    """Writes the twin in Hugging Face layout; the same seed gives the same files on the same machine.

    Raises KeyError for a name that is not in TWINS.
    """
    disable_progress_bar()  # a log file is no terminal
    twin = TWINS[name]
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer_of(twin)
    end = [tokenizer.convert_tokens_to_ids(token) for token in twin.end]
    width = twin.heads * HEAD_SIZE
    config = AutoConfig.for_model(
        twin.kind,
        **twin.config,
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=round(width * twin.intermediate),
        num_hidden_layers=LAYERS,
        num_attention_heads=twin.heads,
        num_key_value_heads=twin.kv_heads,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=end if len(end) > 1 else end[0],
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    model.generation_config = GenerationConfig(
        do_sample=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=end if len(end) > 1 else end[0],
        pad_token_id=tokenizer.pad_token_id,
        **twin.sampling,
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    named = folder / "tokenizer_config.json"
    named.write_text(json.dumps({**json.loads(named.read_text()), "tokenizer_class": twin.tokenizer}, indent=2) + "\n")


def _tokenizer_of(twin: Twin) -> PreTrainedTokenizerFast:
    """Byte-level BPE, as all three have, with the twin's special tokens behind it."""
    learner = ByteLevelBPETokenizer()
    learner.train_from_iterator(_texts(), vocab_size=VOCABULARY_SIZE, min_frequency=2, show_progress=False)
    special = dict.fromkeys([*twin.tokens.values(), *twin.end, *twin.more_tokens])
    learner.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(learner.to_str()),
        **{"pad_token": twin.end[-1], **twin.tokens},
    )
    tokenizer.chat_template = twin.chat
    return tokenizer


def _texts() -> Iterator[str]:
    """Of this package: Python, English and JSON, always in the same order."""
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        yield path.read_text()
