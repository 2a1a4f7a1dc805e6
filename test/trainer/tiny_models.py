"""Small random models with tokenizers of their own, made for tests in Hugging Face layout."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789 .,:?\n"
SPECIALS = ["<pad>", "<unk>", "<user>", "<assistant>", "<end>"]
TEMPLATE = (
    "{% for message in messages %}<{{ 'assistant' if message['role'] == 'assistant' else 'user' }}>"
    "{{ message['content'] }}<end>\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
    "tie_word_embeddings": True,
}


def make_tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    words = [*SPECIALS, *CHARACTERS]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(SPECIALS)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<end>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = template
    return fast


def make_model(folder: Path, kind: str = "llama", seed: int = 0, template: str | None = TEMPLATE) -> Path:
    """Saves a random model of a kind, sharp enough that its tokens are not all alike."""
    disable_progress_bar()
    torch.manual_seed(seed)
    tokenizer = make_tokenizer(template)
    end = tokenizer.eos_token_id
    sizes = {**SIZES, "vocab_size": len(tokenizer), "bos_token_id": None, "eos_token_id": end, "pad_token_id": 0}
    model: Any = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(6)
    model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
