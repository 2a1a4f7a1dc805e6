"""The text of each token, for people: `python -m iterant.tokens MODEL_FOLDER`, ids in, texts out, as JSON.

Reads the folder's tokenizer.json with the `tokenizers` library alone, so that it starts in a tenth of a second:
neither torch nor transformers is imported. Knows no episode.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

TOKENIZER_FILE = "tokenizer.json"
# What a decoder writes for bytes that are not yet a character.
INCOMPLETE = "�"


def token_texts(decode: Callable[[list[int]], str], ids: Sequence[int]) -> list[str]:
    """What each token adds to the text; joined, they are the decoded text.

    decode  ids to text, special tokens included
    ids     [T] of one sequence
    Returns [T] texts. A token that ends within a character has the empty text, and the one that completes it has all of
    it; bytes that never become a character stand with the last token as U+FFFD.

    Each is the difference of two decodings that begin with the character before, because many decoders treat the
    first token of a sequence otherwise (SentencePiece drops its space). Linear in T where characters are short.
    """
    texts: list[str] = []
    context = told = 0  # the whole character told last is ids[context:told]
    for end in range(1, len(ids) + 1):
        before = decode(list(ids[context:told]))
        after = decode(list(ids[context:end]))
        if after.endswith(INCOMPLETE) and end < len(ids):
            texts.append("")
            continue
        texts.append(after[len(before) :])
        context, told = told, end
    return texts


def main(folder: str) -> None:
    """Reads a JSON list of ids from stdin, writes a JSON list of as many texts. Exits with one line if it cannot."""
    file = Path(folder) / TOKENIZER_FILE
    if not file.is_file():
        sys.exit(f"{folder} has no {TOKENIZER_FILE}. Save one with a fast tokenizer's save_pretrained.")
    try:
        from tokenizers import Tokenizer
    except ImportError:
        sys.exit("the package tokenizers is missing. Run: npm run setup")
    tokenizer = Tokenizer.from_file(str(file))
    ids: list[int] = json.load(sys.stdin)
    texts = token_texts(lambda part: tokenizer.decode(part, skip_special_tokens=False), ids)
    json.dump(texts, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
