"""Hugging Face causal LMs from a folder on this machine: the model, its tokenizer, what ends a response.

Nothing is downloaded. Knows neither sampling nor training; the engines and the learner both begin here.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar


class ModelError(Exception):
    """A folder that holds no model that can be used: which, why, what to do."""


def load_model(folder: str | Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Any:
    """The causal LM of a folder, in evaluation mode, every weight in `dtype` on `device`.

    Whatever the file's own dtype: weights that ship in bfloat16 are float32 here unless asked otherwise,
    so that engine and learner compute the same log-probabilities.
    Raises ModelError if the folder holds no causal LM.
    """
    disable_progress_bar()  # a log file is no terminal
    try:
        model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=dtype, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{folder} holds no causal LM that can be loaded: {reason_of(error)} Save one with save_pretrained."
        ) from error
    return model.to(device).eval()


def load_tokenizer(folder: str | Path) -> Any:
    """The tokenizer of a folder. Raises ModelError if it holds none."""
    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{folder} has no tokenizer that can be loaded: {reason_of(error)} Save one with tokenizer.save_pretrained."
        ) from error


def reason_of(error: Exception) -> str:
    """The first sentence of a library's error, which may run over many lines, with one full stop at its end."""
    return str(error).strip().split("\n")[0].rstrip(" .:") + "."


def eos_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every id that ends a response: of the generation config, the model's config and the tokenizer."""
    named = (
        getattr(getattr(model, "generation_config", None), "eos_token_id", None),
        getattr(model.config, "eos_token_id", None),
        getattr(tokenizer, "eos_token_id", None),
    )
    ids: set[int] = set()
    for value in named:
        if isinstance(value, int):
            ids.add(value)
        elif value is not None:
            ids.update(value)
    return frozenset(ids)


def room_of(model: Any) -> int:
    """Positions that the model has for prompt and response together."""
    return int(getattr(model.config, "max_position_embeddings", None) or 4096)
