"""The text of each token: joined they are the whole, and none of it needs torch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from iterant.tokens import token_texts

ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())


def byte_tokenizer() -> Tokenizer:
    """One token a byte of UTF-8, as a byte-level BPE without merges has it."""
    tokenizer = Tokenizer(models.BPE(vocab={symbol: at for at, symbol in enumerate(ALPHABET)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def word_tokenizer() -> Tokenizer:
    """Words with a mark for their space, which the decoder drops from the first, as SentencePiece does."""
    tokenizer = Tokenizer(models.WordLevel({"▁so": 0, "▁it": 1, "▁is": 2, "!": 3}, unk_token="!"))
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


BYTES = byte_tokenizer()


@given(st.text(st.characters(exclude_characters="\ufffd", exclude_categories=["Cs"]), max_size=30))
def test_joined_they_are_the_text_whatever_characters_it_has(text: str) -> None:
    ids = BYTES.encode(text).ids
    texts = token_texts(lambda part: BYTES.decode(part, skip_special_tokens=False), ids)
    assert len(texts) == len(ids)
    assert "".join(texts) == text


def test_a_token_within_a_character_is_empty_and_the_last_of_it_has_all() -> None:
    ids = BYTES.encode("aé€b").ids
    assert token_texts(BYTES.decode, ids) == ["a", "", "é", "", "", "€", "b"]


def test_bytes_that_never_become_a_character_stand_with_the_last_token() -> None:
    ids = BYTES.encode("a€").ids[:-1]
    assert token_texts(BYTES.decode, ids) == ["a", "", "�"]


def test_the_space_that_a_decoder_drops_from_the_first_token_is_kept_in_the_others() -> None:
    assert token_texts(word_tokenizer().decode, [0, 1, 2, 3]) == ["so", " it", " is", "!"]


def run(folder: Path, ids: list[int]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "iterant.tokens", str(folder)],
        input=json.dumps(ids),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_reads_ids_and_writes_texts(tmp_path: Path) -> None:
    BYTES.save(str(tmp_path / "tokenizer.json"))
    ended = run(tmp_path, BYTES.encode("né").ids)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == ["n", "", "é"]


def test_a_folder_without_a_tokenizer_ends_it_with_one_line(tmp_path: Path) -> None:
    ended = run(tmp_path, [1])
    assert ended.returncode == 1
    assert ended.stderr == f"{tmp_path} has no tokenizer.json. Save one with a fast tokenizer's save_pretrained.\n"


@pytest.mark.parametrize("module", ["torch", "transformers"])
def test_it_imports_no(module: str, tmp_path: Path) -> None:
    BYTES.save(str(tmp_path / "tokenizer.json"))
    code = (
        "import io, sys; sys.stdin = io.StringIO('[1]');"
        f"import iterant.tokens; iterant.tokens.main({str(tmp_path)!r}); sys.exit({module!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
