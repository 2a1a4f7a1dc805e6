"""The oracle of the engine tests: a model run without any cache of ours, a sequence at a time, as the formula reads."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from iterant.models import load_model


def changed(folder: Path, seed: int) -> Any:
    """The folder's model with other weights."""
    model = load_model(folder)
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


def states_of(model: Any, ids: np.ndarray, start: int) -> np.ndarray:
    """[T - start, H]: the last layer's states from which ids[start:] were sampled."""
    with torch.no_grad():
        output = model(input_ids=torch.tensor([ids.tolist()]), output_hidden_states=True, use_cache=False)
    states: np.ndarray = output.hidden_states[-1][0, start - 1 : -1].numpy()
    return states


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
