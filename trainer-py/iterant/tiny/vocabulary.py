"""The tiny tokenizer: printable characters, and each fixed phrase of the prompts as one token.

So a prompt takes as many tokens as its slots have characters, and any other text can still be read, character by
character. Saved in Hugging Face layout with a chat template. Knows no model.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PAD, UNKNOWN, USER, ASSISTANT, END = "<|pad|>", "<|unk|>", "<|user|>", "<|assistant|>", "<|end|>"

# Word for word what actors/exit/prompts.ts and envs/math/environment.ts say: a test holds them to it.
IMPROVE = "Write a better response to this request than the current one.\n\n## Request\n"
DIVERGE = (
    "Look at the current response to this request, then give a better one whose approach is "
    "**significantly different**.\n\n## Request\n"
)
CURRENT_RESPONSE = "\n\n## Current response\n"
FEEDBACK = "\n\n## Feedback on the current response\n"
FORMAT = (
    "\n\n## Format of your response\n"
    "- Sum up the approach of the current response in a few words.\n"
    "- Name an approach that differs from it in a meaningful way.\n"
    "- Answer the request with that approach."
)
ANSWER_FORMAT = "\n\nPut the final answer in \\boxed{}."
PHRASES = (IMPROVE, DIVERGE, CURRENT_RESPONSE, FEEDBACK, FORMAT, ANSWER_FORMAT, "\\boxed{", " ok;", " no;")

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}<|assistant|>{{ message['content'] }}<|end|>"
    "{% else %}<|user|>{{ message['content'] }}<|end|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_tokenizer(phrases: Sequence[str] = PHRASES) -> PreTrainedTokenizerFast:
    """The tokenizer, made from nothing: the same ids every time. Each of the phrases is one token."""
    characters = ["\n", *(chr(code) for code in range(32, 127))]
    words = [PAD, UNKNOWN, USER, ASSISTANT, END, *characters, *phrases]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens([PAD, UNKNOWN, USER, ASSISTANT, END])
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in phrases])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        clean_up_tokenization_spaces=False,
        model_max_length=4096,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def prompt_ids(tokenizer: Any, messages: Sequence[Mapping[str, str]]) -> list[int]:
    """What the model sees of a conversation before it answers."""
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    return list(tokenizer.encode(text, add_special_tokens=False))


def response_ids(tokenizer: Any, response: str) -> list[int]:
    """A response and its end."""
    return [*tokenizer.encode(response, add_special_tokens=False), tokenizer.eos_token_id]


def save(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    tokenizer.save_pretrained(folder)
