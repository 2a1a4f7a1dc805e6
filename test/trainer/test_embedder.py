"""The embedder: a small encoder made here, with its tokenizer, as any user's folder would hold them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from iterant.embedder import Embedder, pool
from iterant.models import ModelError

WORDS = ["[PAD]", "[UNK]", "add", "take", "away", "two", "three", "then"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    words = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder)
    return folder


def test_a_text_has_the_same_vector_alone_and_in_a_crowd(folder: Path) -> None:
    embedder = Embedder({"model": str(folder), "batch_size": 2})
    texts = ["add two", "take away three then add two", "", "add two then add three", "two"]
    together = embedder.embed(texts)
    assert together.shape == (5, 16)
    assert together.dtype == np.float32
    for at, text in enumerate(texts):
        np.testing.assert_allclose(embedder.embed([text])[0], together[at], atol=1e-6)
    assert not together[2].any()
    assert np.linalg.norm(together[0] - together[1]) > 1e-3


def test_the_three_ways_to_pool() -> None:
    states = torch.arange(12, dtype=torch.float32).reshape(2, 3, 2)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert pool(states, mask, "mean").tolist() == [[1, 2], [8, 9]]
    assert pool(states, mask, "cls").tolist() == [[0, 1], [6, 7]]
    assert pool(states, mask, "last").tolist() == [[2, 3], [10, 11]]


def test_pools_as_sentence_transformers_wrote_beside_the_model(folder: Path) -> None:
    assert Embedder({"model": str(folder)}).describe() == {"model": str(folder), "pooling": "mean", "size": 16}
    written = folder / "1_Pooling" / "config.json"
    written.parent.mkdir()
    written.write_text(json.dumps({"pooling_mode_cls_token": True}))
    assert Embedder({"model": str(folder)}).describe()["pooling"] == "cls"
    assert Embedder({"model": str(folder), "pooling": "last"}).describe()["pooling"] == "last"
    written.unlink()


def test_a_folder_that_holds_no_encoder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no encoder that can be loaded.*Name another in embedder\.model"):
        Embedder({"model": str(tmp_path)})


def test_an_unknown_way_to_pool_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="pooling is 'max': it must be auto, mean, cls or last"):
        Embedder({"model": str(folder), "pooling": "max"})
