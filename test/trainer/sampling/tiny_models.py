"""Random models of a few thousand parameters with a tokenizer of their own, saved as a folder, and their oracle.

The oracle runs the model without any cache of ours: one sequence at a time, written as the formula reads.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    DynamicCache,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

SPECIAL = ["<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"]
PAD, USER, ASSISTANT, END = range(4)
# Bytes as byte-level tokenizers write them: Ġ is a space, Ċ a new line.
VOCABULARY = [*SPECIAL, *"abcdefghijklmnopqrstuvwxyzĠ0123456789Ċ"]
ROOM = 160
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|assistant|>' if message['role'] == 'assistant' else '<|user|>' }}{{ message['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_tokenizer(template: str | None = TEMPLATE) -> Any:
    """A token a character; unknown ones are dropped."""
    tokenizer = Tokenizer(models.BPE(vocab={word: at for at, word in enumerate(VOCABULARY)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>", extra_special_tokens=SPECIAL[1:3]
    )
    wrapped.chat_template = template
    return wrapped


def save_model(folder: Path, kind: str, seed: int = 0, template: str | None = TEMPLATE) -> Path:
    """A random model whose distributions are far from uniform, so that a wrong position or mask shows."""
    torch.manual_seed(seed)
    shape: dict[str, Any] = {
        "vocab_size": len(VOCABULARY),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "max_position_embeddings": ROOM,
        "eos_token_id": END,
        "bos_token_id": None,
        "pad_token_id": PAD,
    }
    if kind == "llama":
        heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
        model = LlamaForCausalLM(LlamaConfig(**shape, **heads, tie_word_embeddings=True))
    elif kind == "qwen2":
        heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
        model = Qwen2ForCausalLM(Qwen2Config(**shape, **heads, tie_word_embeddings=False))
    else:
        sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": ROOM, "vocab_size": len(VOCABULARY)}
        model = GPT2LMHeadModel(GPT2Config(**sizes, eos_token_id=END, bos_token_id=END))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1 if parameter.ndim == 1 else 6)
    model.save_pretrained(folder)
    make_tokenizer(template).save_pretrained(folder)
    return folder


def changed(folder: Path, seed: int) -> Any:
    """The folder's model with other weights."""
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1 + 0.3 * torch.randn(parameter.shape, generator=generator))
    return model


def whole_logits(model: Any, ids: np.ndarray, start: int) -> torch.Tensor:
    """[T - start, V]: from which ids[start:] were sampled, by one pass over all of it."""
    with torch.no_grad():
        logits: torch.Tensor = model(input_ids=torch.tensor(ids.tolist()).unsqueeze(0), use_cache=False).logits
    return logits[0, start - 1 : -1].float()


def logprobs_of(logits: torch.Tensor, ids: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    every = torch.log_softmax(logits / temperature, dim=-1)
    chosen: np.ndarray = every[torch.arange(len(ids)), torch.tensor(ids.tolist())].numpy()
    return chosen


def relayed_logprobs(models: list[Any], versions: np.ndarray, ids: np.ndarray, start: int) -> np.ndarray:
    """Log-probabilities of ids[start:] where each token is sampled by the model of its version, over the keys and
    values that the models before it left: what a swap in flight means."""
    cache = DynamicCache()
    logprobs = []
    with torch.no_grad():
        if start > 1:
            models[versions[0]](input_ids=torch.tensor([ids[: start - 1].tolist()]), past_key_values=cache)
        for at, version in enumerate(versions.tolist(), start=start):
            step = models[version](input_ids=torch.tensor([[int(ids[at - 1])]]), past_key_values=cache)
            logprobs.append(torch.log_softmax(step.logits[0, -1].float(), dim=-1)[int(ids[at])].item())
    return np.array(logprobs)
