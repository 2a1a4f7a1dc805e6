"""An embedder of texts as an actor: any encoder of a folder in Hugging Face layout, sentence-transformers' included.

Serves the diversity bonus (exit-paper, Eq. 6) where the policy's own hidden states are not wanted. Knows texts and
vectors; what distances between them are worth, the learning program decides.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from iterant.models import ModelError, reason_of

Pooling = Literal["mean", "cls", "last"]


@dataclass(frozen=True)
class EmbedderConfig:
    """model    the folder
    pooling  how token states become one vector; "auto" reads sentence-transformers' 1_Pooling/config.json, else mean
    max_length  tokens of a text that are read; the rest is cut off
    batch_size  texts at a time
    trust_remote_code  run the model's own code, as CodeXEmbed needs: only for folders that you trust
    """

    model: str
    device: str = "cpu"
    pooling: str = "auto"
    max_length: int = 512
    batch_size: int = 32
    threads: int = 1
    trust_remote_code: bool = False


class Embedder:
    """Loads once, then `embed` as often as wanted."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = EmbedderConfig(**config)
        torch.set_num_threads(self._config.threads)
        folder = Path(self._config.model)
        options = {"local_files_only": True, "trust_remote_code": self._config.trust_remote_code}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(str(folder), **options)
            self._model = AutoModel.from_pretrained(str(folder), dtype=torch.float32, **options)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"{folder} holds no encoder that can be loaded: {reason_of(error)} Name another in embedder.model."
            ) from error
        self._model.to(self._config.device).eval()
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._tokenizer.padding_side = "right"
        self._pooling = pooling_of(folder) if self._config.pooling == "auto" else self._config.pooling
        if self._pooling not in ("mean", "cls", "last"):
            raise ValueError(f"pooling is '{self._pooling}': it must be auto, mean, cls or last.")

    def describe(self) -> dict[str, Any]:
        return {"model": self._config.model, "pooling": self._pooling, "size": int(self._model.config.hidden_size)}

    def embed(self, texts: list[str]) -> np.ndarray:
        """[N, E] float32: one vector a text, not normalised. An empty text has the zero vector."""
        vectors = np.zeros((len(texts), int(self._model.config.hidden_size)), dtype=np.float32)
        order = sorted((at for at, text in enumerate(texts) if text.strip()), key=lambda at: len(texts[at]))
        for start in range(0, len(order), self._config.batch_size):
            chosen = order[start : start + self._config.batch_size]
            vectors[chosen] = self._embed_batch([texts[at] for at in chosen])
        return vectors

    def _embed_batch(self, texts: list[str]) -> np.ndarray:
        encoded = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._config.max_length, return_tensors="pt"
        ).to(self._config.device)
        with torch.inference_mode():
            states = self._model(**encoded).last_hidden_state
            vectors: np.ndarray = pool(states, encoded["attention_mask"], self._pooling).cpu().numpy()
        return vectors


def pool(states: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Token states as one vector a text.

    states  [B, T, E] float32
    mask    [B, T]    1 where there is a token; padding on the right
    Returns [B, E]    float32: the mean over tokens, the first token's state, or the last one's
    """
    assert states.ndim == 3
    assert mask.shape == states.shape[:2]
    if pooling == "cls":
        return states[:, 0]
    if pooling == "last":
        return states[torch.arange(len(states)), mask.sum(1) - 1]
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)


def pooling_of(folder: Path) -> Pooling:
    """What sentence-transformers wrote beside the model; the mean where it wrote nothing."""
    file = folder / "1_Pooling" / "config.json"
    if not file.exists():
        return "mean"
    modes = json.loads(file.read_text())
    if modes.get("pooling_mode_cls_token"):
        return "cls"
    return "last" if modes.get("pooling_mode_lasttoken") else "mean"
